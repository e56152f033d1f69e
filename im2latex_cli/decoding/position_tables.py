"""Where hypotheses stand in the grammar, and the tables that lead them on.

`ledger` keeps it as arrays for devices that the host must not wait for, `walk` as plain Python for
the CPU. Both do the same.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.arrays import Array
from im2latex_cli.decoding.state import DecoderState
from im2latex_cli.latex.grammar.automaton import NEVER, NOTHING, Automaton

DEPTH = 32
"""States on the stack; real formulas need about seven."""
SPARE = 8
"""Of these, kept free for what an open construct still must open."""
FLOOR = 2
"""Height of an empty stack: the deepest reach below it stays within the array."""
DEEP, BOXED, BLANK = 1, 2, 4
"""Which copies of the table of needs to look into, added up; twice `BLANK` inside of the unseen."""


class Places(DecoderState, Protocol):
    """Where R rows stand, B * K of them or one for each of B pictures."""

    def read(self, last: Array) -> Self:
        """Go on with one more id (R,) in each row; rows the search gave up may hold anything."""

    def room(self) -> tuple[Array, Array]:
        """Rows (R,) of the table of needs, and slack (R,).

        Slack are the tokens that may still come, the end included, beyond those that the states
        on the stack need: 0 to `NEVER`, 16 bits.
        """


def moves(automaton: Automaton) -> NDArray[np.int64]:
    """What a token does, (S * C, 10).

    The columns: the next state; what to lay on the stack; where the next state lies in the stack
    instead; by how much the stack grows; tokens of its limit that a formula then has no more;
    whether a level closes; whether it leaves ink; whether what follows is inside of each of
    `roles.INSIDES`.
    """
    pushes = automaton.push != NOTHING
    laid = np.where(pushes, automaton.push, 0)
    columns = (
        automaton.next,
        laid,
        automaton.reach,
        pushes.astype(np.int64) - automaton.drop,
        1 + np.where(pushes, automaton.owed[laid], 0),
        automaton.drop > 0,
        automaton.ink,
        *np.broadcast_to(automaton.inside.T[:, None], (3, *automaton.after.shape)),
    )
    return np.stack(columns, -1).reshape(-1, len(columns))


def needs(automaton: Automaton) -> NDArray[np.int64]:
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
    found: NDArray[np.int64] = np.minimum(np.concatenate(copies), NEVER) + 1
    return found
