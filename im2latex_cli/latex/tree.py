r"""A formula of the normal form as a tree, for everything that reads its structure.

`parse` takes the tokens of `normalize` (or of a recogniser) and gives rows of nodes; every node
knows the tokens it came from. The tree says what belongs together, not what it looks like: fonts,
accents and fractions are all commands with arguments. It knows no output format.

    match node:
        case Word(token): ...
        case Command(name, option, arguments): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    LEFT,
    NEWLINE,
    RIGHT,
    TEXT_ACCENTS,
    TEXT_WORDS,
    CommandKind,
)
from im2latex_cli.latex.commands import (
    CommandSpec as Entry,
)
from im2latex_cli.latex.symbols import SYNONYMS

MAX_DEPTH = 100
"""Deepest nesting that `parse` accepts; the normaliser stops at 60 groups."""


class MalformedError(ValueError):
    """The tokens are not a well-formed formula; the message says why in one line."""


class Span(NamedTuple):
    """Tokens of a node: from `start` up to but without `end`."""

    start: int
    end: int


_NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Word:
    r"""One token without arguments: a symbol, a space, a style, `\middle|`, `\rule{1pt}{2pt}`."""

    token: str
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """A row in braces."""

    body: Row
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Command:
    r"""A command with its arguments: `\frac`, `\mathbf`, `\hat`, `\sqrt`, `\operatorname` ...

    Attributes:
        name: its token.
        option: the row in square brackets, or None.
        arguments: one group for each pair of braces.
    """

    name: str
    option: Row | None
    arguments: tuple[Group, ...]
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    r"""A command whose argument is text: `\text`, `\textbf`, `\fbox` ...

    Attributes:
        name: its token.
        body: words of text, groups, accents as commands, further texts.
    """

    name: str
    body: Row
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BigDelimiter:
    r"""A delimiter of a fixed size: `\bigl(`."""

    name: str
    mark: str
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Scripts:
    r"""What carries a subscript, a superscript or both.

    Attributes:
        base: the node before the scripts; None at the beginning of a row.
        sub: the row below, or None.
        sup: the row above, or None; it has primes as `\prime`.
        limits: `\limits`, `\nolimits` or nothing.
    """

    base: Node | None
    sub: Row | None
    sup: Row | None
    limits: str = ""
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Fence:
    r"""`\left` to `\right`.

    Attributes:
        left: the delimiter's token, `.` for none.
        right: likewise.
        body: the row between them; `\middle` delimiters are words in it.
    """

    left: str
    right: str
    body: Row
    span: Span = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Line:
    r"""One row of an environment.

    Attributes:
        cells: rows of nodes, in the order of the columns.
        rules: number of `\hline` above it.
        gap: extra space below, such as `2pt`, or nothing.
    """

    cells: tuple[Row, ...]
    rules: int = 0
    gap: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    r"""An environment, or `\substack`, which is one in braces.

    Attributes:
        name: `matrix`, `array`, `substack` ...
        columns: the column argument, such as `c|c`, or nothing.
        lines: its rows.
        rules_below: number of `\hline` below the last one.
    """

    name: str
    columns: str
    lines: tuple[Line, ...]
    rules_below: int = 0
    span: Span = field(default=_NOWHERE, compare=False)


Node: TypeAlias = Word | Group | Command | Text | BigDelimiter | Scripts | Fence | Environment
Row: TypeAlias = tuple[Node, ...]


def parse(tokens: Sequence[str]) -> Row:
    r"""Read the tokens of a normal form.

    Args:
        tokens: arguments and scripts in braces; words outside of the command table are kept.

    Returns:
        The formula's row of nodes.

    Raises:
        MalformedError: braces, fences, environments or arguments do not match.
    """
    parser = _Parser(tokens)
    row = parser.row()
    if parser.index < len(tokens):
        raise MalformedError(f"token {parser.index + 1}: {parser.ahead} without its beginning")
    return row


def children(node: Node) -> Iterator[Row]:
    """Give the rows directly inside of a node, in the order of their tokens."""
    match node:
        case Group(body) | Text(_, body) | Fence(_, _, body):
            yield body
        case Command(_, option, arguments):
            if option is not None:
                yield option
            yield from (argument.body for argument in arguments)
        case Scripts(base, sub, sup):
            yield from (row for row in ((base,) if base else None, sub, sup) if row is not None)
        case Environment(lines=lines):
            for line in lines:
                yield from line.cells


def walk(row: Row) -> Iterator[Node]:
    """Yield every node of a row and below it, parents first."""
    for node in row:
        yield node
        for inner in children(node):
            yield from walk(inner)


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.index = 0
        self.depth = 0

    @property
    def ahead(self) -> str:
        """The next token; nothing at the end."""
        return self.tokens[self.index] if self.index < len(self.tokens) else ""

    def take(self) -> str:
        token = self.ahead
        if not token:
            raise MalformedError("the formula ends too early")
        self.index += 1
        return token

    def expect(self, token: str, owner: str) -> None:
        if self.ahead != token:
            raise MalformedError(f"token {self.index + 1}: {owner} lacks {token}")
        self.index += 1

    def row(self, closer: str = "") -> Row:
        """Read nodes up to a token that closes or separates something."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise MalformedError(f"nested more than {MAX_DEPTH} deep")
        nodes: list[Node] = []
        while self.ahead and self.ahead != closer and not _ends(self.ahead):
            if self.ahead in _AFTER_BASE:
                nodes.append(self.scripts(_base(nodes)))
            else:
                nodes.append(self.node())
        self.depth -= 1
        return tuple(nodes)

    def node(self) -> Node:
        start = self.index
        token = self.take()
        token = SYNONYMS.get(token, token)
        entry = COMMANDS.get(token)
        if token == "{":
            return Group(self.until("}", token), self.span(start))
        if token in TEXT_WORDS:
            return Text(token, self.text_argument(token), self.span(start))
        if token in LEFT:
            return self.fence(token, start)
        if token in BEGIN:
            return self.environment(token, start)
        if token == "\\substack":
            self.expect("{", token)
            lines, below = self.lines("}")
            self.expect("}", token)
            return Environment("substack", "", lines, below, self.span(start))
        if entry and entry.kind is CommandKind.BIG:
            return BigDelimiter(token, self.take(), self.span(start))
        if entry and entry.args:
            return self.command(entry, start)
        return Word(token, self.span(start))

    def span(self, start: int) -> Span:
        return Span(start, self.index)

    def until(self, closer: str, owner: str) -> Row:
        row = self.row(closer)
        self.expect(closer, owner)
        return row

    def group(self, owner: str) -> Group:
        start = self.index
        self.expect("{", owner)
        return Group(self.until("}", owner), self.span(start))

    def command(self, entry: Entry, start: int) -> Command:
        option = None
        if entry.optional and self.ahead == "[":
            self.take()
            option = self.until("]", entry.name)
        arguments = tuple(self.group(entry.name) for _ in entry.args)
        return Command(entry.name, option, arguments, self.span(start))

    def fence(self, token: str, start: int) -> Fence:
        body = self.row()
        if self.ahead not in RIGHT:
            raise MalformedError(f"token {start + 1}: {token} is not closed")
        right = self.take()
        return Fence(
            token.removeprefix("\\left"), right.removeprefix("\\right"), body, self.span(start)
        )

    def scripts(self, base: Node | None) -> Scripts:
        start = base.span.start if base else self.index
        limits = ""
        while self.ahead in _LIMITS:
            limits = self.take()
        sub: Row | None = None
        sup: Row | None = None
        while self.ahead in _SCRIPTS:
            token = self.take()
            if token == "_" and sub is None:
                sub = self.group(token).body
            elif token == "'":
                sup = (*(sup or ()), Word("\\prime", self.span(self.index - 1)))
            elif token == "^" and (sup is None or self.tokens[self.index - 2] == "'"):
                sup = (*(sup or ()), *self.group(token).body)
            else:
                raise MalformedError(f"token {self.index}: double script")
        return Scripts(base, sub, sup, limits, self.span(start))

    def environment(self, token: str, start: int) -> Environment:
        entry = BEGIN[token]
        columns = ""
        if entry.argument:
            self.expect("{", token)
            while self.ahead not in ("}", ""):
                columns += self.take()
            self.expect("}", token)
        lines, below = self.lines(f"\\end{{{entry.name}}}")
        self.expect(f"\\end{{{entry.name}}}", token)
        return Environment(entry.name, columns, lines, below, self.span(start))

    def lines(self, closer: str) -> tuple[tuple[Line, ...], int]:
        r"""Read rows up to `closer`; also the number of rules below the last row."""
        lines: list[Line] = []
        while True:
            rules = 0
            while self.ahead == "\\hline":
                self.take()
                rules += 1
            if lines and self.ahead == closer:  # a line break or rules behind the last row
                return tuple(lines), rules
            cells = [self.row(closer)]
            while self.ahead == "&":
                self.take()
                cells.append(self.row(closer))
            lines.append(Line(tuple(cells), rules))
            if not self.ahead.startswith(NEWLINE):
                return tuple(lines), 0
            gap = self.take().removeprefix(NEWLINE).strip("[]")
            lines[-1] = replace(lines[-1], gap=gap)

    def text_argument(self, owner: str) -> Row:
        self.expect("{", owner)
        row = self.text_row(owner)
        self.expect("}", owner)
        return row

    def text_row(self, owner: str) -> Row:
        """Read text up to the brace that closes it."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise MalformedError(f"nested more than {MAX_DEPTH} deep")
        nodes: list[Node] = []
        while self.ahead != "}":
            nodes.append(self.text_node(owner))
        self.depth -= 1
        return tuple(nodes)

    def text_node(self, owner: str) -> Node:
        start = self.index
        token = self.take()
        if token == "{":
            self.index -= 1
            return Group(self.text_argument(owner), self.span(start))
        if token in TEXT_WORDS:
            return Text(token, self.text_argument(token), self.span(start))
        if token in TEXT_ACCENTS:
            return Command(token, None, (self.letter(token),), self.span(start))
        return Word(token, self.span(start))

    def letter(self, accent: str) -> Group:
        """Read the argument of an accent of text: one letter, or a group."""
        start = self.index
        node = self.text_node(accent)
        return node if isinstance(node, Group) else Group((node,), self.span(start))


_LIMITS = frozenset(("\\limits", "\\nolimits"))
_SCRIPTS = frozenset(("_", "^", "'"))
_AFTER_BASE = _LIMITS | _SCRIPTS
_NO_BASE = frozenset((CommandKind.SPACE, CommandKind.STYLE, CommandKind.LIMITS, CommandKind.HLINE))
_WITH_LENGTH = ("\\hspace{", "\\mspace{", "\\vspace{", "\\middle")


def _ends(token: str) -> bool:
    return token in ("}", "&") or token in RIGHT or token.startswith(("\\end{", NEWLINE))


def _base(nodes: list[Node]) -> Node | None:
    """Take the node that scripts belong to off a row; None if nothing can carry them."""
    if not nodes:
        return None
    last = nodes[-1]
    if isinstance(last, Word):
        entry = COMMANDS.get(last.token)
        if (entry and entry.kind in _NO_BASE) or last.token.startswith(_WITH_LENGTH):
            return None
    return nodes.pop()
