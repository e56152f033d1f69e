"""A search that can only find well-formed formulas.

Wraps a decoder's step: what the grammar forbids gets the log-probability minus infinity. Where
each hypothesis stands in the grammar is a row of integers on the device, so the search itself
neither knows of it nor waits for the host. Scores stay the network's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self

import numpy as np

from im2latex_cli.latex.automaton import NEVER, NOTHING, Automaton
from im2latex_cli.model.arrays import Array, Device, kind, on
from im2latex_cli.model.beam import StateT, Step
from im2latex_cli.model.state import take_pictures

DEPTH = 32
"""States on the stack; real formulas need about seven."""
SPARE = 8
"""Of these, kept free for what an open construct still must open."""
FLOOR = 2
"""Height of an empty stack: the deepest reach below it stays within the tensor."""


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
        ledger: (R, 3): state of the automaton; height of the stack; slack, the tokens that may
            still come (the end included) beyond those that the states on the stack need.
        stack: (R, DEPTH) states to come back to; anything above its height.
        fresh: whether nothing has been read, not even the start.
    """

    inner: StateT
    pictures: int
    ledger: Array
    stack: Array
    fresh: bool = True

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        return self._take(kind(rows).repeat(rows, times), self.inner.repeat(times))

    def reorder(self, rows: Array) -> Self:
        """See `State.reorder`."""
        return self._take(rows, self.inner.reorder(rows))

    def select(self, pictures: Array) -> Self:
        """See `State.select`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        kept = take_pictures(rows, pictures, batch=self.pictures)
        return replace(self._take(kept, self.inner.select(pictures)), pictures=len(pictures))

    def _take(self, rows: Array, inner: StateT) -> Self:
        return replace(
            self,
            inner=inner,
            ledger=kind(rows).take(self.ledger, rows),
            stack=kind(rows).take(self.stack, rows),
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
        )
        deep = np.where(automaton.opens, NEVER, automaton.after)
        self._start = automaton.start
        self._shortest = int(automaton.cost[automaton.start])
        self._states, self._kinds = automaton.after.shape
        like = on(device)
        integers = kind(like).integers
        self._roles = integers(automaton.roles, like)
        self._moves = integers(np.stack(moves, -1).reshape(-1, len(moves)), like)
        self._owed = integers(automaton.owed, like)
        self._needed = integers(np.concatenate([automaton.after, deep]) + 1, like)

    @property
    def possible(self) -> bool:
        """Whether the vocabulary can spell any formula at all."""
        return self._shortest < NEVER

    def start(self, state: StateT, most: Sequence[int]) -> GrammarState[StateT]:
        """Put a row for each picture at the beginning of a formula.

        Args:
            state: the decoder's.
            most: (B,) most tokens of each formula, its end included; at least 2, at most the
                search's `max_steps`.
        """
        rows = [[self._start, FLOOR, limit] for limit in most]
        xp = kind(self._roles)
        ledger = xp.integers(rows, self._roles)
        return GrammarState(state, len(rows), ledger, xp.full((len(rows), DEPTH), 0, ledger))

    def step(self, inner: Step[StateT]) -> Step[GrammarState[StateT]]:
        """Wrap a decoder's step."""

        def stepped(last: Array, state: GrammarState[StateT]) -> tuple[Array, GrammarState[StateT]]:
            scores, after = inner(last, state.inner)
            ledger, stack = state.ledger, state.stack
            if not state.fresh:
                ledger, stack = self._advance(self._roles[last], ledger, stack)
            forbidden = self._forbidden(ledger)[:, self._roles]
            state = GrammarState(after, state.pictures, ledger, stack, fresh=False)
            return kind(scores).where(forbidden, -math.inf, scores), state

        return stepped

    def _forbidden(self, ledger: Array) -> Array:
        """Roles (R, C) after which the formula could not end in time."""
        place, height, slack = ledger.T
        place = kind(ledger).where(height < DEPTH - SPARE, place, place + self._states)
        forbidden: Array = self._needed[place] > slack[:, None]
        return forbidden

    def _advance(self, role: Array, ledger: Array, stack: Array) -> tuple[Array, Array]:
        """Read a token of `role` (R,) in each row; rows the search gave up may hold anything."""
        xp = kind(ledger)
        place, height, slack = ledger.T
        moves = self._moves[place * self._kinds + role]
        following, laid, reach, change, used, closes = moves.T
        found = xp.gather(stack, (height - reach)[:, None])[:, 0]
        place = xp.where(reach > 0, found, following)
        stack = xp.put(stack, height, laid)
        height = (height + change).clip(FLOOR, DEPTH - 1)
        slack = slack - used + closes * self._owed[place]
        return xp.columns([place, height, slack]), stack
