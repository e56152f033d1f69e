"""Spelling of TeX that mathra does not know, in words that it does.

Only what looks the same is rewritten; anything else stays and is refused by mathra.
"""

from __future__ import annotations

import re

_UNIT = r"(?:\s*t\s*r\s*u\s*e)?\s*(p\s*t|m\s*m|c\s*m|i\s*n|e\s*x|e\s*m|m\s*u|p\s*c|b\s*p|s\s*p)"
_DIMENSION = rf"\s*([-+]?[\s\d.]*\d[\s\d.]*|[-+]?\s*\.[\s\d]+){_UNIT}\s*"
_BRACED_DIMENSION = re.compile(
    rf"\\(hspace|vspace|hskip|kern|mkern|mskip)\s*\*?\s*{{{_DIMENSION}}}"
)

_SPELLINGS = {
    r"\dag": r"\dagger",
    r"\ddag": r"\ddagger",
    r"\slash": "/",
    r"\*": "{}",
    r"\varGamma": r"\mathit{\Gamma}",
    r"\varDelta": r"\mathit{\Delta}",
    r"\varTheta": r"\mathit{\Theta}",
    r"\varLambda": r"\mathit{\Lambda}",
    r"\varXi": r"\mathit{\Xi}",
    r"\varPi": r"\mathit{\Pi}",
    r"\varSigma": r"\mathit{\Sigma}",
    r"\varUpsilon": r"\mathit{\Upsilon}",
    r"\varPhi": r"\mathit{\Phi}",
    r"\varPsi": r"\mathit{\Psi}",
    r"\varOmega": r"\mathit{\Omega}",
}
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL)


def rewrite(formula: str) -> str:
    """Return the formula in the dialect that mathra reads."""
    formula = _BRACED_DIMENSION.sub(_join_dimension, formula)
    formula = _COMMAND.sub(_respell, formula)
    return _without_last_backslash(formula)


def _join_dimension(match: re.Match[str]) -> str:
    name, number, unit = match.groups()
    command = "hspace" if name in {"hskip", "kern"} else name
    return rf"\{command}{{{''.join(number.split())}{''.join(unit.split())}}}"


def _respell(match: re.Match[str]) -> str:
    word = match.group()
    return _SPELLINGS.get(word, word)


def _without_last_backslash(formula: str) -> str:
    r"""Drop a lone final backslash, which a stripped `\ ` leaves behind."""
    body = formula.rstrip("\\ \t\n")
    backslashes = formula[len(body) :].replace(" ", "").count("\\")
    return body if backslashes % 2 else formula
