r"""Whether tokens of the normal form make a well-formed formula.

One pass with a stack over the command table: braces, fences, environments and their columns,
required arguments, scripts. A token's effect depends on the open frame, the arguments still owed
and the scripts so far, nothing else; that is all that a decoder needs to know, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    CommandKind,
    CommandSpec,
    Limits,
)
from im2latex_cli.latex.dialects.unicode_math import is_cjk
from im2latex_cli.latex.symbols import SYNONYMS

_SUB, _SUP = 1, 2
_WITH_LENGTH = ("\\hspace{", "\\mspace{", "\\vspace{", "\\rule{")
_LETTERS = frozenset(symbols.LETTERS)
_NOT_TEXT = frozenset("_^&#$%")


@dataclass(slots=True)
class _OpenScope:
    r"""Something open.

    Attributes:
        opener: its first token, for messages.
        closer: the token that ends it; `right` for any `\right`.
        text: whether its content is text.
        owed: the arguments that must follow it.
        used: the scripts its owner has once it is closed.
        limits: whether limits may follow once all arguments are read.
        columns: cells a row may have; 0 if rows are not allowed.
        cell: the current cell.
    """

    opener: str
    closer: str
    text: bool = False
    owed: str = ""
    used: int = 0
    limits: bool = False
    columns: int = 0
    cell: int = 1


def check(tokens: Sequence[str]) -> str | None:
    """Say why tokens of the normal form are not a well-formed formula.

    Args:
        tokens: arguments and scripts in braces, as `normalize` writes them.

    Returns:
        One line, or None if the formula is sound.
    """
    if not tokens:
        return "the formula is empty"
    checker = _Checker()
    for number, token in enumerate(tokens, 1):
        problem = checker.take(token)
        if problem:
            return f"token {number}: {problem}"
    return checker.finish()


class _Checker:
    """The state after some tokens."""

    __slots__ = (
        "accent",
        "limits",
        "option",
        "owed",
        "owner",
        "row",
        "spec",
        "stack",
        "used",
        "want_mark",
    )

    def __init__(self) -> None:
        self.stack: list[_OpenScope] = []
        self.owner = ""  # whose argument is owed
        self.owed = ""  # kinds of the arguments that must come now
        self.option = False  # whether one in square brackets may come before
        self.limits = False  # whether \limits may come
        self.used = 0  # scripts the last atom has
        self.accent = ""  # the accent of text that waits for its letter
        self.row = False  # whether a row has just begun
        self.want_mark = False  # whether a delimiter must come now
        self.spec: list[str] | None = None  # column letters being read

    def finish(self) -> str | None:
        if self.owed:
            return f"{self.owner} lacks its argument"
        if self.want_mark:
            return f"{self.owner} lacks its delimiter"
        if self.stack:
            return f"{self.stack[-1].opener} is not closed"
        return None

    def take(self, token: str) -> str | None:
        """Read one token; return its fault in this place, or None."""
        if self.spec is not None:
            return self._column(token)
        if self.owed:
            return self._open_argument(token)
        if self.want_mark:
            self.want_mark = False
            return None if token in DELIMITERS else f"{self.owner} lacks its delimiter"
        if self.stack and self.stack[-1].text:
            return self._text(token)
        row, self.row = self.row, False
        entry = COMMANDS.get(token)
        if entry is None:
            return self._structure(token)
        return self._command(token, entry, row=row)

    def _command(self, token: str, entry: CommandSpec, *, row: bool) -> str | None:
        kind = entry.kind
        if kind is CommandKind.LIMITS:
            return None if self.limits and not self.used else f"{token} must follow an operator"
        if token == "]" and self.stack and self.stack[-1].closer == "]":
            return self._close(token)
        self.used = 0
        self.limits = entry.limits is not Limits.NEVER
        if entry.args:
            self._owe(token, entry.args)
            self.option = entry.optional
        elif kind is CommandKind.BIG:
            self.owner, self.want_mark = token, True
        elif kind is CommandKind.HLINE:
            self.row = True
            return None if row else "\\hline must begin a row"
        return None

    def _owe(self, owner: str, args: str) -> None:
        self.owner, self.owed, self.option = owner, args, False

    def _open_argument(self, token: str) -> str | None:
        if token == "[" and self.option:
            self._push(token, "]", owed=self.owed)
        elif token == "{":
            kind = self.owed[0]
            if kind in "cn":
                self.spec = []
                return None
            self._push(
                self.owner,
                "}",
                text=kind == "t",
                owed=self.owed[1:],
                columns=1 if self.owner == "\\substack" else 0,
            )
        else:
            return f"{self.owner} lacks its argument"
        return None

    def _push(
        self,
        opener: str,
        closer: str,
        *,
        text: bool = False,
        owed: str = "",
        columns: int = 0,
    ) -> None:
        self.stack.append(_OpenScope(opener, closer, text, owed, self.used, self.limits, columns))
        self.owed, self.used, self.limits = "", 0, False

    def _close(self, token: str) -> str | None:
        closer = "right" if token in RIGHT else token
        if not self.stack:
            return f"{token} without its beginning"
        frame = self.stack[-1]
        if frame.closer != closer:
            return f"{frame.opener} is not closed before {token}"
        self.stack.pop()
        self.owner, self.owed, self.option = frame.opener, frame.owed, False
        self.used, self.limits = frame.used, frame.limits
        return None

    def _structure(self, token: str) -> str | None:
        """Read a token that is no word of the table."""
        if token in {"_", "^"}:
            return self._script(token)
        if token == "}" or token in RIGHT or token in END:
            return self._close(token)
        if token == "&" or token.startswith(NEWLINE):
            return self._cell(token)
        if token == "'":
            return self._prime()
        return self._atom(token)

    def _atom(self, token: str) -> str | None:
        """Read an opening token, or one that paints and is not in the table."""
        self.used, self.limits = 0, False
        if token == "{":
            self._push(token, "}")
        elif token in LEFT:
            self._push(token, "right")
        elif token in BEGIN:
            self._begin(token)
        elif token in MIDDLE:
            if not self.stack or self.stack[-1].closer != "right":
                return f"{token} outside \\left and \\right"
        elif token in SYNONYMS:
            return self.take(SYNONYMS[token])
        elif not token.startswith(_WITH_LENGTH):
            return f"unknown token {token}"
        return None

    def _script(self, token: str) -> str | None:
        bit, name = (_SUB, "subscript") if token == "_" else (_SUP, "superscript")
        if self.used & bit:
            return f"double {name}"
        self.used |= bit
        self.limits = False
        self._owe(token, "m")
        return None

    def _prime(self) -> str | None:
        if self.used & _SUP:
            return "double superscript"
        self.used |= _SUP
        return None

    def _begin(self, token: str) -> None:
        entry = BEGIN[token]
        self._push(token, f"\\end{{{entry.name}}}", columns=entry.columns)
        self.row = True
        if entry.argument:
            self._owe(token, entry.argument)

    def _column(self, token: str) -> str | None:
        """Read one letter of a column argument, or its end."""
        spec = self.spec
        if spec is None:
            return None
        pairs = self.owed == "n"
        if token == "}":
            if pairs:
                columns = 2 * int("".join(spec)) if spec else 0
            else:
                columns = sum(letter != "|" for letter in spec)
            most = self.stack[-1].columns
            self.stack[-1].columns = columns
            self.spec, self.owed, self.row = None, "", True
            if most and len(spec) > most:
                return f"{self.owner} has more than {most} column"
            return None if columns else f"{self.owner} has no column"
        if token not in (set("0123456789") if pairs else set("lcr|")) or len(spec) > 60:
            return f"{self.owner} has the unknown column type {token}"
        spec.append(token)
        return None

    def _cell(self, token: str) -> str | None:
        frame = self.stack[-1] if self.stack else None
        if frame is None or not frame.columns:
            return f"{token} outside an environment"
        self.used, self.limits = 0, False
        if token == "&":
            frame.cell += 1
            if frame.cell > frame.columns:
                return f"{frame.opener} has a row of more than {frame.columns} columns"
        else:
            frame.cell, self.row = 1, True
        return None

    def _text(self, token: str) -> str | None:
        accent, self.accent = self.accent, token if token in TEXT_ACCENTS else ""
        if accent and token != "{" and not (len(token) == 1 and token in _LETTERS):
            return f"{accent} lacks its letter"
        if token == "{":
            self._push(token, "}", text=True)
        elif token == "}":
            return self._close(token)
        elif token in TEXT_WORDS:
            self._owe(token, "t")
        elif len(token) == 1:
            plain = token.isascii() and token.isprintable() and token not in _NOT_TEXT
            if not plain and not is_cjk(token):
                return f"{token} inside text"
        elif not (token in TEXT_SYMBOLS or token in TEXT_ACCENTS or token.startswith("\\hspace{")):
            return f"{token} inside text"
        return None
