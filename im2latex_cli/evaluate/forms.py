r"""The forms a formula is scored in, always named and never mixed.

A figure belongs to a form: the same predictions differ by twenty points between two of them. The
`equivalent` form makes one of spellings that differ in nothing that a picture shows: authors write
`\left|x\right\rangle` or `|x\rangle`, `\operatorname{id}` or `\mathrm{id}`, `\begin{pmatrix}` or
`\left(\begin{array}{cc}`. The pictures are equal, or differ by the size of a delimiter or a hair of
space, so no reader can know which of them a label has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from im2latex_cli.latex.commands import DELIMITERS
from im2latex_cli.latex.dialects.printers import im2markup
from im2latex_cli.latex.dialects.reading import argument
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.symbols import FUNCTIONS, LIMIT_FUNCTIONS
from im2latex_cli.latex.tokenizer import join

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
_FONTS = frozenset(
    f"\\{font}"
    for font in (
        *("mathrm", "mathbf", "mathsf", "mathtt", "mathit", "boldsymbol"),
        *("mathcal", "mathbb", "mathfrak", "mathscr", "operatorname", "operatorname*"),
    )
)
_WITH_ARGUMENT = _FONTS | {"\\text", "\\begin{array}"}


def equivalent(tokens: Sequence[str]) -> tuple[str, ...]:
    r"""A form that normal forms without spacing share if they mean the same.

    Delimiters have no size, named functions and operators are `\mathrm`, text of letters is
    `\mathrm` too, each letter has its own font command, a matrix or `cases` is an `array` between
    its delimiters, and columns have no alignment; their rules stay.

    Args:
        tokens: a normal form without spacing.

    Returns:
        Tokens to compare; they are not always LaTeX.
    """
    result: list[str] = []
    position = 0
    while position < len(tokens):
        token, group = tokens[position], None
        position += 1
        if token in _WITH_ARGUMENT:
            group = argument(tokens, position)
        if group is None:
            result += _spelling(token)
        elif token == "\\begin{array}":
            result += [token, *(mark for mark in group[0] if mark == "|")]
            position = group[1]
        elif token in _FONTS:
            result += _in_font(_NAMES.get(token, token), group[0])
            position = group[1]
        elif _is_word(group[0]):
            result += _in_font("\\mathrm", group[0])
            position = group[1]
        else:
            result.append(token)
    return tuple(result)


def _in_font(font: str, tokens: Sequence[str]) -> Sequence[str]:
    r"""Every letter and digit with a font command of its own; a digit in `\mathrm` needs none.

    So `\mathrm{H_2O}` and `\mathrm{H}_2\mathrm{O}` are the same.
    """
    result: list[str] = []
    for token in equivalent(tokens):
        inside = len(result) > 1 and result[-1] == "{" and result[-2] in _FONTS
        plain = token.isalpha() or (token.isdigit() and font != "\\mathrm")
        result += (font, "{", token, "}") if plain and not inside else (token,)
    return result


def _spelling(token: str) -> Sequence[str]:
    """One token in the common spelling of its kind."""
    if token in _SIZES:
        return ()
    if token in _FUNCTIONS:
        return _in_font("\\mathrm", token[1:])
    if token in _FENCED:
        return _FENCED[token]
    if token in _SIDED:
        return _SIDED[token]
    return (_NAMES.get(token, token),)


def _is_word(tokens: Sequence[str]) -> bool:
    return len(tokens) == 1 or (bool(tokens) and all(token.isalpha() for token in tokens))


Form = Literal["raw", "im2markup", "normalised", "normalised_no_spacing", "equivalent"]
"""raw: tokens as given; im2markup: that project's normal form; normalised: ours, spacing
commands kept; normalised_no_spacing: ours without them; equivalent: that with one spelling for
each meaning."""

FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True, slots=True)
class Example:
    """One reference and the formula read in its picture.

    Attributes:
        id: the picture's name.
        reference: the formula as the source gave it.
        hypothesis: the formula read, or None.
        reference_tokens: the reference's tokens as given.
        hypothesis_tokens: the hypothesis's tokens as given.
        image: path of the picture; empty if unknown.
        source: the collection that the formula comes from; empty if unknown.
    """

    id: str
    reference: str
    hypothesis: str | None
    reference_tokens: tuple[str, ...]
    hypothesis_tokens: tuple[str, ...] | None
    image: str = ""
    source: str = ""


def tokens_in(
    form: Form, examples: Sequence[Example]
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...] | None]]:
    """Tokens of all references and of all hypotheses in one form."""
    if form == "raw":
        return (
            [example.reference_tokens for example in examples],
            [example.hypothesis_tokens for example in examples],
        )
    read = _READERS[form]
    return (
        [read(example.reference) for example in examples],
        [None if example.hypothesis is None else read(example.hypothesis) for example in examples],
    )


_LENGTH = re.compile(r"(\\[hv]space\s*\*?\s*\{)([^{}]*)\}")
_OUTER_PERCENT = re.compile(r"^%+|(?<!\\)%+$")
_OLD_MATRIX = re.compile(r"\\(?:p?matrix|cases)\s*\{")


def drawable(formula: str) -> str:
    r"""A formula as both sides of the picture evaluation are drawn.

    Like the Harvard script, which draws formulas as they came: outer `%` are stripped, lengths
    written in pieces (`\hspace { 1 . 5 cm }`) are closed up, and the old `\matrix{...}`, which
    amsmath refuses, is drawn (here as its normal form).
    """
    text = _OUTER_PERCENT.sub("", formula.strip()).strip()
    if _OLD_MATRIX.search(text):
        normal = normalize(text)
        text = text if normal.problem else join(normal.tokens)
    return _LENGTH.sub(lambda match: match[1] + "".join(match[2].split()) + "}", text)


@lru_cache(maxsize=65536)
def _im2markup(formula: str) -> tuple[str, ...]:
    return im2markup(formula)


@lru_cache(maxsize=65536)
def _with_spacing(formula: str) -> tuple[str, ...]:
    return normalize(formula, spacing="keep").tokens


@lru_cache(maxsize=65536)
def _without_spacing(formula: str) -> tuple[str, ...]:
    # Out of the kept form, so that a reader who writes that form is never wrong in this one.
    return normalize(join(_with_spacing(formula)), spacing="drop").tokens


@lru_cache(maxsize=65536)
def _equivalent(formula: str) -> tuple[str, ...]:
    return equivalent(_without_spacing(formula))


_READERS: dict[Form, Callable[[str], tuple[str, ...]]] = {
    "im2markup": _im2markup,
    "normalised": _with_spacing,
    "normalised_no_spacing": _without_spacing,
    "equivalent": _equivalent,
}
