r"""Quantities and chemical formulas: siunitx and mhchem in core LaTeX.

`\SI{5}{\metre\per\second}` is `5\,\mathrm{m}\,\mathrm{s}^{-1}`, and `\ce{H2O}` is
`\mathrm{H}_{2}\mathrm{O}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from im2latex_cli.latex.dialects.reading import argument, before, option
from im2latex_cli.latex.tokenizer import tokenize

Tokens = list[str]

_UNITS = r"""
metre m meter m kilogram kg gram g second s ampere A kelvin K mole mol candela cd hertz Hz newton N
pascal Pa joule J watt W coulomb C volt V farad F siemens S weber Wb tesla T henry H lumen lm
lux lx becquerel Bq gray Gy sievert Sv katal kat radian rad steradian sr minute min hour h day d
hectare ha litre l liter L tonne t bel B decibel dB neper Np electronvolt eV dalton Da bar bar
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
    whole, part = match["whole"] or "", match["part"]
    out = tokenize({"+-": "\\pm"}.get(match["sign"], match["sign"]))
    if whole or part is not None:
        out += _group_digits(whole or "0", backwards=True)
        out += [".", *_group_digits(part)] if part else []
    if match["last"]:
        out += ["(", *match["last"], ")"]
    if match["error"]:
        out += ["\\pm", *match["error"].replace(",", ".")]
    if match["power"]:
        times = ["\\times"] if whole or part else []
        out += [*times, *"10", "^", "{", *match["power"].lstrip("+"), "}"]
    return out


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
    start = _behind_option(tokens, at + 1)
    value = argument(tokens, start)
    unit_group = None if value is None else argument(tokens, value[1])
    if value is None or unit_group is None:
        return None
    unit_tokens = unit(unit_group[0])
    if unit_tokens is None:
        return None
    tied = any(token in _TIED for token in unit_group[0][:1])
    return [*number(value[0]), *([] if tied else ["\\,"]), *unit_tokens], unit_group[1]


def _num(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    group = argument(tokens, _behind_option(tokens, at + 1))
    return None if group is None else (number(group[0]), group[1])


def _unit(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    group = argument(tokens, _behind_option(tokens, at + 1))
    result = None if group is None else unit(group[0])
    return None if group is None or result is None else (result, group[1])


def _angle(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\ang{1;2;3}`: degrees, minutes, seconds."""
    group = argument(tokens, _behind_option(tokens, at + 1))
    if group is None:
        return None
    out: Tokens = []
    signs = (["\\circ"], ["\\prime"], ["\\prime", "\\prime"])
    for part, sign in zip("".join(group[0]).split(";"), signs, strict=False):
        out += [*number(list(part)), "^", "{", *sign, "}"] if part else []
    return out, group[1]


def _behind_option(tokens: Sequence[str], at: int) -> int:
    bracket = option(tokens, at)
    return at if bracket is None else bracket[1]


UNITS: dict[str, Callable[[Sequence[str], int], tuple[Tokens, int] | None]] = {
    "\\SI": quantity,
    "\\num": _num,
    "\\si": _unit,
    "\\unit": _unit,
    "\\ang": _angle,
}


_ARROWS = {
    "<=>>": ["\\rightleftharpoons"],
    "<<=>": ["\\rightleftharpoons"],
    "<=>": ["\\rightleftharpoons"],
    "<->": ["\\longleftrightarrow"],
    "<-->": ["\\longleftrightarrow"],
    "->": ["\\longrightarrow"],
    "<-": ["\\longleftarrow"],
}
"""By length: the first that fits is taken."""
_LABELLED = {"->": "\\xrightarrow", "<-": "\\xleftarrow"}
_BONDS = {"-": "-", "=": "=", "#": "\\equiv"}
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
        ahead = "".join(takewhile(lambda one: len(one) == 1, self.tokens[self.at : self.at + 4]))
        sign = next((one for one in _ARROWS if ahead.startswith(one)), None)
        if sign is None:
            return False
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

    def step(self, token: str) -> bool:  # noqa: C901 - the table of the notation
        if token in _SPACE:
            self.at += 1
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
            self.out += ["{", _BONDS[token], "}"]
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

    def digits(self) -> None:
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at] in "0123456789.":
            self.at += 1
        run = self.tokens[start : self.at]
        if self.atom:
            self.charge("_", run)
        else:
            self.out += [*run, "\\,"]

    def script(self, mark: str) -> bool:
        if mark == "^" and not self.atom and self.tokens[self.at + 1 : self.at + 2] != ["{"]:
            self.at += 1
            self.out.append("\\uparrow")
            return True
        group = argument(self.tokens, self.at + 1)
        if group is None:
            return False
        inside, self.at = group
        if mark == "^" and len(inside) == 1:
            while self.at < len(self.tokens) and self.tokens[self.at] in "0123456789+-":
                inside = [*inside, self.tokens[self.at]]
                self.at += 1
        if not self.atom:
            return self.leading(mark, inside)
        self.charge(mark, _roman(inside))
        return True

    def charge(self, mark: str, inside: Sequence[str]) -> None:
        """Write a script; a charge comes after the number of atoms, not above it."""
        self.out += ["{", "}"] if mark == "^" and self.counted else []
        self.out += [mark, "{", *inside, "}"]
        self.counted = mark == "_"

    def leading(self, mark: str, inside: Sequence[str]) -> bool:
        """Mass number and atomic number before an element."""
        other = argument(self.tokens, self.at + 1)
        if self.tokens[self.at : self.at + 1] != ["_" if mark == "^" else "^"] or other is None:
            self.out += ["{", "}", mark, "{", *_roman(inside), "}"]
            return True
        self.at = other[1]
        pair = (other[0], inside) if mark == "^" else (inside, other[0])
        self.out += before(_roman(pair[0]), _roman(pair[1]))
        return True

    def is_charge(self) -> bool:
        """Whether a sign is a charge: nothing follows it, or no element can."""
        ahead = self.tokens[self.at + 1 : self.at + 2]
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


def _roman(tokens: Sequence[str]) -> Tokens:
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


CHEMISTRY: dict[str, Callable[[Sequence[str], int], tuple[Tokens, int] | None]] = {"\\ce": _ce}
