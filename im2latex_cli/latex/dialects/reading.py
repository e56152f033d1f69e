"""Arguments of commands, read from tokens before they are parsed."""

from __future__ import annotations

from collections.abc import Sequence


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


def option(tokens: Sequence[str], at: int) -> tuple[list[str], int] | None:
    """Read an argument in brackets, braces inside it balanced; None if there is none."""
    if tokens[at : at + 1] != ["["]:
        return None
    depth = 0
    for place in range(at + 1, len(tokens)):
        depth += (tokens[place] == "{") - (tokens[place] == "}")
        if depth < 0:
            return None
        if tokens[place] == "]" and not depth:
            return list(tokens[at + 1 : place]), place + 1
    return None


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
