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
import torch
from torch import Tensor

from im2latex_cli.latex.automaton import NEVER, NOTHING, Automaton
from im2latex_cli.model.beam import StateT, Step
from im2latex_cli.model.memory import take_pictures

DEPTH = 32
"""States on the stack; real formulas need about seven."""
SPARE = 8
"""Of these, kept free for what an open construct still must open."""
FLOOR = 2
"""Height of an empty stack: the deepest reach below it stays within the tensor."""


def without(step: Step[StateT], ids: list[int]) -> Step[StateT]:
    """A step that never proposes `ids`."""

    def stepped(last: Tensor, state: StateT) -> tuple[Tensor, StateT]:
        scores, state = step(last, state)
        return scores.index_fill(1, torch.tensor(ids, device=scores.device), -math.inf), state

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
    ledger: Tensor
    stack: Tensor
    fresh: bool = True

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        rows = torch.arange(len(self.ledger), device=self.ledger.device)
        return self._take(rows.repeat_interleave(times), self.inner.repeat(times))

    def reorder(self, rows: Tensor) -> Self:
        """See `State.reorder`."""
        return self._take(rows, self.inner.reorder(rows))

    def select(self, pictures: Tensor) -> Self:
        """See `State.select`."""
        rows = torch.arange(len(self.ledger), device=self.ledger.device)
        kept = take_pictures(rows, pictures, batch=self.pictures)
        return replace(self._take(kept, self.inner.select(pictures)), pictures=len(pictures))

    def _take(self, rows: Tensor, inner: StateT) -> Self:
        return replace(
            self,
            inner=inner,
            ledger=self.ledger.index_select(0, rows),
            stack=self.stack.index_select(0, rows),
        )


class Grammar:
    """The automaton's tables on a device, laid out for few and small operations a step."""

    def __init__(self, automaton: Automaton, device: torch.device) -> None:
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
        self._roles = torch.from_numpy(automaton.roles).to(device)
        self._moves = torch.from_numpy(np.stack(moves, -1).reshape(-1, len(moves))).to(device)
        self._owed = torch.from_numpy(automaton.owed).to(device)
        self._needed = torch.from_numpy(np.concatenate([automaton.after, deep]) + 1).to(device)

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
        ledger = torch.tensor(rows, device=self._roles.device)
        return GrammarState(state, len(rows), ledger, ledger.new_zeros(len(rows), DEPTH))

    def step(self, inner: Step[StateT]) -> Step[GrammarState[StateT]]:
        """Wrap a decoder's step."""

        def stepped(
            last: Tensor, state: GrammarState[StateT]
        ) -> tuple[Tensor, GrammarState[StateT]]:
            scores, after = inner(last, state.inner)
            ledger, stack = state.ledger, state.stack
            if not state.fresh:
                ledger, stack = self._advance(self._roles[last], ledger, stack)
            forbidden = self._forbidden(ledger)[:, self._roles]
            state = GrammarState(after, state.pictures, ledger, stack, fresh=False)
            return scores.masked_fill(forbidden, -math.inf), state

        return stepped

    def _forbidden(self, ledger: Tensor) -> Tensor:
        """Roles (R, C) after which the formula could not end in time."""
        place, height, slack = ledger.unbind(1)
        place = torch.where(height < DEPTH - SPARE, place, place + self._states)
        return self._needed[place] > slack[:, None]

    def _advance(self, role: Tensor, ledger: Tensor, stack: Tensor) -> tuple[Tensor, Tensor]:
        """Read a token of `role` (R,) in each row; rows the search gave up may hold anything."""
        place, height, slack = ledger.unbind(1)
        moves = self._moves[place * self._kinds + role]
        following, laid, reach, change, used, closes = moves.unbind(1)
        found = stack.gather(1, (height - reach)[:, None])[:, 0]
        place = torch.where(reach > 0, found, following)
        stack = stack.scatter(1, height[:, None], laid[:, None])
        height = (height + change).clamp(FLOOR, DEPTH - 1)
        slack = slack - used + closes * self._owed[place]
        return torch.stack([place, height, slack], dim=1), stack
