r"""The states of an unfinished formula, and the effect of each token in them.

A state is a level (the formula, a group, a cell, text ...) and a place in it. Opening a level
lays the state to come back to on a stack; closing it takes that state up again. An environment
with a column argument also lays the beginning of a full row there, for its line breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from im2latex_cli.latex.commands import ENVIRONMENTS, UNBOUNDED
from im2latex_cli.latex.grammar.roles import ANY, Role

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
