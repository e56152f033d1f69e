r"""Formulas to LaTeX tokens and back, on any string.

A token is a control word, a control symbol or one character; `\begin{matrix}`, `\left(`,
`\hspace{1cm}` and `\\[2pt]` are one token each, in one spelling however the source spaces them.
No token holds white space: the control space `\ ` is the token `\nobreakspace` and a space inside
text is the token `\space` (both are what LaTeX calls them), so tokens joined by spaces are a line
that splits back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from im2latex_cli.latex.commands import DELIMITERS, NEWLINE, TEXT_WORDS

SPACE = "\\space"
"""The space inside text."""

CONTROL_SPACE = "\\nobreakspace"
"""The space inside math, `\\ ` in LaTeX; `~` is that and an empty group."""

_UNITS = "pt pc in bp cm mm dd cc sp em ex mu".split()
_END = "(?![a-zA-Z])"
_DIGIT = r"(?:[0-9]\s*)"
_UNIT = "(?:" + "|".join(r"\s*".join(unit) for unit in _UNITS) + ")"
_NUMBER = rf"(?:[-+]\s*)*(?:{_DIGIT}+(?:[.,]\s*{_DIGIT}*)?|[.,]\s*{_DIGIT}+)"
_TRUE = r"(?:t\s*r\s*u\s*e\s*)?"
_DIMENSION = rf"{_NUMBER}{_TRUE}{_UNIT}"
_GLUE = rf"{_DIMENSION}(?:\s*(?:plus|minus)\s*(?:{_DIMENSION}|{_DIGIT}*fil+))*"
_FENCE = "|".join(
    re.escape(mark) + (_END if mark[-1].isalpha() else "")
    for mark in sorted(DELIMITERS, key=len, reverse=True)
)
_NO_FENCES = r"\{\s*\}\s*\{\s*\}|\{\s*\[\s*\}\s*\{\s*\]\s*\}|\{\s*\\\{\s*\}\s*\{\s*\\\}\s*\}"
_SPECIAL = "|".join(
    (
        r"\\(?:begin|end)\s*\{\s*[a-zA-Z][a-zA-Z\s]*(?:\*\s*)?\}",
        rf"\\(?:left|right|middle){_END}\s*(?:{_FENCE})",
        rf"\\[hv]space\s*(?:\*\s*)?\{{\s*{_GLUE}\s*\}}",
        rf"\\mspace\s*\{{\s*{_GLUE}\s*\}}",
        rf"\\(?:hskip|vskip|kern|mkern|mskip)\s*{_GLUE}",
        rf"\\rule\s*\{{\s*{_DIMENSION}\s*\}}\s*\{{\s*{_DIMENSION}\s*\}}",
        rf"\\\\\*?(?:\[\s*{_DIMENSION}\s*\])?",
        r"\\operatorname\s*\*",
        rf"\\genfrac\s*(?:{_NO_FENCES})\s*\{{\s*0\s*p\s*t\s*\}}\s*\{{\s*\}}",
        r"\\[a-zA-Z]+",
        r"\\\s+",
        r"\\.",
        r"\\",
    )
)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n|$)")
_SPACED = TEXT_WORDS | {"\\ce"}
"""Commands whose argument has spaces that count."""
_HAS_TEXT = re.compile(r"\\(?:" + "|".join(word[1:] for word in sorted(_SPACED)) + ")" + _END)
_WANTS_CARE = re.compile(
    r"\\(?:\s|\\[*\[]|[hv]space|mspace|[hv]skip|m?kern|mskip|rule|genfrac|operatorname\s"
    r"|(?:begin|end|left|right|middle)\s|(?:begin|end)\{[^}\s]*\s)"
)
_BLANK = re.compile(r"\s+")
_GLUE_TAIL = re.compile(r"(?:plus|minus).*")
_MEASURE = re.compile(rf"([-+]*)(?=[.,0-9])([0-9]*)(?:[.,]([0-9]*))?(?:true)?({'|'.join(_UNITS)})")
_WITH_LENGTH = re.compile(r"\\([hv]space|mspace|[hv]skip|m?kern|mskip)(?![a-zA-Z])\*?.")
_BEFORE_SPACE = (NEWLINE, CONTROL_SPACE, SPACE)  # these would swallow a plain space
_SPACE_NAMES = {
    "hspace": "hspace",
    "hskip": "hspace",
    "kern": "hspace",
    "mspace": "mspace",
    "mkern": "mspace",
    "mskip": "mspace",
    "vspace": "vspace",
    "vskip": "vspace",
}


def tokenize(formula: str) -> list[str]:
    """Split a formula into tokens; comments go, and white space outside text.

    Args:
        formula: any string.

    Returns:
        Tokens without white space; `tokenize(join(tokens)) == tokens`.
    """
    if "%" in formula:
        formula = _COMMENT.sub(r"\1", formula)
    if _HAS_TEXT.search(formula):
        return _with_text(formula)
    tokens: list[str] = _pattern(spaces=False).findall(formula)
    if _WANTS_CARE.search(formula):
        return [token if len(token) < 2 else _canonical(token) for token in tokens]
    return tokens


@cache
def _pattern(*, spaces: bool) -> re.Pattern[str]:
    """Finds tokens, and white space too; made for the first formula, as predict has none to cut."""
    blank = r"\s+|" if spaces else ""
    return re.compile(rf"[^\\\s]|{blank}{_SPECIAL}", re.DOTALL)


def join(tokens: Sequence[str]) -> str:
    """Write tokens as compact LaTeX, with spaces only where TeX needs them.

    Args:
        tokens: as `tokenize` gives them.

    Returns:
        One line that tokenizes to the same tokens.
    """
    pieces: list[str] = []
    mode = _Mode()
    word = False  # whether the last piece ends in a control word
    before = ""
    for token in tokens:
        if token == SPACE and mode.text and not word and before not in _BEFORE_SPACE:
            pieces.append(" ")
        elif token == CONTROL_SPACE:
            pieces.append("\\ ")
            word = False
        else:
            if word and (token[0].isalpha() or (token == "*" and before == "\\operatorname")):
                pieces.append(" ")
            if token in ("*", "[") and before.startswith(NEWLINE):
                pieces.append(" ")  # else the line break would take it
            pieces.append(token)
            word = len(token) > 1 and token[0] == "\\" and token[-1].isalpha()
        mode.take(token)
        before = token
    return "".join(pieces)


class _Mode:
    """Whether the next token is text, followed through braces and math shifts."""

    __slots__ = ("_shifted", "_stack", "text", "waits")

    def __init__(self) -> None:
        self.text = False
        self.waits = False  # a text word waits for its brace
        self._shifted = False  # inside $...$ or \(...\) of the text
        self._stack: list[tuple[bool, bool]] = []

    def take(self, token: str) -> None:
        if token == "{":
            self._stack.append((self.text, self._shifted))
            if self.waits:
                self.text, self._shifted = True, False
        elif token == "}":
            if self._stack:
                self.text, self._shifted = self._stack.pop()
        elif self.text and token in ("$", "\\("):
            self.text, self._shifted = False, True
        elif self._shifted and token in ("$", "\\)"):
            self.text, self._shifted = True, False
        self.waits = token in _SPACED


def _with_text(formula: str) -> list[str]:
    tokens: list[str] = []
    mode = _Mode()
    swallow = False  # TeX skips spaces after a control word
    for raw in _pattern(spaces=True).findall(formula):
        if raw[0].isspace():
            if not mode.text or swallow:
                continue
            token = SPACE
        else:
            token = raw if len(raw) < 2 else _canonical(raw)
        swallow = len(raw) > 1 and raw[0] == "\\" and raw[-1].isalpha()
        tokens.append(token)
        mode.take(token)
    return tokens


def _canonical(token: str) -> str:
    """Bring a token of several characters to its one spelling."""
    if token[1:2].isspace():
        return CONTROL_SPACE
    if token.startswith(NEWLINE):
        measures = _measures(token)
        return f"{NEWLINE}[{measures[0]}]" if measures else NEWLINE
    if token[1:].isalpha() or len(token) == 2:
        return token
    spaced = _WITH_LENGTH.match(token)
    if spaced:
        return f"\\{_SPACE_NAMES[spaced.group(1)]}{{{_measures(token)[0]}}}"
    if token.startswith("\\rule"):
        return "\\rule" + "".join(f"{{{measure}}}" for measure in _measures(token))
    return _BLANK.sub("", token)


def _measures(token: str) -> list[str]:
    compact = _GLUE_TAIL.sub("", _BLANK.sub("", token))
    return [_measure(*match) for match in _MEASURE.findall(compact)]


def _measure(signs: str, whole: str, fraction: str, unit: str) -> str:
    fraction = fraction.rstrip("0")
    number = (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
    sign = "-" if signs.count("-") % 2 and number != "0" else ""
    return f"{sign}{number}{unit}"
