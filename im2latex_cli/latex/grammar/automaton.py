"""The grammar of the normal form as a pushdown automaton: its states, and the tables made of them.

A state is a level (the formula, a group, a cell, text ...) and a place in it. Opening a level
lays the state to come back to on a stack; closing it takes that state up again. An environment
with a column argument also lays the beginning of a full row there, for its line breaks.

The decoder holds a state and a stack of states for each hypothesis; one look into a table says
which tokens may come next, and how many tokens the formula then still needs. Everything is
numbers, so thousands of hypotheses advance together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.latex.commands import ENVIRONMENTS, UNBOUNDED
from im2latex_cli.latex.grammar.roles import ANY, INSIDES, Role, role_of

MOST_COLUMNS = 24
"""Columns that an array may have here; the widest of 100,000 real formulas has 21."""

LOCAL = frozenset("symbol star [ ] blank limits _ ^ big command { left begin".split())
"""Kinds of roles whose effect in math depends only on the place, and on whether it is an option."""
_SAME = "same"
"""In a move from `like`: the name of the state itself."""

_WITHOUT_INK = frozenset(("columns", "arguments", "side", "over"))
_BARS = {"start": "bar", "bar": "bars"}


class State(NamedTuple):
    r"""A place in a formula.

    Attributes:
        level: the innermost open construct; "letters" holds those of one alphabet, "side" is an
            argument in brackets that is one letter.
        at: in math, "atom" (scripts may follow), "operator" (`\limits` too), "limits" (scripts
            must follow), "sub" (a superscript may follow), "start" (no script may follow),
            "row" (after a line break), "begin" (of the first row), "nothing" (painted yet);
            in "arguments" the option that may come.
        name: of an environment or alphabet; of a level "arguments", those still to come; of a
            "side" its letters, none once it has one.
        columns: columns that this row may still have; of a level "columns", those counted.
    """

    level: str
    at: str = "start"
    name: str = ""
    columns: int = 0


class Move(NamedTuple):
    """The effect of a token.

    Attributes:
        state: the next state; if `reach` is not 0, one like it.
        push: the state to push on the stack, or None.
        reach: go on at the state that lies so deep in the stack (1 is the top) instead.
        drop: states to take off the stack then.
        opens: it opens a level that it need not.
    """

    state: State
    push: State | None = None
    reach: int = 0
    drop: int = 0
    opens: bool = False


START = State("formula", "nothing")
_ARGUMENT = {"m": State("group"), "t": State("text"), "r": State("rows")}
OVER = State("over")
POP = Move(START, reach=1, drop=1)
POP_ROW = Move(START, reach=2, drop=2)


def move(state: State, role: Role) -> Move | None:
    """The effect of a token of `role` in `state`; None if it is not allowed there."""
    return _LEVELS.get(state.level, _math)(state, role)


def like(state: State) -> State | None:
    """One state for all those of math in which roles of `LOCAL` have the same effect.

    In a move from it, a state that `is_same` stands for the real one at another place. None: the
    state is not of math.
    """
    if state.level in _LEVELS:
        return None
    return State("option" if state.level == "option" else "group", state.at, _SAME)


def is_same(state: State) -> bool:
    """Whether a state of a move from `like` stands for the real one."""
    return state.name == _SAME


def leaves_ink(state: State, role: Role) -> bool:
    """Whether a token of `role` leaves ink in `state`, outside of unseen groups."""
    if state.level == "text":
        return role.text in ("any", "accent")
    if state.level == "delimiter":
        return role.delimiter == "mark"
    closes = state.level == "option" and role.kind == "]"
    return role.ink and not closes and state.level not in _WITHOUT_INK


def _math(state: State, role: Role) -> Move | None:
    if state.at == "limits" and role.kind not in ("_", "^"):
        return None
    handler = _IN_MATH.get(role.kind)
    return handler(state, role) if handler else None


def _symbol(state: State, role: Role) -> Move:
    return _to(state, "operator" if role.operator else "atom")


def _guarded(state: State, role: Role) -> Move | None:
    r"""`*` and `[`, which `\\` or `\begin{aligned}` would take for its own."""
    return None if state.at == "row" else _symbol(state, role)


def _closing_bracket(state: State, role: Role) -> Move:
    return POP if state.level == "option" else _symbol(state, role)


def _blank(state: State, _: Role) -> Move:
    return _to(state, state.at if state.at == "nothing" else "start")


def _limits(state: State, _: Role) -> Move | None:
    return _to(state, "limits") if state.at == "operator" else None


def _subscript(state: State, _: Role) -> Move | None:
    fits = state.at in ("atom", "operator", "limits")
    return _arguments(state, "m", back="sub") if fits else None


def _superscript(state: State, _: Role) -> Move | None:
    fits = state.at in ("atom", "operator", "limits", "sub")
    return _arguments(state, "m", back="start") if fits else None


def _big(state: State, _: Role) -> Move | None:
    return None if state.level == "option" else _open(state, State("delimiter"))


def _command(state: State, role: Role) -> Move:
    back = "operator" if role.operator else "atom"
    option = "" if state.level == "option" else role.option
    return _arguments(state, role.name, back=back, option=option)


def _open_group(state: State, _: Role) -> Move:
    return _open(state, State("group"))


def _close_group(state: State, _: Role) -> Move | None:
    return POP if state.level in ("group", "rows") else None


def _left(state: State, _: Role) -> Move | None:
    return None if state.level == "option" else _open(state, State("fence"))


def _right(state: State, _: Role) -> Move | None:
    return POP if state.level == "fence" else None


def _middle(state: State, _: Role) -> Move | None:
    return _to(state, "start") if state.level == "fence" else None


def _begin(state: State, role: Role) -> Move | None:
    if state.level == "option":
        return None
    entry = ENVIRONMENTS[role.name]
    if entry.argument:
        return _open(state, State("columns", "brace", entry.name))
    at = "row" if entry.position else "begin"
    return _open(state, State("cells", at, entry.name, entry.columns - 1))


def _end(state: State, role: Role) -> Move | None:
    if state.level != "cells" or state.name != role.name:
        return None
    return POP_ROW if ENVIRONMENTS[state.name].argument else POP


def _next_cell(state: State, _: Role) -> Move | None:
    if state.level != "cells" or not state.columns:
        return None
    endless = state.columns >= UNBOUNDED - 1
    return Move(state._replace(at="start", columns=state.columns - (not endless)))


def _next_row(state: State, _: Role) -> Move | None:
    if state.level == "rows":
        return _to(state, "row")
    if state.level != "cells":
        return None
    entry = ENVIRONMENTS[state.name]
    full = Move(State("cells", "row", state.name, max(0, entry.columns - 1)))
    return full._replace(reach=1) if entry.argument else full


def _line(state: State, _: Role) -> Move | None:
    begins = state.level == "cells" and state.at in ("row", "begin")
    return _to(state, "begin") if begins else None


def _over(state: State, _: Role) -> Move | None:
    return Move(OVER) if state.level == "formula" and state.at != "nothing" else None


def _in_over(_: State, role: Role) -> Move | None:
    return Move(OVER) if role.kind == "over" else None


def _in_arguments(state: State, role: Role) -> Move | None:
    if role.kind == "[" and state.at != "start":
        level = State("option") if state.at == ANY else State("side", name=state.at)
        return Move(level, push=state._replace(at="start"))
    if role.kind != "{":
        return None
    first, rest = state.name[0], state.name[1:]
    level = _ARGUMENT.get(first) or State("letters", name=first)
    return Move(level, push=State("arguments", name=rest) if rest else None)


def _in_letters(state: State, role: Role) -> Move | None:
    if role.kind == "}":
        return POP
    plain = role.kind in ("symbol", "blank") and state.name not in role.lacking
    return Move(state) if plain else None


def _in_side(state: State, role: Role) -> Move | None:
    """One letter and the bracket behind it."""
    if state.name:
        return Move(State("side")) if role.side and role.side in state.name else None
    return POP if role.kind == "]" else None


def _in_delimiter(_: State, role: Role) -> Move | None:
    return POP if role.delimiter else None


def _in_columns(state: State, role: Role) -> Move | None:
    """The column argument: letters and bars, or a number of column pairs."""
    if state.at == "brace":
        return Move(state._replace(at="start")) if role.kind == "{" else None
    if role.kind == "}":
        first = State("cells", "begin", state.name, state.columns - 1)
        return Move(first, push=first._replace(at="row")) if state.columns else None
    entry = ENVIRONMENTS[state.name]
    if entry.argument == "n":
        fits = role.column.isdigit() and not state.columns
        return Move(state._replace(columns=2 * int(role.column))) if fits else None
    if role.column == "|" and not entry.columns:
        return Move(state._replace(at=_BARS[state.at])) if state.at in _BARS else None
    if role.column == "c" and state.columns < (entry.columns or MOST_COLUMNS):
        return Move(state._replace(at="start", columns=state.columns + 1))
    return None


def _in_text(state: State, role: Role) -> Move | None:
    if role.kind == "{":
        return Move(State("text"), push=State("text"), opens=state.at != "accent")
    if state.at == "accent":
        return Move(State("text")) if role.letter else None
    if role.kind == "}":
        return POP
    if role.text == "word":
        return _arguments(state, "t", back="start")
    if role.text:
        return Move(State("text", "accent" if role.text == "accent" else "start"))
    return None


def _to(state: State, at: str) -> Move:
    return Move(state._replace(at=at))


def _open(state: State, level: State) -> Move:
    return Move(level, push=state._replace(at="atom"), opens=True)


def _arguments(state: State, args: str, *, back: str, option: str = "") -> Move:
    waiting = State("arguments", option or "start", args)
    return Move(waiting, push=state._replace(at=back), opens=True)


_Handler = Callable[[State, Role], Move | None]
_LEVELS: dict[str, _Handler] = {
    "arguments": _in_arguments,
    "letters": _in_letters,
    "side": _in_side,
    "delimiter": _in_delimiter,
    "columns": _in_columns,
    "text": _in_text,
    "over": _in_over,
}
_IN_MATH: dict[str, _Handler] = {
    "symbol": _symbol,
    "star": _guarded,
    "[": _guarded,
    "]": _closing_bracket,
    "blank": _blank,
    "limits": _limits,
    "_": _subscript,
    "^": _superscript,
    "big": _big,
    "command": _command,
    "{": _open_group,
    "}": _close_group,
    "left": _left,
    "right": _right,
    "middle": _middle,
    "begin": _begin,
    "end": _end,
    "&": _next_cell,
    "newline": _next_row,
    "hline": _line,
    "over": _over,
}


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
