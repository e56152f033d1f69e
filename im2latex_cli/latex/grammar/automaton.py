"""The grammar of the normal form as a pushdown automaton in tables.

The decoder holds a state and a stack of states for each hypothesis; one look into a table says
which tokens may come next, and how many tokens the formula then still needs. Everything is
numbers, so thousands of hypotheses advance together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.latex.grammar.roles import INSIDES, Role, role_of
from im2latex_cli.latex.grammar.states import (
    LOCAL,
    OVER,
    START,
    Move,
    State,
    is_same,
    leaves_ink,
    like,
    move,
)

NEVER = 30_000
"""Tokens that a formula still needs if it can never end."""
NOTHING = -1


@dataclass(frozen=True)
class Automaton:
    """Tables over S states and C roles; a token's role is all that matters of it.

    Attributes:
        roles: (V,) role of each token of the vocabulary.
        next: (S, C) state after a token, if `reach` is 0.
        push: (S, C) state to lay on the stack, or -1.
        reach: (S, C) depth of the next state in the stack instead, 1 being the top.
        drop: (S, C) states to take off the stack.
        cost: (S,) fewest tokens from a state to the end of its level.
        owed: (S,) the same of a state on the stack; 0 if the automaton does not return to it.
        after: (S, C) fewest tokens after a token to the end of its level; `NEVER` if the
            token is forbidden.
        opens: (S, C) whether the token opens a level that it need not.
        ink: (S, C) whether the token leaves ink, outside of unseen groups.
        inside: (C, 3) whether the argument of a token is inside of one of `roles.INSIDES`: an
            unseen group, a short accent, a box. A formula without ink may not end; an accent is
            not allowed inside of a box inside of an accent.
        reserve: fewest tokens that leave ink in a formula that has none yet; `NEVER` if the
            vocabulary has none.
        start: the first state.
    """

    roles: NDArray[np.int64]
    next: NDArray[np.int64]
    push: NDArray[np.int64]
    reach: NDArray[np.int64]
    drop: NDArray[np.int64]
    cost: NDArray[np.int64]
    owed: NDArray[np.int64]
    after: NDArray[np.int64]
    opens: NDArray[np.bool_]
    ink: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    reserve: int
    start: int


def automaton(tokens: Sequence[str], *, specials: int, eos: int) -> Automaton:
    """Build the automaton of a vocabulary.

    Args:
        tokens: (V,) of the vocabulary.
        specials: the first tokens, which are no LaTeX.
        eos: the special that ends a formula.
    """
    named = [
        Role("over") if at == eos else Role("never") if at < specials else role_of(token)
        for at, token in enumerate(tokens)
    ]
    kinds = list(dict.fromkeys(named))
    number = {role: at for at, role in enumerate(kinds)}
    roles = np.array([number[role] for role in named])
    return _tables(roles, tuple(kinds))


def _tables(roles: NDArray[np.int64], kinds: tuple[Role, ...]) -> Automaton:
    states, number, edges = _explore(kinds)
    shape = (len(states), len(kinds))
    following, reach, drop = (np.zeros(shape, np.int64) for _ in range(3))
    push = np.full(shape, NOTHING)
    allowed, opens = (np.zeros(shape, np.bool_) for _ in range(2))
    for at, role, step, target, pushed in edges:
        allowed[at, role], opens[at, role] = True, step.opens
        reach[at, role], drop[at, role] = step.reach, step.drop
        following[at, role], push[at, role] = target, pushed
    rows = np.array([state.level == "cells" and state.at == "row" for state in states])
    over = np.array([state == OVER for state in states])
    cost, after = _costs(following, push, drop, allowed, rows=rows, over=over)
    owed = np.where(rows, 0, cost)
    levels = list(dict.fromkeys(state.level for state in states))
    of_level = np.array([[leaves_ink(State(level), role) for role in kinds] for level in levels])
    ink = of_level[[levels.index(state.level) for state in states]]
    inside = np.array([[one in role.inside for one in INSIDES] for role in kinds])
    first = number[START]
    reserve = int(np.where(ink[first], after[first], NEVER).min())
    return Automaton(
        roles, following, push, reach, drop, cost, owed, after, opens, ink, inside, reserve, first
    )


_Places = int | NDArray[np.int64]
"""A state's number, or those of several."""
_Edge = tuple[_Places, int, Move, _Places, _Places]
"""From states, by a role: the move, the next states and what to lay on the stack, or `NOTHING`."""


def _explore(kinds: tuple[Role, ...]) -> tuple[list[State], dict[State, int], list[_Edge]]:
    """All states that can be reached, their numbers, and the moves between them.

    Most roles do the same in most states of math, so these moves are looked up once for all
    states that are alike.
    """
    local = [at for at, kind in enumerate(kinds) if kind.kind in LOCAL]
    others = [at for at, kind in enumerate(kinds) if kind.kind not in LOCAL]
    states, number = [START], {START: 0}
    edges: list[_Edge] = []
    alike: dict[State, list[int]] = {}
    common: dict[State, dict[int, Move]] = {}
    targets: dict[State, list[State]] = {}

    def visit(targets: Iterable[State]) -> None:
        for target in targets:
            if target not in number:
                number[target] = len(states)
                states.append(target)

    for at, state in enumerate(states):  # grows while it is walked
        model = like(state)
        if model is not None:
            if model not in common:
                common[model] = _moves(model, local, kinds)
                targets[model] = list(_targets(common[model]))
            alike.setdefault(model, []).append(at)
            visit(_real(target, state) for target in targets[model])
        own = _moves(state, others if model else range(len(kinds)), kinds)
        visit(_targets(own))
        for role, step in own.items():
            laid = NOTHING if step.push is None else number[step.push]
            edges.append((at, role, step, number[step.state], laid))
    for model, members in alike.items():
        edges += _common_edges(common[model], members, states, number)
    return states, number, edges


def _moves(state: State, roles: Iterable[int], kinds: Sequence[Role]) -> dict[int, Move]:
    """The moves from a state by role."""
    steps = ((role, move(state, kinds[role])) for role in roles)
    return {role: step for role, step in steps if step is not None}


def _targets(moves: Mapping[int, Move]) -> Iterable[State]:
    """The states that moves lead to or lay on the stack, each once, in their order."""
    pairs = ((step.state, step.push) for step in moves.values())
    return dict.fromkeys(state for pair in pairs for state in pair if state is not None)


def _real(target: State, state: State) -> State:
    """The state that a move from `like(state)` means."""
    return state._replace(at=target.at) if is_same(target) else target


def _common_edges(
    moves: Mapping[int, Move],
    members: Sequence[int],
    states: Sequence[State],
    number: Mapping[State, int],
) -> Iterator[_Edge]:
    """The moves that states have in common, for all of these states together."""
    numbers = {
        target: np.array([number[_real(target, states[at])] for at in members])
        for target in _targets(moves)
    }
    places = np.array(members)
    for role, step in moves.items():
        laid = NOTHING if step.push is None else numbers[step.push]
        yield places, role, step, numbers[step.state], laid


def _costs(
    following: NDArray[np.int64],
    push: NDArray[np.int64],
    drop: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    *,
    rows: NDArray[np.bool_],
    over: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fewest tokens to the end of a level, from each state and after each move: a fixed point."""
    cost = np.where(over, 0, NEVER)
    while True:
        owed = np.where((push == NOTHING) | rows[push], 0, cost[push])
        after = np.where(drop > 0, 0, cost[following] + owed)
        after = np.where(allowed, np.minimum(after, NEVER), NEVER)
        better = np.minimum(cost, np.minimum(1 + after.min(axis=1), NEVER))
        if np.array_equal(better, cost):
            return cost, after
        cost = better
