"""The grammar of the normal form as a pushdown automaton in tables.

The decoder holds a state and a stack of states for each hypothesis; one look into a table says
which tokens may come next, and how many tokens the formula then still needs. Everything is
numbers, so thousands of hypotheses advance together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.latex.grammar.roles import INSIDES, Role, role_of
from im2latex_cli.latex.grammar.states import OVER, START, Move, State, leaves_ink, move

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
    states, edges = _explore(kinds)
    number = {state: at for at, state in enumerate(states)}
    shape = (len(states), len(kinds))
    following, reach, drop = (np.zeros(shape, np.int64) for _ in range(3))
    push = np.full(shape, NOTHING)
    allowed, opens = (np.zeros(shape, np.bool_) for _ in range(2))
    for (at, role), step in edges.items():
        allowed[at, role], opens[at, role] = True, step.opens
        reach[at, role], drop[at, role] = step.reach, step.drop
        following[at, role] = number[step.state]
        push[at, role] = NOTHING if step.push is None else number[step.push]
    rows = np.array([state.level == "cells" and state.at == "row" for state in states])
    over = np.array([state == OVER for state in states])
    cost, after = _costs(following, push, drop, allowed, rows=rows, over=over)
    owed = np.where(rows, 0, cost)
    ink = np.array([[leaves_ink(state, role) for role in kinds] for state in states])
    inside = np.array([[one in role.inside for one in INSIDES] for role in kinds])
    first = number[START]
    reserve = int(np.where(ink[first], after[first], NEVER).min())
    return Automaton(
        roles, following, push, reach, drop, cost, owed, after, opens, ink, inside, reserve, first
    )


def _explore(kinds: tuple[Role, ...]) -> tuple[list[State], dict[tuple[int, int], Move]]:
    """All states that can be reached, and the moves between them."""
    states, visited, edges = [START], {START}, {}
    for at, state in enumerate(states):  # grows while it is walked
        for role, kind in enumerate(kinds):
            step = move(state, kind)
            if step is None:
                continue
            edges[at, role] = step
            for target in (step.state, step.push):
                if target is not None and target not in visited:
                    visited.add(target)
                    states.append(target)
    return states, edges


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
