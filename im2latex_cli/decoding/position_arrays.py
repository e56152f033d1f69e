"""Where hypotheses stand in the grammar, as integers on the network's device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.arrays import Array, kind
from im2latex_cli.decoding.position_tables import (
    BLANK,
    BOXED,
    DEEP,
    DEPTH,
    FLOOR,
    SPARE,
    moves,
)
from im2latex_cli.decoding.state import take_pictures
from im2latex_cli.latex.grammar.automaton import NEVER, Automaton
from im2latex_cli.latex.repetition import LONG, MOST, PERIOD

PLACE, HEIGHT, SLACK, INK, FAR, UNSEEN, ACCENT, BOX = range(8)
"""Columns of the ledger."""


class LedgerTables:
    """The automaton's tables, laid out for few operations on many rows.

    Args:
        automaton: the tables.
        needed: (12 * S, C) from `places.needs`.
        like: an array of integers on the device.
    """

    def __init__(self, automaton: Automaton, needed: NDArray[np.int64], like: Array) -> None:
        integers = kind(like).integers
        self.start = automaton.start
        self.states, self.kinds = automaton.after.shape
        self.roles = integers(automaton.roles, like)
        self.moves = integers(moves(automaton), like)
        self.owed = integers(automaton.owed, like)
        self.least = integers(needed.min(axis=1), like)

    def begin(self, most: Sequence[int]) -> Ledger:
        """A row for each formula, of at most so many tokens, its end included."""
        rows = [[self.start, FLOOR, limit, *[0] * (BOX - SLACK)] for limit in most]
        xp = kind(self.roles)
        ledger = xp.integers(rows, self.roles)
        stack = xp.full((len(rows), DEPTH), 0, ledger)
        trail = xp.full((len(rows), 2 * PERIOD), 0, ledger)
        trail[:, :PERIOD] = -1
        return Ledger(self, len(rows), ledger, stack, trail)


@dataclass(frozen=True, slots=True)
class Ledger:
    """See `places.Places`.

    Attributes:
        tables: where each token leads.
        pictures: B.
        ledger: (R, 8): state of the automaton; height of the stack; slack, the tokens that may
            still come (the end included) beyond those that the states on the stack need; whether
            there is ink; tokens so far in long runs (`latex.repetition`); for each of
            `roles.INSIDES` the height of the stack down to which it lasts, or 0.
        stack: (R, DEPTH) states to come back to; anything above its height.
        trail: (R, 2 * PERIOD): the last ids, latest first; for each period, how many ids in a row
            were the one a period before.
    """

    tables: LedgerTables
    pictures: int
    ledger: Array
    stack: Array
    trail: Array

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        return self.reorder(kind(rows).repeat(rows, times))

    def reorder(self, rows: Array) -> Self:
        """See `State.reorder`."""
        xp = kind(self.ledger)
        rows = xp.own(rows)
        return replace(
            self,
            ledger=xp.take(self.ledger, rows),
            stack=xp.take(self.stack, rows),
            trail=xp.take(self.trail, rows),
        )

    def select(self, pictures: Array) -> Self:
        """See `State.select`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        mine = kind(rows).own(pictures)
        kept = take_pictures(rows, mine, batch=self.pictures)
        return replace(self.reorder(kept), pictures=len(pictures))

    def read(self, last: Array) -> Self:
        """See `Places.read`."""
        last = kind(self.ledger).own(last)
        ledger, stack = self._advance(self.tables.roles[last])
        trail, long = _follow(self.trail, last)
        ledger[:, FAR] += long
        circles = ledger[:, FAR] >= MOST
        least = self.tables.least[self._needs(ledger)]
        ledger[:, SLACK] = kind(ledger).where(circles, least, ledger[:, SLACK])
        return replace(self, ledger=ledger, stack=stack, trail=trail)

    def room(self) -> tuple[Array, Array]:
        """See `Places.room`."""
        slack = self.ledger[:, SLACK].clip(0, NEVER)
        return self._needs(self.ledger), kind(slack).shorts(slack)

    def _needs(self, ledger: Array) -> Array:
        place, height, _, ink, _, unseen, _, box = ledger.T
        copy = DEEP * (height >= DEPTH - SPARE) + BOXED * (box > 0)
        copy = copy + BLANK * (1 - ink) * (1 + (unseen > 0))
        needs: Array = place + self.tables.states * copy
        return needs

    def _advance(self, role: Array) -> tuple[Array, Array]:
        """Ledger and stack after a token of `role` (R,) in each row."""
        tables, ledger, stack = self.tables, self.ledger, self.stack
        xp = kind(ledger)
        place, height, slack, ink, far, unseen, _, _ = ledger.T
        moves = tables.moves[place * tables.kinds + role]
        following, laid, reach, change, used, closes, inked, *_ = moves.T
        opens = moves[:, -3:] * (height + 1)[:, None]
        inside = xp.where(ledger[:, UNSEEN:] > 0, ledger[:, UNSEEN:], opens)
        inside[:, -1] *= inside[:, -2] > 0  # a box counts inside of an accent only
        found = xp.gather(stack, (height - reach)[:, None])[:, 0]
        place = xp.where(reach > 0, found, following)
        stack = xp.put(stack, height, laid)
        height = (height + change).clip(FLOOR, DEPTH - 1)
        slack = slack - used + closes * tables.owed[place]
        ink = ink | inked * (unseen == 0)
        inside = inside * (inside <= height[:, None])
        return xp.columns([place, height, slack, ink, far, *inside.T]), stack


def _follow(trail: Array, last: Array) -> tuple[Array, Array]:
    """The trail after `last` (R,), and which rows (R,) are in a long run."""
    ids, runs = trail[:, :PERIOD], trail[:, PERIOD:]
    runs = (runs + 1) * (ids == last[:, None])
    trail = kind(trail).beside([last[:, None], ids[:, :-1], runs])
    return trail, (runs >= LONG).any(1)
