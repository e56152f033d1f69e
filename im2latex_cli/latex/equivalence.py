r"""Normal forms that differ in spelling but not in meaning, brought to one.

Authors write `\left|x\right\rangle` or `|x\rangle`, `\operatorname{id}` or `\mathrm{id}`,
`\begin{pmatrix}` or `\left(\begin{array}{cc}`. The pictures are equal, or differ by the size of a
delimiter or a hair of space, so no reader can know which of them a label has.
"""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.latex.commands import DELIMITERS
from im2latex_cli.latex.dialects.reading import argument
from im2latex_cli.latex.symbols import FUNCTIONS, LIMIT_FUNCTIONS

_SIZES = frozenset(
    f"\\{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")
)
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
_FENCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "pmatrix": ("(", (")",)),
    "bmatrix": ("[", ("]",)),
    "Bmatrix": ("\\{", ("\\}",)),
    "vmatrix": ("|", ("|",)),
    "Vmatrix": ("\\|", ("\\|",)),
    "cases": ("\\{", ()),
}
_FENCED = {
    "\\begin{matrix}": ("\\begin{array}",),
    "\\end{matrix}": ("\\end{array}",),
    **{f"\\begin{{{name}}}": (left, "\\begin{array}") for name, (left, _) in _FENCES.items()},
    **{f"\\end{{{name}}}": ("\\end{array}", *right) for name, (_, right) in _FENCES.items()},
}
_SIDED = {
    f"\\{side}{mark}": () if mark == "." else (_NAMES.get(mark, mark),)
    for side in ("left", "right", "middle")
    for mark in DELIMITERS
}
_WITH_ARGUMENT = ("\\text", "\\begin{array}")


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
        token, group = tokens[at], None
        at += 1
        if token in _WITH_ARGUMENT:
            group = argument(tokens, at)
        if group is None:
            result += _spelling(token)
        elif token == "\\begin{array}":
            result += [token, *(mark for mark in group[0] if mark == "|")]
            at = group[1]
        elif _is_word(group[0]):
            result += _word(group[0])
            at = group[1]
        else:
            result.append(token)
    return tuple(result)


def _spelling(token: str) -> Sequence[str]:
    """One token in the common spelling of its kind."""
    if token in _SIZES:
        return ()
    if token in _FUNCTIONS:
        return ("\\mathrm", "{", *token[1:], "}")
    if token in _FENCED:
        return _FENCED[token]
    if token in _SIDED:
        return _SIDED[token]
    return (_NAMES.get(token, token),)


def _is_word(tokens: Sequence[str]) -> bool:
    return len(tokens) == 1 or (bool(tokens) and all(token.isalpha() for token in tokens))


def _word(letters: Sequence[str]) -> Sequence[str]:
    r"""The letters, or the one character, of `\text` as mathematics shows them."""
    return ("\\mathrm", "{", *letters, "}") if letters[0].isalpha() else letters
