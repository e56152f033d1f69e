r"""LaTeX source as small texts that join to it again: `\name`, `\%`, blanks, characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

Tokens = list[str]
LONGEST_GROUP = 5_000
"""Tokens after which a brace counts as one that nobody closes."""

_TOKEN = re.compile(r"\\[A-Za-z@]+|\\.|\s+|.", re.DOTALL)
_COMMENT = re.compile(r"(\\.)|%[^\n]*(?:\n[ \t]*)?", re.DOTALL)


def lex(text: str) -> Tokens:
    """Cut a text into tokens; nothing is lost."""
    return _TOKEN.findall(text)


def unlex(tokens: Sequence[str]) -> str:
    r"""Join tokens; a blank keeps a command apart from a letter that now follows it."""
    parts: list[str] = []
    after_word = False
    for token in tokens:
        if after_word and token[0].isascii() and token[0].isalpha():
            parts.append(" ")
        parts.append(token)
        after_word = is_word(token)
    return "".join(parts)


def is_word(token: str) -> bool:
    r"""Whether a token is a command whose name is letters, as `\frac`."""
    return len(token) > 1 and token[0] == "\\" and (token[1].isalpha() or token[1] == "@")


def without_comments(text: str) -> str:
    """Remove comments as TeX does, with the newline and the blanks that follow it."""
    return _COMMENT.sub(lambda found: found[1] or "", text)


def skip_blanks(tokens: Sequence[str], at: int) -> int:
    """Return the first place from `at` that is no blank."""
    while at < len(tokens) and tokens[at].isspace():
        at += 1
    return at


def group_end(tokens: Sequence[str], at: int) -> int | None:
    """Return the place behind the group that opens at `at`, or None where it stays open."""
    depth = 0
    for place in range(at, min(len(tokens), at + LONGEST_GROUP)):
        if tokens[place] == "{":
            depth += 1
        elif tokens[place] == "}":
            depth -= 1
            if depth == 0:
                return place + 1
    return None


def argument(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """Read one argument: a group without its braces, or one token.

    Returns:
        The argument and the place behind it; None where there is none.
    """
    at = skip_blanks(tokens, at)
    if at >= len(tokens) or tokens[at] == "}":
        return None
    if tokens[at] != "{":
        return [tokens[at]], at + 1
    end = group_end(tokens, at)
    return None if end is None else (list(tokens[at + 1 : end - 1]), end)


def option(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """Read an argument in brackets, braces inside it balanced; None where there is none."""
    at = skip_blanks(tokens, at)
    if at >= len(tokens) or tokens[at] != "[":
        return None
    depth = 0
    for place in range(at + 1, min(len(tokens), at + LONGEST_GROUP)):
        if tokens[place] == "{":
            depth += 1
        elif tokens[place] == "}":
            depth -= 1
            if depth < 0:
                return None
        elif tokens[place] == "]" and depth == 0:
            return list(tokens[at + 1 : place]), place + 1
    return None
