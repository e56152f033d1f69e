"""Where hypotheses stand in the grammar, one after the other in plain Python.

A row takes 2 microseconds a token. As arrays (`ledger`) a step takes sixty small operations,
however few the rows, which cost a single picture a fifth of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.arrays import Array
from im2latex_cli.decoding.position_tables import (
    BLANK,
    BOXED,
    DEEP,
    DEPTH,
    FLOOR,
    SPARE,
    moves,
)
from im2latex_cli.latex.grammar.automaton import NEVER, Automaton
from im2latex_cli.latex.repetition import LONG, MOST, PERIOD


class Row(NamedTuple):
    """Where one hypothesis stands.

    Attributes:
        place: state of the automaton.
        stack: states to come back to, above `FLOOR` zeros.
        slack: tokens that may still come beyond those that the stack needs, the end included.
        ink: whether there is ink, 0 or 1.
        far: tokens so far in long runs (`latex.repetition`).
        past: the last ids as characters.
        unseen: height of the stack down to which the first of `roles.INSIDES` lasts, or 0.
        accent: the same of the second.
        box: the same of the third.
    """

    place: int
    stack: tuple[int, ...]
    slack: int
    ink: int = 0
    far: int = 0
    past: str = ""
    unseen: int = 0
    accent: int = 0
    box: int = 0


class WalkTables:
    """The automaton's tables, laid out for one look a row.

    Args:
        automaton: the tables.
        needed: (12 * S, C) from `places.needs`.
    """

    def __init__(self, automaton: Automaton, needed: NDArray[np.int64]) -> None:
        self.states, self.kinds = automaton.after.shape
        self._start = automaton.start
        self._roles: list[int] = automaton.roles.tolist()
        self._owed: list[int] = automaton.owed.tolist()
        self._least: list[int] = needed.min(axis=1).tolist()
        self._moves = moves(automaton)
        self._known: dict[int, tuple[int, ...]] = {}

    def begin(self, most: Sequence[int]) -> Walk:
        """A row for each formula, of at most so many tokens, its end included."""
        rows = [Row(self._start, (0,) * FLOOR, limit) for limit in most]
        return Walk(self, len(rows), rows)

    def needs(self, row: Row) -> int:
        """The row of the table of needs that holds now."""
        copy: int = DEEP * (len(row.stack) >= DEPTH - SPARE) + BOXED * (row.box > 0)
        if not row.ink:
            copy += BLANK * (1 + (row.unseen > 0))
        at: int = row.place + self.states * copy
        return at

    def after(self, row: Row, token: int) -> Row:
        """Where a row stands after one more id."""
        place, stack, slack, ink, far, past, unseen, accent, box = row
        following, laid, reach, change, used, closes, inked, *opens = self._move(place, token)
        height = len(stack) + 1
        if inked and not unseen:
            ink = 1
        unseen = unseen or opens[0] * height
        accent = accent or opens[1] * height
        box = (box or opens[2] * height) if accent else 0  # counts inside of an accent only
        place = stack[-reach] if reach else following
        if change > 0:
            stack = (*stack, laid)
        elif change < 0:
            stack = stack[: max(change + len(stack), FLOOR)]
        height = len(stack)
        unseen = unseen if unseen <= height else 0
        accent = accent if accent <= height else 0
        box = box if box <= height else 0
        slack += closes * self._owed[place] - used
        past = (past + chr(token))[-LONG - PERIOD :]
        far += _in_circle(past)
        row = Row(place, stack, slack, ink, far, past, unseen, accent, box)
        return row if far < MOST else row._replace(slack=self._least[self.needs(row)])

    def _move(self, place: int, token: int) -> tuple[int, ...]:
        at = place * self.kinds + self._roles[token]
        found = self._known.get(at)
        if found is None:
            found = self._known[at] = tuple(self._moves[at].tolist())
        return found


@dataclass(frozen=True, slots=True)
class Walk:
    """See `places.Places`.

    Attributes:
        tables: where each token leads.
        pictures: B.
        rows: R of them.
    """

    tables: WalkTables
    pictures: int
    rows: list[Row]

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        return replace(self, rows=[row for row in self.rows for _ in range(times)])

    def reorder(self, rows: Array) -> Self:
        """See `State.reorder`."""
        return replace(self, rows=[self.rows[at] for at in rows.tolist()])

    def select(self, pictures: Array) -> Self:
        """See `State.select`."""
        width = len(self.rows) // self.pictures
        kept = [at * width for at in pictures.tolist()]
        rows = [row for at in kept for row in self.rows[at : at + width]]
        return replace(self, pictures=len(kept), rows=rows)

    def read(self, last: Array) -> Self:
        """See `Places.read`."""
        after = self.tables.after
        rows = [after(row, token) for row, token in zip(self.rows, last.tolist(), strict=True)]
        return replace(self, rows=rows)

    def room(self) -> tuple[Any, Any]:
        """See `Places.room`."""
        needs = np.array([self.tables.needs(row) for row in self.rows])
        slack = [min(max(row.slack, 0), NEVER) for row in self.rows]
        return needs, np.array(slack, np.int16)


def _in_circle(past: str) -> bool:
    """Whether each of the last `LONG` ids is the one some period before."""
    if past.find(past[-PERIOD:], -2 * PERIOD, -1) < 0:  # true of nearly all, and soon known
        return False
    tail, size = past[-LONG:], len(past) - LONG
    return any(past[size - back : -back] == tail for back in range(1, min(PERIOD, size) + 1))
