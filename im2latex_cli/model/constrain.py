"""A search that can only find well-formed formulas.

Wraps a decoder's step: what the grammar forbids gets the log-probability minus infinity. Where
each hypothesis stands in the grammar is a row of integers on the device, so the search itself
neither knows of it nor waits for the host. Scores stay the network's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Generic, Self

import torch
from torch import Tensor

from im2latex_cli.latex.automaton import NEVER, NOTHING, Automaton
from im2latex_cli.model.beam import StateT, Step
from im2latex_cli.model.memory import take_pictures

DEPTH = 32
"""States on the stack; real formulas need about seven."""
SPARE = 8
"""Of these, kept free for what an open construct still must open."""


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
        place: (R,) state of the automaton.
        stack: (R, DEPTH) states to come back to.
        height: (R,) states on the stack.
        debt: (R,) fewest tokens that the states on the stack still need.
        left: tokens that may still come, the end included.
        fresh: whether nothing has been read, not even the start.
    """

    inner: StateT
    pictures: int
    place: Tensor
    stack: Tensor
    height: Tensor
    debt: Tensor
    left: int
    fresh: bool = True

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        rows = torch.arange(len(self.place), device=self.place.device).repeat_interleave(times)
        return self._take(rows, self.inner.repeat(times))

    def reorder(self, rows: Tensor) -> Self:
        """See `State.reorder`."""
        return self._take(rows, self.inner.reorder(rows))

    def select(self, pictures: Tensor) -> Self:
        """See `State.select`."""
        rows = torch.arange(len(self.place), device=self.place.device)
        kept = take_pictures(rows, pictures, batch=self.pictures)
        return replace(self._take(kept, self.inner.select(pictures)), pictures=len(pictures))

    def _take(self, rows: Tensor, inner: StateT) -> Self:
        return replace(
            self,
            inner=inner,
            place=self.place[rows],
            stack=self.stack[rows],
            height=self.height[rows],
            debt=self.debt[rows],
        )


class Grammar:
    """The automaton's tables on a device."""

    def __init__(self, automaton: Automaton, device: torch.device) -> None:
        self._start = automaton.start
        self._shortest = int(automaton.cost[automaton.start])
        self._roles = torch.from_numpy(automaton.roles).to(device)
        self._next = torch.from_numpy(automaton.next).to(device)
        self._push = torch.from_numpy(automaton.push).to(device)
        self._reach = torch.from_numpy(automaton.reach).to(device)
        self._drop = torch.from_numpy(automaton.drop).to(device)
        self._owed = torch.from_numpy(automaton.owed).to(device)
        self._after = torch.from_numpy(automaton.after).to(device)
        self._opens = torch.from_numpy(automaton.opens).to(device)

    @property
    def possible(self) -> bool:
        """Whether the vocabulary can spell any formula at all."""
        return self._shortest < NEVER

    def start(self, state: StateT, rows: int, *, max_steps: int) -> GrammarState[StateT]:
        """Put `rows` rows at the beginning of formulas.

        Args:
            state: the decoder's.
            rows: one for each picture.
            max_steps: most tokens of a formula, its end included; as the search's.
        """
        zero = torch.zeros(rows, dtype=torch.int64, device=self._roles.device)
        stack = zero.new_zeros(rows, DEPTH)
        return GrammarState(state, rows, zero + self._start, stack, zero, zero, max_steps)

    def step(self, inner: Step[StateT]) -> Step[GrammarState[StateT]]:
        """Wrap a decoder's step."""

        def stepped(
            last: Tensor, state: GrammarState[StateT]
        ) -> tuple[Tensor, GrammarState[StateT]]:
            scores, after = inner(last, state.inner)
            if state.fresh:
                state = replace(state, inner=after, fresh=False)
            else:
                state = self._advance(last, replace(state, inner=after))
            return scores.masked_fill(~self._allowed(state)[:, self._roles], -math.inf), state

        return stepped

    def _allowed(self, state: GrammarState[StateT]) -> Tensor:
        """Roles (R, C) after which the formula can still end in time."""
        needed = self._after[state.place] + state.debt[:, None] + 1
        deep = (state.height >= DEPTH - SPARE)[:, None] & self._opens[state.place]
        return (needed <= state.left) & ~deep

    def _advance(self, ids: Tensor, state: GrammarState[StateT]) -> GrammarState[StateT]:
        """Read one id in each row. Rows that the search has given up may hold anything."""
        role = self._roles[ids]
        here = state.place, role
        push, reach, drop = self._push[here], self._reach[here], self._drop[here]
        found = state.stack.gather(1, (state.height - reach).clamp(0, DEPTH - 1)[:, None])[:, 0]
        place = torch.where(reach > 0, found, self._next[here])
        pushes = push != NOTHING
        top = state.height.clamp(max=DEPTH - 1)[:, None]
        laid = torch.where(pushes[:, None], push[:, None], state.stack.gather(1, top))
        zero = torch.zeros_like(state.debt)
        owed = torch.where(pushes, self._owed[push.clamp(min=0)], zero)
        paid = torch.where(drop > 0, self._owed[place], zero)
        return replace(
            state,
            place=place,
            stack=state.stack.scatter(1, top, laid),
            height=(state.height + pushes.long() - drop).clamp(min=0),
            debt=state.debt + owed - paid,
            left=state.left - 1,
        )
