"""A search that can only find well-formed formulas.

Wraps a decoder's step: what the grammar forbids gets the log-probability minus infinity. Where
each hypothesis stands in the grammar is a row of integers on the device, so the search itself
neither knows of it nor waits for the host; on the CPU they are NumPy's, whose small operations
cost a third of torch's. Scores stay the network's own.

A formula may end only once it leaves ink; one that goes round in a circle must end as soon as it
can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.latex.automaton import NEVER, NOTHING, Automaton
from im2latex_cli.latex.repetition import LONG, MOST, PERIOD
from im2latex_cli.model.arrays import Array, Device, kind, on
from im2latex_cli.model.beam import StateT, Step
from im2latex_cli.model.state import take_pictures

DEPTH = 32
"""States on the stack; real formulas need about seven."""
SPARE = 8
"""Of these, kept free for what an open construct still must open."""
FLOOR = 2
"""Height of an empty stack: the deepest reach below it stays within the tensor."""
PLACE, HEIGHT, SLACK, INK, FAR, UNSEEN, ACCENT, BOX = range(8)
"""Columns of the ledger."""
DEEP, BOXED, BLANK = 1, 2, 4
"""Which copies of the table of needs to look into, added up; twice `BLANK` inside of the unseen."""


def without(step: Step[StateT], ids: list[int]) -> Step[StateT]:
    """A step that never proposes `ids`."""

    def stepped(last: Array, state: StateT) -> tuple[Array, StateT]:
        scores, state = step(last, state)
        scores = kind(scores).copy(scores)
        scores[:, ids] = -math.inf
        return scores, state

    return stepped


@dataclass(frozen=True, slots=True)
class GrammarState(Generic[StateT]):
    """Where R rows stand, B * K of them or one for each of B pictures.

    Attributes:
        inner: the decoder's own state.
        pictures: B.
        ledger: (R, 8): state of the automaton; height of the stack; slack, the tokens that may
            still come (the end included) beyond those that the states on the stack need; whether
            there is ink; tokens so far in long runs (`latex.repetition`); for each of
            `roles.INSIDES` the height of the stack down to which it lasts, or 0.
        stack: (R, DEPTH) states to come back to; anything above its height.
        trail: (R, 2 * PERIOD): the last ids, latest first; for each period, how many ids in a row
            were the one a period before.
        fresh: whether nothing has been read, not even the start.
    """

    inner: StateT
    pictures: int
    ledger: Array
    stack: Array
    trail: Array
    fresh: bool = True

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        return self._take(kind(rows).repeat(rows, times), self.inner.repeat(times))

    def reorder(self, rows: Array) -> Self:
        """See `State.reorder`."""
        return self._take(kind(self.ledger).own(rows), self.inner.reorder(rows))

    def select(self, pictures: Array) -> Self:
        """See `State.select`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        mine = kind(rows).own(pictures)
        kept = take_pictures(rows, mine, batch=self.pictures)
        return replace(self._take(kept, self.inner.select(pictures)), pictures=len(pictures))

    def _take(self, rows: Array, inner: StateT) -> Self:
        return replace(
            self,
            inner=inner,
            ledger=kind(rows).take(self.ledger, rows),
            stack=kind(rows).take(self.stack, rows),
            trail=kind(rows).take(self.trail, rows),
        )


class Grammar:
    """The automaton's tables, laid out for few and small operations a step.

    Args:
        automaton: the tables.
        device: of the tensors that it will meet; None where they are NumPy's arrays.
    """

    def __init__(self, automaton: Automaton, device: Device | None) -> None:
        pushes = automaton.push != NOTHING
        laid = np.where(pushes, automaton.push, 0)
        moves = (
            automaton.next,
            laid,
            automaton.reach,
            pushes.astype(np.int64) - automaton.drop,
            1 + np.where(pushes, automaton.owed[laid], 0),
            automaton.drop > 0,
            automaton.ink,
            *np.broadcast_to(automaton.inside.T[:, None], (3, *automaton.after.shape)),
        )
        needed = _needs(automaton)
        self._start = automaton.start
        self._reserve = automaton.reserve
        self._states, self._kinds = automaton.after.shape
        like = on(None if device is None or device.type == "cpu" else device)
        xp, integers = kind(like), kind(like).integers
        self._roles = integers(automaton.roles, like)
        self._moves = integers(np.stack(moves, -1).reshape(-1, len(moves)), like)
        self._owed = integers(automaton.owed, like)
        self._needed = xp.shorts(integers(needed.take(automaton.roles, axis=1), like))
        self._least = integers(needed.min(axis=1), like)

    @property
    def possible(self) -> bool:
        """Whether the vocabulary can spell any formula at all."""
        return self._reserve < NEVER

    def start(self, state: StateT, most: Sequence[int]) -> GrammarState[StateT]:
        """Put a row for each picture at the beginning of a formula.

        Args:
            state: the decoder's.
            most: (B,) most tokens of each formula, its end included; at least 2, at most the
                search's `max_steps`.
        """
        rows = [[self._start, FLOOR, limit, *[0] * (BOX - SLACK)] for limit in most]
        xp = kind(self._roles)
        ledger = xp.integers(rows, self._roles)
        stack = xp.full((len(rows), DEPTH), 0, ledger)
        trail = xp.full((len(rows), 2 * PERIOD), 0, ledger)
        trail[:, :PERIOD] = -1
        return GrammarState(state, len(rows), ledger, stack, trail)

    def step(self, inner: Step[StateT]) -> Step[GrammarState[StateT]]:
        """Wrap a decoder's step."""

        def stepped(last: Array, state: GrammarState[StateT]) -> tuple[Array, GrammarState[StateT]]:
            scores, after = inner(last, state.inner)
            ledger, stack, trail = state.ledger, state.stack, state.trail
            if state.fresh:
                needs = self._needs(ledger)
            else:
                last = kind(ledger).own(last)
                ledger, stack = self._advance(self._roles[last], ledger, stack)
                trail, long = _follow(trail, last)
                ledger[:, FAR] += long
                needs = self._needs(ledger)
                circles = ledger[:, FAR] >= MOST
                ledger[:, SLACK] = kind(ledger).where(circles, self._least[needs], ledger[:, SLACK])
            slack = kind(ledger).shorts(ledger[:, SLACK, None].clip(max=NEVER))
            forbidden = kind(scores).own(kind(ledger).take(self._needed, needs) > slack)
            state = GrammarState(after, state.pictures, ledger, stack, trail, fresh=False)
            return kind(scores).where(forbidden, -math.inf, scores), state

        return stepped

    def _needs(self, ledger: Array) -> Array:
        """Rows (R,) of the table of needs that hold now."""
        place, height, _, ink, _, unseen, _, box = ledger.T
        copy = DEEP * (height >= DEPTH - SPARE) + BOXED * (box > 0)
        needs: Array = place + self._states * (copy + BLANK * (1 - ink) * (1 + (unseen > 0)))
        return needs

    def _advance(self, role: Array, ledger: Array, stack: Array) -> tuple[Array, Array]:
        """Read a token of `role` (R,) in each row; rows the search gave up may hold anything."""
        xp = kind(ledger)
        place, height, slack, ink, far, unseen, _, _ = ledger.T
        moves = self._moves[place * self._kinds + role]
        following, laid, reach, change, used, closes, inked, *_ = moves.T
        opens = moves[:, -3:] * (height + 1)[:, None]
        inside = xp.where(ledger[:, UNSEEN:] > 0, ledger[:, UNSEEN:], opens)
        inside[:, -1] *= inside[:, -2] > 0  # a box counts inside of an accent only
        found = xp.gather(stack, (height - reach)[:, None])[:, 0]
        place = xp.where(reach > 0, found, following)
        stack = xp.put(stack, height, laid)
        height = (height + change).clip(FLOOR, DEPTH - 1)
        slack = slack - used + closes * self._owed[place]
        ink = ink | inked * (unseen == 0)
        inside = inside * (inside <= height[:, None])
        return xp.columns([place, height, slack, ink, far, *inside.T]), stack


def _needs(automaton: Automaton) -> NDArray[np.int64]:
    """Tokens (12 * S, C) with which a formula could end, that token and the end included.

    For each sum of `DEEP` (no level may be opened needlessly), `BOXED` (no short accent) and
    `BLANK` (no ink yet, so it may not end, and must keep room for what leaves ink), a copy of the
    automaton's `after`.
    """
    ends = (automaton.after == 0) & (automaton.drop == 0)
    copies = []
    for blank in range(3):
        kept = automaton.reserve * (1 - (automaton.ink if blank == 1 else 0))
        after = automaton.after + (kept if blank else 0)
        after = np.where(ends & (blank > 0), NEVER, after)
        for boxed in (False, True):
            some = np.where(automaton.inside[:, 1] & boxed, NEVER, after)
            copies += [some, np.where(automaton.opens, NEVER, some)]
    needs: NDArray[np.int64] = np.minimum(np.concatenate(copies), NEVER) + 1
    return needs


def _follow(trail: Array, last: Array) -> tuple[Array, Array]:
    """The trail after `last` (R,), and which rows (R,) are in a long run."""
    ids, runs = trail[:, :PERIOD], trail[:, PERIOD:]
    runs = (runs + 1) * (ids == last[:, None])
    trail = kind(trail).beside([last[:, None], ids[:, :-1], runs])
    return trail, (runs >= LONG).any(1)
