r"""LaTeX that KaTeX and MathJax read as TeX does.

Compact LaTeX of normal forms is nearly that already. A few words are missing from one of the two,
and both draw what stands in for them here. Inside `\text`, MathJax by default knows no command at
all and shows it as it is; so letters with accents become Unicode, and the rest mathematics: `$\%$`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from im2latex_cli.latex.commands import TEXT_ACCENTS, TEXT_WORDS
from im2latex_cli.latex.tokenizer import SPACE, join

STAND_INS = {
    "\\slash": ("/",),
    "\\pounds": ("£",),
    "\\P": ("¶",),
    "\\strut": ("\\mathstrut",),
    "\\iiiint": ("\\iint", "\\!", "\\!", "\\iint"),
    "\\idotsint": ("\\int", "\\cdots", "\\int"),
    "\\mbox": ("\\text",),
    "\\hbox": ("\\text",),
    "\\textsl": ("\\textit",),
    "\\emph": ("\\textit",),
    "\\textsc": ("\\text",),
}
TEXT_LETTERS = {
    "\\ss": "ß",
    "\\ae": "æ",
    "\\AE": "Æ",
    "\\oe": "œ",
    "\\OE": "Œ",
    "\\o": "ø",
    "\\O": "Ø",
    "\\l": "ł",
    "\\L": "Ł",
    "\\aa": "å",
    "\\AA": "Å",
    "\\i": "ı",
    "\\j": "ȷ",
    "\\/": "",
    "\\textquoteleft": "‘",
    "\\textquoteright": "’",
    "\\textendash": "–",
    "\\textemdash": "—",
    "\\textbar": "|",
    "\\textless": "<",
    "\\textgreater": ">",
    "\\slash": "/",
    "~": "\u00a0",
    "\\nobreakspace": "\u00a0",
}
"""Symbols inside text that are one character."""
_MATH = {"\\textbackslash": "\\backslash", "\\textasciitilde": "\\sim"}
_AS_THEY_ARE = {"\\{", "\\}"}
LIGATURES = {("`", "`"): "“", ("'", "'"): "”", ("-", "-"): "–", ("–", "-"): "—"}
ACCENT_MARKS = {
    "\\'": "\u0301",
    "\\`": "\u0300",
    "\\^": "\u0302",
    '\\"': "\u0308",
    "\\~": "\u0303",
    "\\=": "\u0304",
    "\\.": "\u0307",
    "\\c": "\u0327",
    "\\v": "\u030c",
    "\\u": "\u0306",
    "\\H": "\u030b",
}


def katex(tokens: Sequence[str]) -> str:
    """Write a normal form for KaTeX and MathJax."""
    out: list[str] = []
    ahead = iter(tokens)
    for token in ahead:
        out += STAND_INS.get(token, (token,))
        if token in TEXT_WORDS:
            out += _group(ahead)
    return join(out)


def _group(ahead: Iterator[str]) -> list[str]:
    """Take a text word's argument with its braces."""
    out = [next(ahead, "{")]
    depth, accent = 0, ""
    for token in ahead:
        if token == "}" and not depth:
            break
        if token in ("{", "}"):
            depth += 1 if token == "{" else -1
            accent = accent if token == "{" else ""
        elif token in TEXT_ACCENTS:
            accent = ACCENT_MARKS[token]
        elif token in TEXT_WORDS:
            _as_math(out, [*STAND_INS.get(token, (token,)), *_group(ahead)])
        elif len(token) == 1 or token in TEXT_LETTERS:
            _character(out, TEXT_LETTERS.get(token, token), accent)
            accent = ""
        elif token == SPACE:
            out.append("\u00a0" if out[-1] == SPACE else SPACE)  # two would become one
        elif token in _AS_THEY_ARE:
            out.append(token)
        else:
            _as_math(out, [_MATH.get(token, token)])
    return [*out, "}"]


def _character(out: list[str], character: str, accent: str) -> None:
    pair = (out[-1], character)
    if pair in LIGATURES:
        out[-1] = LIGATURES[pair]
    else:
        out += unicodedata.normalize("NFC", character + accent)


def _as_math(out: list[str], tokens: list[str]) -> None:
    if out[-1] == "$":  # $$ would begin a display
        out.pop()
    else:
        out.append("$")
    out += [*tokens, "$"]
