"""What each token of the normal form does to the grammar around it."""

from __future__ import annotations

from typing import NamedTuple

from im2latex_cli.latex import symbols
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
    Atom,
    CommandKind,
    CommandSpec,
    Limits,
)
from im2latex_cli.latex.dialects.unicode_math import is_cjk

ANY = "any"
OPTIONS = dict.fromkeys(("\\sqrt", "\\xrightarrow", "\\xleftarrow"), ANY)
OPTIONS |= {"\\smash": "tb", "\\cfrac": "lr"}
"""What the argument in brackets may be: any math, or one of these letters."""

ROWS = "\\substack"
ALPHABETS = {"\\mathscr": "s", "\\mathbb": "b", "\\mathfrak": "f"}
"""Alphabets that lack letters; their argument is a plain row of those that they have."""

UNSEEN, ACCENT, BOX = "u", "a", "b"
"""What can enclose a part of a formula, at any depth: an unseen group, a short accent, a box."""
INSIDES = UNSEEN + ACCENT + BOX

_STRUCTURE = frozenset("{}[]^_&")
_STARS = {"*": "star"}
_COLUMNS = {"l": "c", "c": "c", "r": "c", "|": "|"} | {digit: digit for digit in "123456789"}
_SIDES = frozenset("tblr")
_LACKING = {
    code: frozenset(
        name if len(name) == 1 else f"\\{name}" for name in symbols.LACKING[word[1:]].split()
    )
    for word, code in ALPHABETS.items()
}
_INSIDE = {
    UNSEEN: frozenset(f"\\{name}" for name in symbols.UNSEEN.split()),
    ACCENT: frozenset(f"\\{name}" for name in symbols.SHORT_ACCENTS.split()),
    BOX: frozenset(f"\\{name}" for name in symbols.BOXING.split()),
}
_WITH_INK = frozenset(f"\\{name}" for name in symbols.WITH_INK.split())
_WITHOUT_INK = frozenset(("\\mathstrut", "\\strut", "\\overline", "\\underline"))
_TEXT_BLANKS = frozenset(("~", "\\/", "\\space"))
_NOT_TEXT = frozenset("_^&#$%\\{}")
_KINDS = {
    CommandKind.SYMBOL: "symbol",
    CommandKind.SPACE: "blank",
    CommandKind.STYLE: "blank",
    CommandKind.LIMITS: "limits",
    CommandKind.BIG: "big",
    CommandKind.HLINE: "hline",
}


class Role(NamedTuple):
    r"""All that the grammar knows of a token; tokens of one role are interchangeable.

    Attributes:
        kind: its effect in math; "never" if it is not allowed there.
        name: of its environment; of a command, its arguments (`m` math, `t` text, `r` rows, or
            one of `ALPHABETS`).
        operator: whether scripts may be moved by `\limits`.
        option: of `OPTIONS`, the argument in brackets that may come first, or "".
        delimiter: whether it may follow a size such as `\big`: "", "mark", or "none", which is the
            one that leaves no ink.
        text: its effect inside text: "", "any", "blank", "accent" or "word".
        letter: whether it may carry an accent inside text.
        column: its letter in a column argument, or "".
        side: itself if it is a letter of `OPTIONS`, or "".
        ink: whether in math it leaves ink, whatever its arguments are.
        inside: those of `INSIDES` that enclose its arguments.
        lacking: of `ALPHABETS`, those that lack it.
    """

    kind: str
    name: str = ""
    operator: bool = False
    option: str = ""
    delimiter: str = ""
    text: str = ""
    letter: bool = False
    column: str = ""
    side: str = ""
    ink: bool = False
    inside: str = ""
    lacking: str = ""


def role_of(token: str) -> Role:
    """The role of a token; unknown tokens are allowed nowhere."""
    role = Role(
        kind="never",
        delimiter=("none" if token == "." else "mark") if token in DELIMITERS else "",
        text=_in_text(token),
        letter=len(token) == 1 and token.isascii() and token.isalpha(),
        column=_COLUMNS.get(token, ""),
        side=token if token in _SIDES else "",
    )
    if token in _STRUCTURE:
        return role._replace(kind=token)
    if token.startswith(NEWLINE):
        return role._replace(kind="newline")
    for kind, tokens in (("left", LEFT), ("right", RIGHT), ("middle", MIDDLE)):
        if token in tokens:
            name = "]" if token.endswith("]") else ""
            return role._replace(kind=kind, name=name, ink=not token.endswith("."))
    for kind, environments in (("begin", BEGIN), ("end", END)):
        if token in environments:
            entry = environments[token]
            fenced = kind == "begin" and entry.atom is Atom.INNER
            return role._replace(kind=kind, name=entry.name, ink=fenced)
    if "{" in token:
        return role._replace(kind=_measured(token)) if token not in COMMANDS else _word(token, role)
    return _word(token, role) if token in COMMANDS else role


def _word(token: str, role: Role) -> Role:
    entry = COMMANDS[token]
    operator = entry.limits is not Limits.NEVER
    if not entry.args:
        kind = _STARS.get(token) or _KINDS[entry.kind]
        lacking = "".join(code for code, tokens in _LACKING.items() if token in tokens)
        return role._replace(
            kind=kind, operator=operator, ink=_leaves_ink(token, entry), lacking=lacking
        )
    return role._replace(
        kind="command",
        name="r" if token == ROWS else ALPHABETS.get(token, entry.args),
        operator=operator,
        option=OPTIONS.get(token, ""),
        ink=_leaves_ink(token, entry),
        inside="".join(one for one in INSIDES if token in _INSIDE[one]),
    )


def _leaves_ink(token: str, entry: CommandSpec) -> bool:
    if token in _WITHOUT_INK:
        return False
    return entry.kind in (CommandKind.SYMBOL, CommandKind.ACCENT) or token in _WITH_INK


def _measured(token: str) -> str:
    shape = token.split("{", 1)[0]
    return {"\\hspace": "blank", "\\mspace": "blank", "\\rule": "symbol"}.get(shape, "never")


def _in_text(token: str) -> str:
    if token in TEXT_WORDS:
        return "word"
    if token in TEXT_ACCENTS:
        return "accent"
    if token in _TEXT_BLANKS or token.startswith("\\hspace{"):
        return "blank"
    if token in COMMANDS and COMMANDS[token].kind is CommandKind.SPACE and token in TEXT_SYMBOLS:
        return "blank"
    if len(token) == 1:
        plain = token.isascii() and token.isprintable() and token not in _NOT_TEXT
        return "any" if plain or is_cjk(token) else ""
    return "any" if token in TEXT_SYMBOLS else ""
