r"""Which tokens of a formula may be renamed, and which are words that stay as they are.

Words are text, names of operators, `\mathrm{min}` and column letters.
"""

from __future__ import annotations

from im2latex_cli.latex.commands import BEGIN, COMMANDS, CommandKind
from im2latex_cli.latex.normal.atoms import FONTS
from im2latex_cli.recombination.alike import CAPITALS_ONLY, group_of
from im2latex_cli.recombination.pieces import CLOSERS, OPENERS

Sites = dict[str, list[int]]
"""Places of the tokens of each group; `bracket` has each opening one and then its partner."""

SHAPES = {"(": ")", "[": "]", "\\{": "\\}", "\\langle": "\\rangle"}
"""Brackets that may stand for one another."""

_WORDS = frozenset(entry.name for entry in COMMANDS.values() if entry.kind is CommandKind.TEXT) | {
    "\\operatorname",
    "\\operatorname*",
    *(name for name, entry in BEGIN.items() if entry.argument),
}
_ROMAN = FONTS - CAPITALS_ONLY - {"\\boldsymbol", "\\pmb"}
_CLOSING = frozenset(SHAPES.values())
_ENDS = CLOSERS | {"&"}


def sites(tokens: list[str]) -> Sites:
    """Find what may be renamed, words left out."""
    places: Sites = {}
    brackets: list[int] = []
    at, end = 0, len(tokens)
    while at < end:
        token = tokens[at]
        if token in _WORDS or (token in _ROMAN and tokens[at + 3] != "}"):
            closing = _closing(tokens, at + 1)
            if token in OPENERS:
                brackets.append(at)
            if token not in _ROMAN or _are_letters(tokens[at + 2 : closing]):
                at = closing + 1
                continue
        group = group_of(token)
        if group:
            places.setdefault(group, []).append(at)
        elif token in SHAPES or token in OPENERS:
            brackets.append(at)
        elif token in _CLOSING and brackets and SHAPES.get(tokens[brackets[-1]]) == token:
            places.setdefault("bracket", []).extend((brackets.pop(), at))
        if token in _ENDS or group == "newline":
            _leave(tokens, brackets, at, places)
        at += 1
    return places


def _leave(tokens: list[str], brackets: list[int], at: int, places: Sites) -> None:
    """Forget what was opened in a list that ends here; a fence that ends is a pair."""
    while brackets and tokens[brackets[-1]] in SHAPES:
        brackets.pop()
    if tokens[at] not in CLOSERS or not brackets:
        return
    opening = brackets.pop()
    shape = tokens[opening].removeprefix("\\left")
    if tokens[at].removeprefix("\\right") == SHAPES.get(shape):
        places.setdefault("bracket", []).extend((opening, at))


def _closing(tokens: list[str], at: int) -> int:
    depth = 0
    while True:
        depth += (tokens[at] == "{") - (tokens[at] == "}")
        if depth == 0:
            return at
        at += 1


def is_word(kind: str) -> bool:
    """Whether pieces of a kind are words: arguments of text, names and upright fonts."""
    return kind[:-1] in _WORDS or kind[:-1] in _ROMAN


def _are_letters(tokens: list[str]) -> bool:
    return all(len(token) == 1 and token.isalpha() for token in tokens)
