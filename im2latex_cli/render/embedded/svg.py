"""Reading the SVG of a formula that mathra wrote.

It is a list of outlines (`path` in `defs`), of places for them (`use`, with a translation and a
scale) and of bars (`rect`); a few symbols hold more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


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
