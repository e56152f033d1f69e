"""What each token of the normal form does to the grammar around it."""

from __future__ import annotations

from typing import NamedTuple

from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    DELIMITERS,
    END,
    LEFT,
    MIDDLE,
    NEWLINE,
    RIGHT,
    TEXT_ACCENTS,
    TEXT_SYMBOLS,
    TEXT_WORDS,
    Kind,
    Limits,
)

WITH_OPTION = frozenset(("\\sqrt", "\\xrightarrow", "\\xleftarrow"))
"""Commands whose argument in brackets may hold any math; others want certain letters there."""

ROWS = "\\substack"
_STRUCTURE = frozenset("{}[]^_&")
_STARS = {"*": "star"}
_COLUMNS = {"l": "c", "c": "c", "r": "c", "|": "|"} | {digit: digit for digit in "123456789"}
_NOT_TEXT = frozenset("_^&#$%\\{}")
_KINDS = {
    Kind.SYMBOL: "symbol",
    Kind.SPACE: "blank",
    Kind.STYLE: "blank",
    Kind.LIMITS: "limits",
    Kind.BIG: "big",
    Kind.HLINE: "hline",
}


class Role(NamedTuple):
    r"""All that the grammar knows of a token; tokens of one role are interchangeable.

    Attributes:
        kind: what it does in math; "never" where it may not stand there.
        name: of its environment; of a command, its arguments (`m` math, `t` text, `r` rows).
        operator: whether scripts may be moved by `\limits`.
        option: whether an argument in brackets may come first.
        delimiter: whether it may follow a size such as `\big`.
        text: what it does inside text: "", "any", "accent" or "word".
        letter: whether it may carry an accent inside text.
        column: its letter in a column argument, or "".
    """

    kind: str
    name: str = ""
    operator: bool = False
    option: bool = False
    delimiter: bool = False
    text: str = ""
    letter: bool = False
    column: str = ""


def role_of(token: str) -> Role:
    """The role of a token; unknown tokens may stand nowhere."""
    role = Role(
        kind="never",
        delimiter=token in DELIMITERS,
        text=_in_text(token),
        letter=len(token) == 1 and token.isascii() and token.isalpha(),
        column=_column(token),
    )
    if token in _STRUCTURE:
        return role._replace(kind=token)
    if token.startswith(NEWLINE):
        return role._replace(kind="newline")
    for kind, tokens in (("left", LEFT), ("right", RIGHT), ("middle", MIDDLE)):
        if token in tokens:
            return role._replace(kind=kind, name="]" if token.endswith("]") else "")
    for kind, environments in (("begin", BEGIN), ("end", END)):
        if token in environments:
            return role._replace(kind=kind, name=environments[token].name)
    if "{" in token:
        return role._replace(kind=_measured(token)) if token not in COMMANDS else _word(token, role)
    return _word(token, role) if token in COMMANDS else role


def _word(token: str, role: Role) -> Role:
    entry = COMMANDS[token]
    operator = entry.limits is not Limits.NEVER
    if not entry.args:
        kind = _STARS.get(token) or _KINDS[entry.kind]
        return role._replace(kind=kind, operator=operator)
    args = "r" if token == ROWS else entry.args
    return role._replace(kind="command", name=args, operator=operator, option=token in WITH_OPTION)


def _measured(token: str) -> str:
    shape = token.split("{", 1)[0]
    return {"\\hspace": "blank", "\\mspace": "blank", "\\rule": "symbol"}.get(shape, "never")


def _in_text(token: str) -> str:
    if token in TEXT_WORDS:
        return "word"
    if token in TEXT_ACCENTS:
        return "accent"
    if len(token) == 1:
        plain = token.isascii() and token.isprintable() and token not in _NOT_TEXT
        return "any" if plain else ""
    return "any" if token in TEXT_SYMBOLS or token.startswith("\\hspace{") else ""


def _column(token: str) -> str:
    return _COLUMNS.get(token, "")
