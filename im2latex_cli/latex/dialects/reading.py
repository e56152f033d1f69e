"""Arguments of commands and rows of environments, read from tokens before they are parsed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from im2latex_cli.latex.commands import LEFT, NEWLINE, RIGHT

Tokens = list[str]
_BREAKS = frozenset(("\\cr", "\\tabularnewline"))


def group_end(tokens: Sequence[str], at: int) -> int | None:
    """The place behind the group that opens at `at`; None if it stays open."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place] == "{") - (tokens[place] == "}")
        if depth == 0:
            return place + 1
    return None


def argument(tokens: Sequence[str], at: int) -> tuple[list[str], int] | None:
    """Read one argument: a group without its braces, or one token.

    Returns:
        The argument and the place behind it; None if there is none.
    """
    if at >= len(tokens) or tokens[at] in ("}", "&"):
        return None
    if tokens[at] != "{":
        return [tokens[at]], at + 1
    end = group_end(tokens, at)
    return None if end is None else (list(tokens[at + 1 : end - 1]), end)


def arguments(tokens: Sequence[str], at: int, count: int) -> tuple[list[Tokens], int] | None:
    """Read several arguments; None if one is missing."""
    found: list[Tokens] = []
    for _ in range(count):
        group = argument(tokens, at)
        if group is None:
            return None
        found.append(group[0])
        at = group[1]
    return found, at


def up_to(tokens: Sequence[str], at: int, word: str) -> tuple[list[str], int] | None:
    """Read up to a word outside of braces.

    Returns:
        The tokens from `at` on and the place behind the word; None if there is none in this group.
    """
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place] == "{") - (tokens[place] == "}")
        if depth < 0:
            return None
        if tokens[place] == word and not depth:
            return list(tokens[at:place]), place + 1
    return None


def option(tokens: Sequence[str], at: int) -> tuple[list[str], int] | None:
    """Read an argument in brackets, braces inside it balanced; None if there is none."""
    return up_to(tokens, at + 1, "]") if tokens[at : at + 1] == ["["] else None


def before(below: Sequence[str], above: Sequence[str]) -> list[str]:
    """Scripts before a letter; of two numbers the shorter one is filled up with unseen digits."""
    lower, upper = list(below), list(above)
    if all(token.isdigit() for token in (*lower, *upper)) and lower and upper:
        longest = max(len(lower), len(upper))
        lower, upper = (
            [*(["\\phantom", "{", *"0" * (longest - len(one)), "}"] * (len(one) < longest)), *one]
            for one in (lower, upper)
        )
    return ["{", "}", "_", "{", *lower, "}", "^", "{", *upper, "}"]


def _depths(tokens: Sequence[str]) -> list[int]:
    """How deep in braces and environments each token is."""
    depth, out = 0, []
    for token in tokens:
        depth += token == "{" or token in LEFT or token.startswith("\\begin{")
        depth -= token == "}" or token in RIGHT or token.startswith("\\end{")
        out.append(depth)
    return out


def is_break(token: str) -> bool:
    """Whether a token ends a row of an environment."""
    return token.startswith(NEWLINE) or token in _BREAKS


def rows(body: Tokens) -> list[Tokens]:
    """The rows of an environment, each with its line break."""
    cuts = [0]
    for place, (token, depth) in enumerate(zip(body, _depths(body), strict=True), 1):
        if not depth and is_break(token):
            cuts.append(place)
    return [body[start:end] for start, end in pairwise([*cuts, len(body)]) if start < end] or [[]]


def split_cells(row: Tokens) -> list[Tokens]:
    """The cells of a row, a line break with the last one."""
    cells: list[Tokens] = [[]]
    for token, depth in zip(row, _depths(row), strict=True):
        if token == "&" and not depth:
            cells.append([])
        else:
            cells[-1].append(token)
    return cells
