r"""Which token painted which character.

A second copy of the formula carries a mark in front of every token that paints; a mark is a
`\special`, so it lands in the DVI file just before what follows it. If TeX paints a part of a
command after its arguments (the brace of `\underbrace`, the sum under its upper limit), the mark is
repeated at the end of the argument. The copy may differ from the formula in kerns and
ligatures, never in the order of its characters, so marks carry over by order.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    END,
    TEXT_ACCENTS,
    TEXT_WORDS,
    CommandKind,
)
from im2latex_cli.render.tex.typesetter import TAG

_OPEN, _CLOSE = "{", "}"
_STRUCTURE = frozenset(
    {_OPEN, _CLOSE, "&", "^", "_", "$", "\\\\", "\\hline", "\\limits", "\\nolimits"}
)
_SILENT_KINDS = frozenset(
    {
        CommandKind.SPACE,
        CommandKind.STYLE,
        CommandKind.LIMITS,
        CommandKind.FONT,
        CommandKind.TEXT,
        CommandKind.HLINE,
    }
)
_SILENT = frozenset(
    r"""
\frac \dfrac \tfrac \cfrac \phantom \hphantom \vphantom \smash \boxed \mathstrut \strut \mathord
\mathop \mathbin \mathrel \mathopen \mathclose \mathpunct \mathinner \stackrel \overset \underset
\operatorname \operatorname* \substack \sideset \overline \underline \space \left. \right. \middle.
\rm \bf \it \sf \tt \sl \sc \cal \mit \em
""".split()  # noqa: SIM905
)
_FENCED = frozenset(rf"\end{{{kind}matrix}}" for kind in "pbBvV")
_INDEXED = frozenset({"\\sqrt", "\\xrightarrow", "\\xleftarrow"})


def tag(tokens: Sequence[str]) -> str:
    """The formula with a mark before each token that paints."""
    tagger = _Tagger(tokens)
    tagger.run(0, len(tokens))
    return "".join(tagger.out)


def painting(tokens: Sequence[str]) -> list[int]:
    """The tokens that paint characters of their own; rules do not count."""
    tagger = _Tagger(tokens)
    tagger.run(0, len(tokens))
    return sorted(tagger.marked)


def _paints(token: str) -> bool:
    """Whether a token paints characters, whatever surrounds it."""
    if token in _STRUCTURE or token in _SILENT:
        return False
    if token in BEGIN:
        return token.endswith(("{cases}", *(f"{{{kind}matrix}}" for kind in "pbBvV")))
    if token in END:
        return token in _FENCED
    command = COMMANDS.get(token)
    if command is not None:
        return command.kind not in _SILENT_KINDS and command.kind is not CommandKind.BIG
    blank = ("\\\\", "\\hspace", "\\vspace", "\\mspace", "\\rule")
    return not token.startswith(blank) and token not in TEXT_WORDS


def carry(clean: Sequence[Hashable], tagged: Sequence[Hashable], tags: Sequence[int]) -> list[int]:
    """Carry tags over to the characters of the clean formula.

    Args:
        clean: its characters, in the order of painting.
        tagged: those of the tagged copy.
        tags: token of each character of the tagged copy, or -1.

    Returns:
        Token of each clean character, or -1.
    """
    if clean == tagged:
        return list(tags)
    owners = [-1] * len(clean)
    matcher = SequenceMatcher(None, clean, tagged, autojunk=False)
    for kind, i0, i1, j0, j1 in matcher.get_opcodes():
        if kind in {"equal", "replace"}:
            for i in range(i0, i1):
                owners[i] = tags[min(j0 + i - i0, j1 - 1)]
    return owners


@dataclass(slots=True)
class _Level:
    """What one pair of braces belongs to.

    Attributes:
        owner: token to mark again at the closing brace, or -1.
        args: arguments of `owner` still to come after this one.
        nucleus: what a script after the closing brace would hang on.
    """

    owner: int = -1
    args: int = 0
    nucleus: int = -1


class _Tagger:
    """Walks the tokens once, writing them out with marks."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.out: list[str] = []
        self.marked: set[int] = set()
        self._levels: list[_Level] = []
        self._owner, self._args = -1, 0
        self._nucleus = -1
        self._bare = False

    def run(self, position: int, end: int) -> None:
        """Write the tokens from `position` to `end`."""
        while position < end:
            position = self._take(position, end)

    def _mark(self, index: int) -> None:
        """Mark what follows as painted by the token at `index`."""
        if 0 <= index < len(self.tokens) and _paints(self.tokens[index]):
            self.marked.add(index)
            self.out.append(f"{TAG}{{{index}}}")

    def _write(self, token: str) -> None:
        self.out.append(token)
        if len(token) > 1 and token[0] == "\\" and token[-1].isalpha():
            self.out.append(" ")

    def _take(self, position: int, end: int) -> int:
        """Write the token at `position`, and return where to go on."""
        token = self.tokens[position]
        bare, self._bare = self._bare, False
        if self._args and token != _OPEN:
            return self._lone(position)
        if token == _OPEN:
            self._open()
        elif token == _CLOSE:
            self._close()
        elif token in {"^", "_"}:
            self._write(token)
            self._owner, self._args = self._nucleus, 1
        elif token in BEGIN:
            return self._begin(position, end)
        elif bare or token in _STRUCTURE:
            self._write(token)
            if token in {"&", "\\\\"}:
                self._nucleus = -1
        else:
            return self._paint(position, end)
        return position + 1

    def _open(self) -> None:
        owner, args = (self._owner, self._args - 1) if self._args else (-1, 0)
        self._levels.append(_Level(owner, args, owner))
        self._args, self._nucleus = 0, -1
        self._write("{")

    def _close(self) -> None:
        level = self._levels.pop() if self._levels else _Level()
        self._mark(level.owner)
        self._owner, self._args, self._nucleus = level.owner, level.args, level.nucleus
        self._write("}")

    def _lone(self, position: int) -> int:
        """An argument without braces: give it some, unless it has arguments of its own."""
        token = self.tokens[position]
        command = COMMANDS.get(token)
        if command is None or command.args or token in _STRUCTURE:
            self._args, self._bare = 0, True
            return position
        self.out.append(_OPEN)
        self._mark(position)
        self._write(token)
        self._mark(self._owner)
        self.out.append(_CLOSE)
        self._args -= 1
        self._nucleus = self._owner
        return position + 1

    def _begin(self, position: int, end: int) -> int:
        """An environment, with its column argument untouched."""
        environment = BEGIN[self.tokens[position]]
        self._mark(position)
        self._write(self.tokens[position])
        self._args, self._nucleus = 0, -1
        position = self._copy_brackets(position + 1, end)
        if environment.argument and "}" in self.tokens[position:end]:
            stop = self.tokens.index("}", position) + 1
            self.out.extend(self.tokens[position:stop])
            return stop
        return position

    def _copy_brackets(self, position: int, end: int) -> int:
        """Copy an optional argument that is not math, if there is one."""
        if position < end and self.tokens[position] == "[" and "]" in self.tokens[position:end]:
            stop = self.tokens.index("]", position) + 1
            self.out.extend(self.tokens[position:stop])
            return stop
        return position

    def _paint(self, position: int, end: int) -> int:
        """A token that paints, or a command with arguments."""
        token = self.tokens[position]
        command = COMMANDS.get(token)
        self._args = 0
        if command is not None and command.kind is CommandKind.BIG:
            self._mark(position + 1)
            self._write(token)
            self._bare, self._nucleus = True, position + 1
            return position + 1
        if token in END and token not in _FENCED:
            self._write(token)
            self._nucleus = -1
            return position + 1
        self._mark(position)
        self._nucleus = position
        self._write(token)
        if command is not None and command.args:
            self._owner, self._args = position, len(command.args)
            if command.optional and position + 1 < end and self.tokens[position + 1] == "[":
                return self._optional(position, end)
        elif token in TEXT_ACCENTS:
            self._bare = True
        return position + 1

    def _optional(self, position: int, end: int) -> int:
        """The argument in square brackets of the command at `position`."""
        if self.tokens[position] not in _INDEXED:
            return self._copy_brackets(position + 1, end)
        depth, stop = 0, position + 2
        while stop < end and (depth or self.tokens[stop] != "]"):
            depth += (self.tokens[stop] == "{") - (self.tokens[stop] == "}")
            stop += 1
        owner, args = self._owner, self._args
        self._args = 0
        self.out.append("[{")
        self.run(position + 2, stop)
        self._mark(position)
        self.out.append("}]")
        self._owner, self._args, self._nucleus = owner, args, position
        return stop + 1
