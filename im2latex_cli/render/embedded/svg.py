"""The SVG of a formula that mathra wrote, read, and its rules put right.

It is a list of outlines (`path` in `defs`), of places for them (`use`, with a translation and a
scale) and of bars (`rect`); a few symbols hold more.

mathra 1.5 computes the heights of the upright rules of an array well and their places wrongly: with
the height h of a row and the depth t of its top below the top of the array, it puts the lower end
of a rule 2t + h below the baseline instead of t + h below the top of the array. Both rules of `||`
get one place. An array is centred on the math axis, so its top follows from the heights.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


class UnknownDrawingError(ValueError):
    """The SVG holds something that this module does not know how to paint."""


@dataclass(frozen=True, slots=True)
class PlacedGlyph:
    """One glyph of a drawing, in font units, y upwards: outline, origin, scale and colour."""

    outline: str
    code: int
    x: float
    y: float
    scale: float
    fill: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rectangle of a drawing, in font units, y upwards; (x, y) is its lower left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class VectorDrawing:
    """A formula as outlines and bars."""

    places: tuple[PlacedGlyph, ...]
    bars: tuple[Rule, ...]


_TAG = re.compile(r"<(\w+)((?:\s+[\w:-]+=\"[^\"]*\")*)\s*/?>")
_ATTRIBUTE = re.compile(r"([\w:-]+)=\"([^\"]*)\"")
_MOVE = re.compile(r"translate\((\S+) (\S+)\) scale\((\S+)\)")
_BOX = re.compile(r"viewBox=\"(\S+) (\S+) (\S+) (\S+)\"")
_OUTLINE = re.compile(r"[MLCZ0-9eE. -]*")


def parse(svg: str) -> VectorDrawing:
    """Read an SVG that mathra wrote.

    Raises:
        UnknownDrawingError: it holds more than outlines, places and bars.
    """
    body = _body(svg)
    outlines: dict[str, str] = {}
    places: list[PlacedGlyph] = []
    bars: list[Rule] = []
    for tag, text in _TAG.findall(body):
        values = dict(_ATTRIBUTE.findall(text))
        if tag == "path":
            outlines[values["id"]] = _checked_outline(values["d"])
        elif tag == "use":
            places.append(_place(values, outlines))
        elif tag == "rect":
            bars.append(Rule(*(float(values[key]) for key in ("x", "y", "width", "height"))))
        elif tag == "line":
            bars.append(_line(values))
        elif tag not in {"defs", "g"}:
            raise UnknownDrawingError(f"the SVG has a <{tag}>")
    return VectorDrawing(tuple(places), tuple(bars))


def cut_out(svg: str) -> tuple[tuple[float, float, float, float], str]:
    """Return the box (x, y, width, height) and the elements that paint.

    Raises:
        UnknownDrawingError: it is not an SVG as mathra writes them.
    """
    box = _BOX.search(svg, 0, 2000)
    if box is None:
        raise UnknownDrawingError("the SVG has no box")
    x, y, width, height = (float(number) for number in box.groups())
    return (x, y, width, height), _body(svg)


def _body(svg: str) -> str:
    """The outlines and what uses them, without the titles before and the hidden text after."""
    start, end = svg.find("<defs>"), svg.rfind("<text ")
    if start < 0:
        raise UnknownDrawingError("the SVG has no outlines")
    return svg[start : end if end >= 0 else len(svg)].removesuffix("</svg>")


def _checked_outline(outline: str) -> str:
    if not _OUTLINE.fullmatch(outline):
        raise UnknownDrawingError("an outline has unknown commands")
    return outline


def _place(values: dict[str, str], outlines: dict[str, str]) -> PlacedGlyph:
    name = values["href"].lstrip("#")
    code = int(re.sub(r"^.*\D", "", name) or -1)
    fill = values.get("fill", "")
    if "transform" not in values:
        return PlacedGlyph(outlines[name], code, float(values["x"]), float(values["y"]), 1.0, fill)
    move = _MOVE.fullmatch(values["transform"])
    if move is None:
        raise UnknownDrawingError(f"a glyph has the transform {values['transform']}")
    x, y, scale = (float(number) for number in move.groups())
    return PlacedGlyph(outlines[name], code, x, y, scale, fill)


def _line(values: dict[str, str]) -> Rule:
    x1, x2, y1, y2 = (float(values[key]) for key in ("x1", "x2", "y1", "y2"))
    half = float(values["stroke-width"]) / 2
    if x1 != x2 and y1 != y2:
        raise UnknownDrawingError("the SVG has a slanted line")
    if x1 == x2:
        return Rule(x1 - half, min(y1, y2), 2 * half, abs(y2 - y1))
    return Rule(min(x1, x2), y1 - half, abs(x2 - x1), 2 * half)


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
        moved = _place_of(column)
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


def _place_of(column: Sequence[Rule]) -> list[Rule]:
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
