r"""Normal forms that differ in spelling but not in meaning, brought to one.

Authors write `\left|x\right\rangle` or `|x\rangle`, `\operatorname{id}` or `\mathrm{id}`,
`\begin{pmatrix}` or `\left(\begin{array}{cc}`. The pictures are equal, or differ by the size of a
delimiter or a hair of space, so no reader can know which of them a label has.
"""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.latex.symbols import FUNCTIONS, LIMIT_FUNCTIONS

_SIZES = frozenset(
    f"\\{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")
)
_SIDES = ("\\left", "\\right", "\\middle")
_FUNCTIONS = frozenset(f"\\{name}" for name in (FUNCTIONS + LIMIT_FUNCTIONS).split())
_NAMES = {
    "\\colon": ":",
    "\\mid": "|",
    "\\vert": "|",
    "\\parallel": "\\|",
    "\\setminus": "\\backslash",
    "\\operatorname": "\\mathrm",
    "\\operatorname*": "\\mathrm",
}
_FENCES = {
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "Bmatrix": ("\\{", "\\}"),
    "vmatrix": ("|", "|"),
    "Vmatrix": ("\\|", "\\|"),
    "cases": ("\\{", ""),
}
_BEGIN = {f"\\begin{{{name}}}": fence for name, (fence, _) in _FENCES.items()}
_END = {f"\\end{{{name}}}": fence for name, (_, fence) in _FENCES.items()}


def equivalent(tokens: Sequence[str]) -> tuple[str, ...]:
    r"""A form that normal forms without spacing share if they mean the same.

    Delimiters have no size, named functions and operators are `\mathrm`, text of letters is
    `\mathrm` too, a matrix or `cases` is an `array` between its delimiters, and columns have no
    alignment; their rules stay.

    Args:
        tokens: a normal form without spacing.

    Returns:
        Tokens to compare; they are not always LaTeX.
    """
    result: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token in _SIZES:
            continue
        if token in _FUNCTIONS:
            result += ["\\mathrm", "{", *token[1:], "}"]
        elif token == "\\text" and (end := _end_of_word(tokens, at)):
            result += _word(tokens[at + 1 : end - 1])
            at = end
        elif token == "\\begin{array}":
            end = tokens.index("}", at) + 1
            result += ["\\begin{array}", *(mark for mark in tokens[at:end] if mark == "|")]
            at = end
        else:
            result += _spelling(token)
    return tuple(result)


def _spelling(token: str) -> tuple[str, ...]:
    """One token in the spelling that stands for all of its kind."""
    if token in _BEGIN:
        return (_BEGIN[token], "\\begin{array}")
    if token in _END:
        return ("\\end{array}", _END[token]) if _END[token] else ("\\end{array}",)
    if token == "\\begin{matrix}":
        return ("\\begin{array}",)
    if token == "\\end{matrix}":
        return ("\\end{array}",)
    for side in _SIDES:
        mark = token.removeprefix(side)
        if mark != token and not mark[:1].isalpha():
            return () if mark == "." else (_NAMES.get(mark, mark),)
    return (_NAMES.get(token, token),)


def _end_of_word(tokens: Sequence[str], at: int) -> int | None:
    """Where a group of letters, or of one character, ends; None if it holds anything else."""
    if at >= len(tokens) or tokens[at] != "{":
        return None
    end = tokens.index("}", at) + 1
    word = tokens[at + 1 : end - 1]
    return end if word and (len(word) == 1 or all(letter.isalpha() for letter in word)) else None


def _word(letters: Sequence[str]) -> Sequence[str]:
    r"""The letters of `\text` as mathematics shows them."""
    if len(letters) == 1 and not letters[0].isalpha():
        return letters
    return ["\\mathrm", "{", *letters, "}"]
