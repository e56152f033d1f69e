r"""Quantities and chemical formulas: siunitx and mhchem in core LaTeX.

`\SI{5}{\metre\per\second}` is `5\,\mathrm{m}\,\mathrm{s}^{-1}`, and `\ce{H2O}` is
`\mathrm{H}_{2}\mathrm{O}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from im2latex_cli.latex.dialects.reading import argument, before, option
from im2latex_cli.latex.tokenizer import CONTROL_SPACE, SPACE, tokenize

Tokens = list[str]
Rewriter = Callable[[Sequence[str], int], tuple[Tokens, int] | None]
_SERIES = ("SI", "qty", "num")

_UNITS = r"""
metre m meter m kilogram kg gram g second s ampere A kelvin K mole mol candela cd hertz Hz newton N
pascal Pa joule J watt W coulomb C volt V farad F siemens S weber Wb tesla T henry H lumen lm
lux lx becquerel Bq gray Gy sievert Sv katal kat radian rad steradian sr minute min hour h day d
hectare ha litre L liter L tonne t bel B decibel dB neper Np electronvolt eV dalton Da bar bar
barn b knot kn mmHg mmHg astronomicalunit au parsec pc lightyear ly bit bit byte B
m m s s kg kg g g A A K K mol mol Hz Hz N N Pa Pa J J W W C C V V F F H H eV eV T T
mm mm cm cm km km nm nm um \mu{}m ms ms us \mu{}s ns ns kHz kHz MHz MHz GHz GHz kN kN kPa kPa
MPa MPa kJ kJ kW kW mA mA mV mV kV kV keV keV MeV MeV GeV GeV TeV TeV mg mg L L l l mL mL ml ml
"""
_PREFIXES = r"""
yocto y zepto z atto a femto f pico p nano n micro \mu milli m centi c deci d deca da deka da
hecto h kilo k mega M giga G tera T peta P exa E zetta Z yotta Y kibi Ki mebi Mi gibi Gi
"""
_SIGNS = {
    "\\ohm": ["\\Omega"],
    "\\degree": ["^", "{", "\\circ", "}"],
    "\\arcminute": ["^", "{", "\\prime", "}"],
    "\\arcsecond": ["^", "{", "\\prime", "\\prime", "}"],
    "\\percent": ["\\%"],
    "\\angstrom": ["\\mathring", "{", "\\mathrm", "{", "A", "}", "}"],
    "\\celsius": ["^", "{", "\\circ", "}", "\\mathrm", "{", "C", "}"],
    "\\degreeCelsius": ["^", "{", "\\circ", "}", "\\mathrm", "{", "C", "}"],
}
"""Units that are no roman letters."""
_TIED = frozenset(("\\degree", "\\arcminute", "\\arcsecond"))
"""Units that follow their number without a space."""


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return {f"\\{name}": sign for name, sign in zip(words[::2], words[1::2], strict=True)}


_ROMAN = _table(_UNITS)
_BEFORE = _table(_PREFIXES)
_NUMBER = re.compile(
    r"(?P<sign>[+-]?|\\pm|\+-)(?P<whole>\d*)(?:[.,](?P<part>\d*))?(?:\((?P<last>\d+)\))?"
    r"(?:(?:\+-|\\pm)(?P<error>\d*(?:[.,]\d*)?))?(?:[eEdD](?P<power>[+-]?\d+))?\Z"
)


def number(tokens: Sequence[str]) -> Tokens:
    r"""Write a number of siunitx: `1.5e-3` is `1.5\times10^{-3}`, digits in groups of three."""
    text = "".join(tokens)
    match = _NUMBER.match(text)
    if match is None or not text:
        return list(tokens)
    if match["error"]:
        return number(tokenize(_compact(match)))
    whole, part = match["whole"] or "", match["part"]
    out = tokenize({"+-": "\\pm", "+": ""}.get(match["sign"], match["sign"]))
    if whole or part is not None:
        out += _group_digits(whole or "0", backwards=True)
        out += [".", *_group_digits(part)] if part else []
    if match["last"]:
        out += ["(", *match["last"], ")"]
    if match["power"]:
        times = ["\\times"] if whole or part else []
        out += [*times, *"10", "^", "{", *match["power"].lstrip("+"), "}"]
    return out


def _compact(match: re.Match[str]) -> str:
    """A number whose uncertainty is that of its last digits: `1.20+-0.3` as `1.20(30)`."""
    part, error = match["part"] or "", match["error"].replace(",", ".")
    whole, _, decimals = error.partition(".")
    places = max(len(part), len(decimals))
    digits = (whole + decimals.ljust(places, "0")).lstrip("0") or "0"
    value = match["whole"] + ("." + part.ljust(places, "0") if places else "")
    power = f"e{match['power']}" if match["power"] else ""
    return f"{match['sign']}{value}({digits}){power}"


def _group_digits(digits: str, *, backwards: bool = False) -> Tokens:
    """Digits with thin spaces every three of them, if there are five or more."""
    if len(digits) < 5:
        return list(digits)
    start = len(digits) % 3 if backwards else 0
    groups = [digits[:start]] if start else []
    groups += [digits[at : at + 3] for at in range(start, len(digits), 3)]
    return [token for group in groups for token in ("\\,", *group)][1:]


def unit(tokens: Sequence[str]) -> Tokens | None:
    r"""Write a unit: `\metre\per\second\squared`, or letters with dots: `kg.m/s^2`."""
    if not any(token.startswith("\\") for token in tokens):
        return _literal(tokens)
    return _macros(tokens)


def _macros(tokens: Sequence[str]) -> Tokens | None:  # noqa: C901 - the table of the notation
    parts: list[Tokens] = []
    prefix, per, power = "", False, ""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "\\per":
            per = True
        elif token in ("\\squared", "\\cubed") and parts:
            _raise(parts[-1], "2" if token == "\\squared" else "3")
        elif token in ("\\square", "\\cubic"):
            power = "2" if token == "\\square" else "3"
        elif token in ("\\tothe", "\\raiseto") and (group := argument(tokens, at)) is not None:
            at = group[1]
            if token == "\\raiseto":
                power = "".join(group[0])
            elif parts:
                _raise(parts[-1], "".join(group[0]))
        elif token in _BEFORE and not prefix:
            prefix = _BEFORE[token]
        elif token in _ROMAN or token in _SIGNS:
            parts.append(_one(prefix, token))
            if per or power:
                _raise(parts[-1], f"{'-' if per else ''}{power or '1'}")
            prefix, per, power = "", False, ""
        else:
            return None
    return [token for part in parts for token in ("\\,", *part)][1:] if parts else None


def _one(prefix: str, token: str) -> Tokens:
    if token in _SIGNS:
        lead = ["\\mathrm", "{", *prefix, "}"] if prefix and prefix[0] != "\\" else [prefix]
        return [*(lead if prefix else ()), *_SIGNS[token]]
    letters = tokenize(prefix + _ROMAN[token].replace("{}", " ")) if prefix != "\\mu" else []
    if prefix == "\\mu":
        return ["\\mu", "\\mathrm", "{", *_ROMAN[token], "}"]
    if letters[0] == "\\mu":
        return ["\\mu", "\\mathrm", "{", *letters[1:], "}"]
    return ["\\mathrm", "{", *letters, "}"]


def _raise(part: Tokens, power: str) -> None:
    """Raise a unit; its exponent so far is a sign."""
    if part[-1:] == ["}"] and "^" in part and part[0] != "^":
        at = part.index("^")
        before = "".join(part[at + 2 : -1])
        power = f"-{power}" if before == "-1" else power
        del part[at:]
    part += ["^", "{", *power, "}"]


def _literal(tokens: Sequence[str]) -> Tokens:
    out: Tokens = []
    for token in tokens:
        if token in (".", "~"):
            out.append("\\,")
        elif len(token) == 1 and token.isalpha():
            out += ["\\mathrm", "{", token, "}"]
        else:
            out.append(token)
    return out


def quantity(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\SI{5}{\metre}`, `\qty{5}{m}`."""
    value = _given(tokens, at + 1)
    unit_group = None if value is None else argument(tokens, value[1])
    if value is None or unit_group is None:
        return None
    unit_tokens = unit(unit_group[0])
    if unit_tokens is None:
        return None
    return _with_unit(number(value[0]), unit_group[0], unit_tokens), unit_group[1]


def _with_unit(value: Tokens, source: Sequence[str], written: Tokens) -> Tokens:
    tied = any(token in _TIED for token in source[:1])
    if not value:  # `\SI{}{\metre}` is the unit alone
        return list(written)
    return [*value, *([] if tied else ["\\,"]), *written]


def _several(kind: str, *, measured: bool) -> Rewriter:
    r"""`\SIrange{1}{2}{\metre}`, `\numlist{1;2;3}`: numbers with words between them."""

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        first = _given(tokens, at + 1)
        if first is None:
            return None
        texts, end = "".join(first[0]).split(";"), first[1]
        if kind == "range":
            last = argument(tokens, end)
            if last is None:
                return None
            texts, end = ["".join(first[0]), "".join(last[0])], last[1]
        values = [number(tokenize(text)) for text in texts]
        if measured:
            group = argument(tokens, end)
            written = None if group is None else unit(group[0])
            if group is None or written is None:
                return None
            values = [_with_unit(value, group[0], written) for value in values]
            end = group[1]
        return _enumerated(values, "to" if kind == "range" else "and"), end

    return rewrite


def _enumerated(values: Sequence[Tokens], word: str) -> Tokens:
    out = list(values[0])
    for at, value in enumerate(values[1:], 2):
        between = ["\\text", "{", SPACE, *word, SPACE, "}"]
        out += [*(between if at == len(values) else [",", CONTROL_SPACE]), *value]
    return out


def _num(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    group = _given(tokens, at + 1)
    return None if group is None else (number(group[0]), group[1])


def _unit(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    group = _given(tokens, at + 1)
    result = None if group is None else unit(group[0])
    return None if group is None or result is None else (result, group[1])


def _angle(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\ang{1;2;3}`: degrees, minutes, seconds."""
    group = _given(tokens, at + 1)
    if group is None:
        return None
    out: Tokens = []
    signs = (["\\circ"], ["\\prime"], ["\\prime", "\\prime"])
    for part, sign in zip("".join(group[0]).split(";"), signs, strict=False):
        out += [*number(list(part)), "^", "{", *sign, "}"] if part else []
    return out, group[1]


def _given(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """An argument; None behind options, which change what siunitx writes."""
    return argument(tokens, at) if option(tokens, at) is None else None


UNITS: dict[str, Rewriter] = {
    "\\SI": quantity,
    **{f"\\{name}range": _several("range", measured=name != "num") for name in _SERIES},
    **{f"\\{name}list": _several("list", measured=name != "num") for name in _SERIES},
    "\\num": _num,
    "\\si": _unit,
    "\\unit": _unit,
    "\\ang": _angle,
}


_ARROWS = {
    "<-->": ["\\leftrightarrows"],
    "<=>": ["\\rightleftharpoons"],
    "<->": ["\\longleftrightarrow"],
    "->": ["\\longrightarrow"],
    "<-": ["\\longleftarrow"],
}
"""By length: the first that fits is taken."""
_REFUSED = ("<=>>", "<<=>")
"""Arrows of two lengths, which core LaTeX does not have."""
_LABELLED = {"->": "\\xrightarrow", "<-": "\\xleftarrow"}
_BONDS = {"-": "-", "=": "=", "#": "\\equiv"}
_PHASES = {"v": "\\downarrow", "^": "\\uparrow"}
"""Signs of a solid and a gas that form, if they stand alone."""
_GREEK = ["\\alpha", "\\beta", "\\gamma", "\\delta", "\\mu", "\\eta"]
_SPACE = ["\\", "~", "\\nobreakspace", "\\space", "\\,", "\\;", "\\quad"]


def formula(tokens: Sequence[str]) -> Tokens | None:
    r"""Write the argument of `\ce`; None if something in it is not known here."""
    return _FormulaReader(tokens).run()


class _FormulaReader:
    """One pass over the argument; its spaces are tokens."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = list(tokens)
        self.at = 0
        self.out: Tokens = []
        self.counted = False  # a number of atoms precedes
        self.atom = False  # an element or a bracket precedes: digits are its number of atoms

    def run(self) -> Tokens | None:
        while self.at < len(self.tokens):
            if not self.arrow() and not self.step(self.tokens[self.at]):
                return None
        return self.out

    def arrow(self) -> bool:
        ahead = "".join(takewhile(lambda one: len(one) == 1, self.tokens[self.at : self.at + 6]))
        sign = next((one for one in _ARROWS if ahead.startswith(one)), None)
        if sign is None or ahead.startswith(_REFUSED):
            return False
        behind = ahead[len(sign) :]
        if behind[1:2] == "[" or (behind[:1] == "[" and sign not in _LABELLED):
            return False  # `->T[...]`, and labels on arrows that have none in core LaTeX
        self.at += len(sign)
        above = option(self.tokens, self.at)
        below = None if above is None else option(self.tokens, above[1])
        if above is None or sign not in _LABELLED:
            self.out += _ARROWS[sign]
        else:
            self.at = above[1] if below is None else below[1]
            under = ["[", *(formula(below[0]) or below[0]), "]"] if below is not None else []
            over = formula(above[0]) or above[0]
            self.out += [_LABELLED[sign], *under, "{", *over, "}"]
        self.atom = False
        return True

    def step(self, token: str) -> bool:  # noqa: C901, PLR0912 - the table of the notation
        if token in _SPACE:
            self.at += 1
            self.atom = False
        elif self.phase() or self.amount():
            self.atom = False
        elif len(token) == 1 and token.isalpha():
            self.letters()
        elif len(token) == 1 and token.isdigit():
            self.digits()
        elif token in ("^", "_"):
            return self.script(token)
        elif token in ("+", "-") and self.atom and self.is_charge():
            self.charge("^", [token])
            self.at += 1
        elif token in ("(", "[", "{", "}", ")", "]", "\\{", "\\}"):
            self.bracket(token)
        elif token in ("*", "."):
            self.add("\\cdot")
        elif token in _BONDS and self.atom:
            greek = token == "-" and self.tokens[self.at - 1] in _GREEK
            self.out += ["\\text", "{", "-", "}"] if greek else ["{", _BONDS[token], "}"]
            self.at += 1
            self.atom = False
        elif token in ("+", "=", ",", ";", "/", ":"):
            self.add(token)
        elif token == "$":
            return self.mathematics()
        elif token.startswith("\\") and token[1:].isalpha():
            self.out.append(token)
            self.at += 1
            self.atom = True
        else:
            return False
        return True

    def add(self, token: str) -> None:
        self.out.append(token)
        self.at += 1
        self.atom = False

    def letters(self) -> None:
        start = self.at
        self.at += 1
        while self.at < len(self.tokens) and self.tokens[self.at : self.at + 1][0].isalpha():
            if len(self.tokens[self.at]) > 1:
                break
            self.at += 1
        run = self.tokens[start : self.at]
        self.out += ["\\mathrm", "{", *run, "}"]
        self.atom, self.counted = True, False

    def phase(self) -> bool:
        """Take an arrow for a solid or a gas that forms: ` v ` or `(v)`."""
        ahead = self.tokens[self.at : self.at + 3]
        bracketed = ahead[:1] == ["("] and ahead[2:] == [")"]
        mark = ahead[1] if bracketed else ahead[0]
        behind = self.tokens[self.at + 1 : self.at + 2]
        alone = self.is_at_blank() and (not behind or behind[0] in _SPACE)
        if mark not in _PHASES or not (bracketed or alone):
            return False
        self.out.append(_PHASES[mark])
        self.at += 3 if bracketed else 1
        return True

    def amount(self) -> bool:
        """Take a small letter alone before an element: it counts, and is italic."""
        ahead = self.tokens[self.at : self.at + 3]
        if not (
            len(ahead) == 3
            and self.is_at_blank()
            and _is_variable(ahead[:1])
            and ahead[1] in _SPACE
            and len(ahead[2]) == 1
            and ahead[2].isupper()
        ):
            return False
        self.out += [ahead[0], "\\,"]
        self.at += 1
        return True

    def is_at_blank(self) -> bool:
        """Whether a blank or nothing precedes."""
        return not self.at or self.tokens[self.at - 1] in _SPACE

    def digits(self) -> None:
        run = self.run_of("0123456789" if self.atom else "0123456789.")
        if self.atom:
            self.charge("_", run)
            return
        if self.tokens[self.at : self.at + 1] == ["/"] and "".join(run).isdigit():
            self.at += 1
            below = self.run_of("0123456789")
            if below and self.out[-1:] != ["("]:
                self.out += ["\\tfrac", "{", *run, "}", "{", *below, "}", "\\,"]
                return
            run = [*run, "/", *below]
        closed = self.tokens[self.at : self.at + 1] == [")"]
        self.out += [*run, *([] if closed else ["\\,"])]

    def run_of(self, characters: str) -> Tokens:
        """Take the tokens from here on that are among these characters."""
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at] in characters:
            self.at += 1
        return self.tokens[start : self.at]

    def script(self, mark: str) -> bool:
        group = argument(self.tokens, self.at + 1)
        if group is None:
            return False
        inside, self.at = group
        if len(inside) == 1 and (mark == "^" or not self.atom):
            inside = [*inside, *self.run_of("0123456789+-" if self.atom else "0123456789")]
        if not self.atom:
            return self.leading(mark, inside)
        radical = ["\\bullet" if token == "." else token for token in inside]
        self.charge(mark, _roman(radical if mark == "^" else inside))
        return True

    def charge(self, mark: str, inside: Sequence[str]) -> None:
        """Write a script; a charge comes after the number of atoms, not above it."""
        self.out += ["{", "}"] if mark == "^" and self.counted else []
        self.out += [mark, "{", *inside, "}"]
        self.counted = mark == "_"

    def leading(self, mark: str, inside: Sequence[str]) -> bool:
        """Mass number and atomic number before an element."""
        opposite = "_" if mark == "^" else "^"
        other = argument(self.tokens, self.at + 1)
        if self.tokens[self.at : self.at + 1] != [opposite] or other is None:
            self.out += ["{", "}", mark, "{", *_roman(inside), "}"]
            return True
        self.at = other[1]
        if len(other[0]) == 1:
            other = ([*other[0], *self.run_of("0123456789")], self.at)
        pair = (other[0], inside) if mark == "^" else (inside, other[0])
        self.out += before(_roman(pair[0]), _roman(pair[1]))
        return True

    def is_charge(self) -> bool:
        """Whether a sign is a charge: every plus is, and a minus that is no bond."""
        ahead = self.tokens[self.at + 1 : self.at + 2]
        if self.tokens[self.at] == "+":
            return True
        return not ahead or (not (ahead[0].isalnum() and len(ahead[0]) == 1) and ahead[0] != ">")

    def bracket(self, token: str) -> None:
        self.out.append(token)
        self.at += 1
        self.atom, self.counted = token in (")", "]", "}", "\\}"), False

    def mathematics(self) -> bool:
        try:
            end = self.tokens.index("$", self.at + 1)
        except ValueError:
            return False
        self.out += ["{", *self.tokens[self.at + 1 : end], "}"]
        self.at = end + 1
        self.atom = True
        return True


def _is_variable(tokens: Sequence[str]) -> bool:
    """Whether these are one small letter, which mhchem sets in italics in scripts."""
    return len(tokens) == 1 and len(tokens[0]) == 1 and "a" <= tokens[0] <= "z"


def _roman(tokens: Sequence[str]) -> Tokens:
    if _is_variable(tokens[: -1 if tokens[-1:] in (["+"], ["-"]) else None]):
        return list(tokens)
    out: Tokens = []
    for token in tokens:
        is_letter = len(token) == 1 and token.isalpha()
        out += ["\\mathrm", "{", token, "}"] if is_letter else [token]
    return out


def _ce(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    if tokens[at + 1 : at + 2] != ["{"]:
        return None
    group = argument(tokens, at + 1)
    body = None if group is None else formula(group[0])
    return None if group is None or body is None else (["{", *body, "}"], group[1])


CHEMISTRY: dict[str, Rewriter] = {"\\ce": _ce}
