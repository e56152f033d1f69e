"""The normal form: one spelling for formulas that paint the same picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from im2latex_cli.latex.commands import BEGIN, LEFT, MIDDLE, NEWLINE, RIGHT
from im2latex_cli.latex.commands import END as ENDS
from im2latex_cli.latex.dialects.packages import PACKAGE_COMMANDS
from im2latex_cli.latex.dialects.packages import expand as expand_packages
from im2latex_cli.latex.dialects.unicode_math import to_latex
from im2latex_cli.latex.normal import environments, handlers, operators, text
from im2latex_cli.latex.normal.atoms import PLAIN, REL, is_flat, is_space
from im2latex_cli.latex.normal.desugar import OLD, desugar, unwrap, without_breaks
from im2latex_cli.latex.normal.parser import END, Parser, Problem, describe, describe_unknown
from im2latex_cli.latex.normal.text import out_of_text, shifted
from im2latex_cli.latex.tokenizer import tokenize

for _module in (handlers, operators, environments, text):
    _module.register()


NORMAL_FORM = 4
"""Counts the changes of the normal form. To be raised with every one that changes the tokens of a
formula; data sets carry it, so that an old one can say so. Data sets without the number have 1."""


@dataclass(frozen=True, slots=True)
class Normalized:
    """A formula in normal form.

    Attributes:
        tokens: the normal form; if there is a problem, the formula's tokens unchanged.
        problem: one line, None if the formula is sound.
    """

    tokens: tuple[str, ...]
    problem: str | None


def normalize(formula: str, *, spacing: Literal["keep", "drop"] = "keep") -> Normalized:
    """Bring a formula to its normal form; rules and reasons: docs/explanation/normal-form.md.

    Args:
        formula: any string.
        spacing: whether space commands stay, one spelling each, or go.

    Returns:
        Tokens and problem; normalizing the joined tokens again changes nothing.
    """
    tokens = tokenize(formula)
    if not formula.isascii():
        tokens = to_latex(tokens)
    try:
        return Normalized(tuple(_canonical(formula, tokens, keep=spacing == "keep")), None)
    except Problem as problem:
        return Normalized(tuple(tokens), str(problem))


_PASSES = 4
_OLD_SCRIPTS = {"\\sp": "^", "\\sb": "_"}


def _canonical(formula: str, tokens: list[str], *, keep: bool) -> list[str]:
    """The normal form of a formula's tokens; the formula is searched faster than they are."""
    if not PACKAGE_COMMANDS.isdisjoint(tokens):
        tokens = expand_packages(tokens)
    may_shift = "$" in formula or "\\(" in formula or "\\[" in formula
    rewritten = may_shift and shifted(tokens)
    if rewritten:
        tokens = out_of_text(unwrap(tokens))
    if "\\sp" in formula or "\\sb" in formula:
        tokens = [_OLD_SCRIPTS.get(token, token) for token in tokens]
    while tokens and tokens[-1] == "\\":
        tokens = tokens[:-1]  # a control space cut short by the end of the line
    if not OLD.isdisjoint(tokens):
        tokens, rewritten = desugar(tokens), True
    if NEWLINE in formula:
        tokens = without_breaks(tokens)
    tokens, again = _pass(tokens, keep=keep)
    again = again or rewritten
    for _ in range(_PASSES):
        if not again:
            break
        before = tokens
        tokens, again = _pass(before, keep=keep)
        if tokens == before:
            break
    return tokens


def _pass(tokens: list[str], *, keep: bool) -> tuple[list[str], bool]:
    """One pass, and whether another may find more."""
    parser = Parser(tokens, keep=keep)
    result = _trimmed(parser.sequence())
    token = parser.tokens[parser.at]
    if token != END:
        raise Problem(_stray(token))
    if not result:
        raise Problem("the formula is empty")
    if parser.aligned and not _is_one_environment(result):
        raise Problem(f"the position [{parser.aligned}] moves rows beside what stands around them")
    if result[0] in _WRAPPERS or result[0] in _CLASSES:
        bare = _without_wrapper(result) if result[0] in _WRAPPERS else _without_class(result)
        if bare is not None:
            return bare, True
    return result, parser.again


_OPENING = frozenset(("{", *LEFT, *BEGIN))
_CLOSING = frozenset(("}", *RIGHT, *ENDS))
_WRAPPERS = {
    "\\begin{aligned}": (),
    "\\begin{gathered}": (),
    "\\begin{array}": ("\\textstyle",),
    "\\begin{matrix}": ("\\textstyle",),
    "\\begin{smallmatrix}": ("\\scriptstyle",),
}
"""Environments that paint nothing, and the style of their cells."""


_CLASSES = frozenset(
    rf"\math{name}" for name in ("bin", "rel", "open", "close", "punct", "inner", "op")
) | {"\\left."}
"""What decides about spaces to neighbours alone."""


def _without_class(tokens: list[str]) -> list[str] | None:
    """What a class command or fences without ink hold that are the whole formula."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 1 and token in MIDDLE:
            return None
        if depth == 0 and at and at < len(tokens) - 1:
            return None
    if tokens[0] == "\\left.":
        return tokens[1:-1] if tokens[-1] == "\\right." else None
    return tokens[2:-1]


def _without_wrapper(tokens: list[str]) -> list[str] | None:
    """The content of the one row that is the whole formula; None if there is more."""
    if not _is_one_environment(tokens):
        return None
    start, end = 1, len(tokens) - 1
    if tokens[0] == "\\begin{array}":
        start = tokens.index("}") + 1
        if "|" in tokens[:start]:
            return None
    cells: list[list[str]] = [[]]
    depth = 0
    for token in tokens[start:end]:
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 0 and (token.startswith(NEWLINE) or token == "\\hline"):
            return None
        if depth == 0 and token == "&":
            cells.append([])
        else:
            cells[-1].append(token)
    if len(cells) == 1:
        style = _WRAPPERS[tokens[0]]
        same = style == ("\\textstyle",) and is_flat(cells[0])
        return [*(() if same else style), *cells[0]]
    if len(cells) == 2 and tokens[0] == "\\begin{aligned}":
        return ["{", *cells[0], "}", "{", "}", *cells[1]]
    return None


def _trimmed(tokens: list[str]) -> list[str]:
    """Take off the spaces at both ends: a picture ends with its ink."""
    start, end = 0, len(tokens)
    while start < end and is_space(tokens[start]):
        start += 1
    while end > start and is_space(tokens[end - 1]):
        end -= 1
    if tokens[start : start + 2] == ["{", "}"] and end > start + 2:  # moves a relation, unseen
        start += 2 * (PLAIN.get(tokens[start + 2]) == REL)
    return tokens[start:end] if end - start < len(tokens) else tokens


def _is_one_environment(tokens: list[str]) -> bool:
    """Whether a formula is a single environment."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += token.startswith("\\begin{") - token.startswith("\\end{")
        if depth == 0:
            return at > 0 and at == len(tokens) - 1
    return False


def _stray(token: str) -> str:
    if token == "}":
        return "} without {"
    if token == "&":
        return "& outside an environment"
    if token.startswith("\\\\"):
        return "a line break outside an environment"
    if token.startswith(("\\end", "\\right", "\\middle")):
        return f"{describe(token)} without its beginning"
    return describe_unknown(token)
