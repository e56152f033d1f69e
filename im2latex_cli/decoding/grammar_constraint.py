"""A search that can only find well-formed formulas.

Wraps a decoder's step: what the grammar forbids gets the log-probability minus infinity. Where
each hypothesis stands in the grammar is a state beside the decoder's (`places`), so the search
itself does not know of it. Scores stay the network's own.

A formula may end only once it leaves ink; one that goes round in a circle must end as soon as it
can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self

from im2latex_cli.decoding.arrays import Array, Device, kind, on
from im2latex_cli.decoding.beam import StateT, Step
from im2latex_cli.decoding.position_arrays import LedgerTables
from im2latex_cli.decoding.position_python import WalkTables
from im2latex_cli.decoding.position_tables import Places, needs
from im2latex_cli.latex.grammar.automaton import NEVER, Automaton


def without(step: Step[StateT], ids: list[int]) -> Step[StateT]:
    """A step that never proposes `ids`."""

    def stepped(last: Array, state: StateT) -> tuple[Array, StateT]:
        scores, state = step(last, state)
        scores = kind(scores).copy(scores)
        for one in ids:  # a list would be sent to the device, which the host then waits for
            scores[:, one] = -math.inf
        return scores, state

    return stepped


@dataclass(frozen=True, slots=True)
class GrammarState(Generic[StateT]):
    """A decoder's state, and beside it where its rows stand in the grammar.

    Attributes:
        inner: the decoder's own state.
        places: of the same rows.
        fresh: whether nothing has been read, not even the start.
    """

    inner: StateT
    places: Places
    fresh: bool = True

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        return replace(self, inner=self.inner.repeat(times), places=self.places.repeat(times))

    def reorder(self, rows: Array) -> Self:
        """See `State.reorder`."""
        return replace(self, inner=self.inner.reorder(rows), places=self.places.reorder(rows))

    def select(self, pictures: Array) -> Self:
        """See `State.select`."""
        inner, places = self.inner.select(pictures), self.places.select(pictures)
        return replace(self, inner=inner, places=places)


class GrammarConstraint:
    """Which ids may follow, from the automaton's tables.

    Args:
        automaton: the tables.
        device: of the tensors that it will meet; None where they are NumPy's arrays.
        walks: whether each row walks alone, in Python; None where the device is the CPU.
    """

    def __init__(
        self, automaton: Automaton, device: Device | None, *, walks: bool | None = None
    ) -> None:
        cpu = device is None or device.type == "cpu"
        walks = cpu if walks is None else walks
        needed = needs(automaton)
        like = on(None if walks else device)
        self._needed = kind(like).shorts(kind(like).integers(needed, like))
        self._roles = kind(like).integers(automaton.roles, like)
        self._reserve = automaton.reserve
        self._tables: WalkTables | LedgerTables = (
            WalkTables(automaton, needed) if walks else LedgerTables(automaton, needed, like)
        )

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
        return GrammarState(state, self._tables.begin(most))

    def step(self, inner: Step[StateT]) -> Step[GrammarState[StateT]]:
        """Wrap a decoder's step."""

        def stepped(last: Array, state: GrammarState[StateT]) -> tuple[Array, GrammarState[StateT]]:
            scores, after = inner(last, state.inner)
            places = state.places if state.fresh else state.places.read(last)
            needs, slack = places.room()
            xp = kind(self._needed)
            refused = xp.take(self._needed, needs) > slack[:, None]  # by role, an eighth of all ids
            forbidden = kind(scores).own(xp.spread(refused, self._roles))
            scores = kind(scores).where(forbidden, -math.inf, scores)
            return scores, GrammarState(after, places, fresh=False)

        return stepped
