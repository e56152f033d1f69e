r"""The sub-expressions of a formula, each with the kind of place it fills.

A kind names a place, so that a piece can replace any other of its kind: `left` and `right`
sides of relations, `term`, the numerator `\frac0`, the subscript `_`, a `cell`. What the tokens
mean comes from the command table; here only lists, atoms and brackets are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    END,
    LEFT,
    MIDDLE,
    NEWLINE,
    RIGHT,
    Atom,
    CommandKind,
    Limits,
)
from im2latex_cli.latex.normal.atoms import FONTS, PLAIN
from im2latex_cli.latex.symbols import FUNCTIONS, LIMIT_FUNCTIONS

Tokens = Sequence[str]

OPENERS = frozenset(("{", *LEFT, *BEGIN))
CLOSERS = frozenset(("}", *RIGHT, *END))
_MORE_LIMITS = " liminf limsup injlim projlim varinjlim varprojlim varliminf varlimsup"
NAMED_FUNCTIONS = frozenset(
    f"\\{name}" for name in (FUNCTIONS + LIMIT_FUNCTIONS + _MORE_LIMITS).split()
)
"""Operators that are a word."""

_AFTER = frozenset(("_", "^", "\\limits", "\\nolimits"))
_POINT = frozenset(".")
_BRACE = frozenset("{")
_ROMAN = frozenset(("\\mathrm",))
_WIDE_SPACES = frozenset(("\\quad", "\\qquad"))
_BARS = frozenset(("|", "\\|"))
_FRACTIONS = {f"\\{word}frac": "\\frac" for word in "dtc"}
_BINOMIALS = {f"\\{word}binom": "\\binom" for word in "dt"}
_SAME = {**_FRACTIONS, **_BINOMIALS, "\\operatorname*": "\\operatorname"}
_NONE, _ORD, _OP, _BIN, _REL, _OPEN, _CLOSE, _PUNCT, _INNER = map(int, Atom)
_UNARY_AFTER = frozenset((_NONE, _OP, _BIN, _REL, _OPEN, _PUNCT))
_ALIGNING = frozenset(("aligned", "alignedat", "gathered"))
_DIGITS = frozenset("0123456789")


class Piece(NamedTuple):
    """A sub-expression: the tokens `start` to `end`, and the kind of its place."""

    kind: str
    start: int
    end: int


def pieces(tokens: Tokens) -> list[Piece]:
    """Name the sub-expressions of a formula in normal form, inner ones before outer ones."""
    finder = _PieceFinder(tokens)
    finder.read(0, len(tokens), top=True)
    return finder.pieces


def matches(tokens: Tokens) -> dict[int, int]:
    """Map the place of each opening brace, fence and environment to that of its closing one."""
    partners: dict[int, int] = {}
    stack: list[int] = []
    for place, token in enumerate(tokens):
        if token in OPENERS:
            stack.append(place)
        elif token in CLOSERS:
            partners[stack.pop()] = place
    return partners


class _Run:
    """A term and a side under way in one list or bracket."""

    __slots__ = ("bars", "end", "last", "listed", "related", "side", "side_bars", "start")

    def __init__(self) -> None:
        self.start = self.side = -1  # start of the term and of the side, -1 before their ink
        self.end = 0  # behind the last ink
        self.bars = self.side_bars = 0  # vertical lines in them: an odd number is half a pair
        self.related = False  # whether a relation precedes the side
        self.listed = False  # whether it has a comma
        self.last = _NONE  # class of the last atom


class _PieceFinder:
    """Collects the pieces of one formula."""

    __slots__ = ("_match", "_tokens", "pieces")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._match = matches(tokens)
        self.pieces: list[Piece] = []

    def read(self, low: int, high: int, *, top: bool) -> None:
        """Read a list of atoms; with `top`, the sides of relations are pieces too."""
        runs: list[_Run] = [_Run()]
        starts: list[int] = []
        for start, end, atom in self._atoms(low, high):
            run = runs[-1]
            if atom == _NONE:
                continue
            if atom == _BIN and run.last in _UNARY_AFTER:
                if run.side < 0:
                    run.side = start
                run.last, run.end = _OP, end
                continue
            if atom in (_BIN, _REL, _PUNCT):
                self._term(run)
                if atom != _BIN:
                    self._side(run, top=top and len(runs) == 1, before=atom == _REL)
                run.last, run.listed = atom, run.listed or atom == _PUNCT
                continue
            if atom == _CLOSE and starts and self._tokens[start] not in "!?":
                self._term(run)
                kind = "list" if runs.pop().listed else "inside"
                self._add(kind, starts.pop(), start)
                run = runs[-1]
            self._extend(run, start, end, atom)
            if atom == _OPEN:
                starts.append(end)
                runs.append(_Run())
        if len(runs) == 1:
            self._term(runs[0])
            self._side(runs[0], top=top, before=False)

    def _extend(self, run: _Run, start: int, end: int, atom: int) -> None:
        if run.start < 0:
            run.start = start
        if run.side < 0:
            run.side = start
        if atom == _ORD and self._tokens[end - 1] in _BARS:
            run.bars += 1
            run.side_bars += 1
        run.end, run.last = end, atom

    def _term(self, run: _Run) -> None:
        if run.start >= 0 and run.bars % 2 == 0:
            self._add("term", run.start, run.end)
        run.start, run.bars = -1, 0

    def _side(self, run: _Run, *, top: bool, before: bool) -> None:
        """End a side; `before` a relation it is a left one, unless another relation precedes it."""
        if top and run.side >= 0 and run.side_bars % 2 == 0:
            self._add("left" if before and not run.related else "right", run.side, run.end)
        run.side, run.side_bars, run.related = -1, 0, before

    def _add(self, kind: str, start: int, end: int) -> None:
        empty = end - start == len("{}") and self._tokens[end - 1] == "}"
        if start < end and not empty:
            self.pieces.append(Piece(kind, start, end))

    def _atoms(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and class of each atom with its scripts."""
        tokens, match = self._tokens, self._match
        at = low
        while at < high:
            start, token = at, tokens[at]
            atom = PLAIN.get(token, -1)
            if atom < 0:
                at, atom = self._compound(at)
            else:
                at += 1
                if token in _POINT and not (at < high and tokens[at] in _DIGITS):
                    atom = _PUNCT
            while at < high and tokens[at] in _AFTER:
                if tokens[at] in "_^":
                    end = match[at + 1]
                    kind = f"{tokens[at]}{_operator(token)}" if atom == _OP else tokens[at]
                    self._add(kind, at + 2, end)
                    at = end
                at += 1
            if at - start > 1:
                self._whole(token, start, at, atom)
            elif atom == _OP:
                self._add(_operator(token), start, at)
            yield start, at, atom

    def _whole(self, token: str, start: int, end: int, atom: int) -> None:
        """Name an atom of several tokens."""
        if atom == _OP:
            self._add(_operator(token), start, end)
        elif atom == _REL:
            self._add("relation", start, end)
        elif token in LEFT:
            self._add("fence", start, end)
        elif token in BEGIN:
            self._add("environment", start, end)
        elif atom == _ORD and not (token in _ROMAN and self._match[start + 1] == end - 1):
            stacked = token in COMMANDS and COMMANDS[token].kind is CommandKind.COMMAND
            self._add("stack" if stacked else "letter", start, end)

    def _compound(self, at: int) -> tuple[int, int]:
        """Read what is not one plain symbol; return its end and its class."""
        token, match = self._tokens[at], self._match
        entry = COMMANDS.get(token)
        if entry is None:
            return self._structure(at)
        if entry.kind is CommandKind.BIG:
            return at + 2, _sized(int(entry.atom), self._tokens[at + 1])
        if not entry.args:
            return at + 1, _PUNCT if token in _WIDE_SPACES else int(entry.atom)
        at, atom = at + 1, int(entry.atom)
        if entry.optional and self._tokens[at] == "[":
            end = self._bracket(at)
            self._add(f"{token}[", at + 1, end)
            at = end + 1
        for number, kind in enumerate(entry.args):
            end = match[at]
            self._add(f"{_SAME.get(token, token)}{number}", at + 1, end)
            if (
                kind == "m"
                and token not in FONTS
                and entry.kind is not CommandKind.ACCENT
                and atom != _OP
            ):
                self._inner(at + 1, end)
            at = end + 1
        return at, _PUNCT if entry.kind is CommandKind.TEXT else atom

    def _structure(self, at: int) -> tuple[int, int]:
        token, match = self._tokens[at], self._match
        if token in _BRACE:
            self._inner(at + 1, match[at])
            return match[at] + 1, _ORD
        if token in LEFT:
            low = at + 1
            for place in (*self._splits(low, match[at], MIDDLE), match[at]):
                self._add("inside", low, place)
                self._inner(low, place)
                low = place + 1
            return match[at] + 1, _INNER
        if token in BEGIN:
            self._environment(at)
            return match[at] + 1, int(BEGIN[token].atom)
        return at + 1, _NONE

    def _inner(self, low: int, high: int) -> None:
        """Read a nested list, which may hold rows."""
        if high - low < 2:
            return
        for place in (*self._splits(low, high, (NEWLINE,)), high):
            self.read(low, place, top=False)
            low = place + 1

    def _environment(self, at: int) -> None:
        entry, end = BEGIN[self._tokens[at]], self._match[at]
        low = at + 1
        if entry.argument:
            low = self._match[low] + 1
        family = "align" if entry.name in _ALIGNING else "cell"
        family = "case" if entry.name == "cases" else family
        cells: list[int] = []
        for place in (*self._splits(low, end, ("&", NEWLINE)), end):
            while self._tokens[low] == "\\hline":
                low += 1
            cells.append(low)
            column = "" if family == "cell" else str((len(cells) - 1) % 2)
            self._add(family + column, low, place)
            self.read(low, place, top=True)
            if self._tokens[place] != "&":
                self._add(f"{family} row {len(cells)}", cells[0], place)
                cells.clear()
            low = place + 1

    def _splits(self, low: int, high: int, marks: Sequence[str] | frozenset[str]) -> Iterator[int]:
        """Yield the places of marks that belong to this list."""
        tokens, match = self._tokens, self._match
        at = low
        while at < high:
            if at in match:
                at = match[at]
            elif tokens[at] in marks or (tokens[at].startswith(NEWLINE) and NEWLINE in marks):
                yield at
            at += 1

    def _bracket(self, at: int) -> int:
        """The end of the argument in square brackets that opens at `at`."""
        while self._tokens[at] != "]":
            at = self._match.get(at, at) + 1
        return at


def _sized(atom: int, mark: str) -> int:
    r"""Class of a delimiter behind `\\big`, whose own class is its mark's."""
    return PLAIN.get(mark, atom) if atom == _ORD else atom


def _operator(token: str) -> str:
    if token in NAMED_FUNCTIONS or token.startswith("\\operatorname"):
        return "function"
    entry = COMMANDS[token]
    return "integral" if entry.limits is Limits.SIDE else "sum"
