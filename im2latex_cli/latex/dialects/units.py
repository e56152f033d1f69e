r"""siunitx in core LaTeX: `\SI{5}{\metre\per\second}` is `5\,\mathrm{m}\,\mathrm{s}^{-1}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from im2latex_cli.latex.dialects.reading import argument, option
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


REWRITERS: dict[str, Rewriter] = {
    "\\SI": quantity,
    **{f"\\{name}range": _several("range", measured=name != "num") for name in _SERIES},
    **{f"\\{name}list": _several("list", measured=name != "num") for name in _SERIES},
    "\\num": _num,
    "\\si": _unit,
    "\\unit": _unit,
    "\\ang": _angle,
}
