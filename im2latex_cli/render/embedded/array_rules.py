r"""Correct the places of the upright rules of an array.

mathra 1.5 computes their heights well and their places wrongly: with the height h of a row and the
depth t of its top below the array's top, it puts the rule's lower end 2t + h below the baseline
instead of t + h below the array's top. Both rules of `||` get one place. An array is centred on
the math axis, so its top follows from the heights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from im2latex_cli.render.embedded.svg import Rule

_AXIS = 258.0  # of STIX Two Math, in units of 1000 to the em
_RULE = 40.0  # thickness of a rule in text style
_APART = 160.0  # between the middles of the rules of `||`
_SLACK = 0.5


def settle_rules(bars: Sequence[Rule]) -> tuple[Rule, ...]:
    r"""Move the upright rules of arrays to their places; bars of other shapes stay."""
    rules: list[Rule] = []
    previous: list[Rule] = []
    position = 0
    while position < len(bars):
        column = _column(bars, position)
        if not column:
            rules.append(bars[position])
            position += 1
            continue
        moved = _place(column)
        if previous and abs(previous[0].x - column[0].x) < _SLACK:  # the second rule of a pair
            scale = column[0].width / _RULE
            rules[-len(previous) :] = _shift(rules[-len(previous) :], -_APART / 2 * scale)
            moved = _shift(moved, _APART / 2 * scale)
        rules += moved
        previous = column
        position += len(column)
    return tuple(rules)


def _column(bars: Sequence[Rule], start: int) -> list[Rule]:
    """The bars from `start` on that are one rule, a bar for each row; empty if there is none."""
    first = bars[start]
    if first.height <= first.width or first.width > _RULE:
        return []
    base, depth = first.y + first.height, 0.0
    end = start
    for bar in bars[start:]:
        alike = abs(bar.x - first.x) < _SLACK and bar.width == first.width
        if not alike or abs(base - 2 * depth - bar.height - bar.y) > _SLACK:
            break
        depth += bar.height
        end += 1
    return list(bars[start:end])


def _place(column: Sequence[Rule]) -> list[Rule]:
    base = column[0].y + column[0].height
    height = sum(bar.height for bar in column)
    lower = base + height / 2 + _AXIS * column[0].width / _RULE
    placed = []
    for bar in column:
        lower -= bar.height
        placed.append(replace(bar, y=lower))
    return placed


def _shift(bars: Sequence[Rule], distance: float) -> list[Rule]:
    return [replace(bar, x=bar.x + distance) for bar in bars]
