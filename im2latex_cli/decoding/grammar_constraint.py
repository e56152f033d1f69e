"""A search that can only find well-formed formulas.

Wraps a decoder's step: what the grammar forbids gets the log-probability minus infinity. Where each
hypothesis stands in the grammar is a state beside the decoder's (`places`), so the search itself
does not know of it. Scores stay the network's own.

A formula may end only once it leaves ink; one that goes round in a circle must end as soon as it
can.

`Ledger` keeps the places as arrays, for devices that the host must not wait for, `Walk` as plain
Python for the CPU. Both do the same: a row of `Walk` takes 2 microseconds a token, while a step of
`Ledger` takes sixty small operations, however few the rows, which cost a single picture a fifth of
its time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.arrays import Array, Device, kind, on
from im2latex_cli.decoding.beam import StateT, Step
from im2latex_cli.decoding.engine import DecoderState, take_pictures
from im2latex_cli.latex.grammar.automaton import NEVER, NOTHING, Automaton
from im2latex_cli.latex.repetition import LONG, MOST, PERIOD

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
        """See `DecoderState.repeat`."""
        rows = kind(self.ledger).arange(len(self.ledger), self.ledger)
        return self.reorder(kind(rows).repeat(rows, times))

    def reorder(self, rows: Array) -> Self:
        """See `DecoderState.reorder`."""
        xp = kind(self.ledger)
        rows = xp.own(rows)
        return replace(
            self,
            ledger=xp.take(self.ledger, rows),
            stack=xp.take(self.stack, rows),
            trail=xp.take(self.trail, rows),
        )

    def select(self, pictures: Array) -> Self:
        """See `DecoderState.select`."""
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
        """See `DecoderState.repeat`."""
        return replace(self, rows=[row for row in self.rows for _ in range(times)])

    def reorder(self, rows: Array) -> Self:
        """See `DecoderState.reorder`."""
        return replace(self, rows=[self.rows[at] for at in rows.tolist()])

    def select(self, pictures: Array) -> Self:
        """See `DecoderState.select`."""
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
        """See `DecoderState.repeat`."""
        return replace(self, inner=self.inner.repeat(times), places=self.places.repeat(times))

    def reorder(self, rows: Array) -> Self:
        """See `DecoderState.reorder`."""
        return replace(self, inner=self.inner.reorder(rows), places=self.places.reorder(rows))

    def select(self, pictures: Array) -> Self:
        """See `DecoderState.select`."""
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
