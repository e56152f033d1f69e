"""Painting the SVG of mathra quickly: each glyph is drawn once by resvg, then only placed.

Drawing a whole SVG costs resvg 2 to 8 ms; adding ready glyph bitmaps to a page costs 0.3 ms, and
says where every glyph stands. The SVG is a list of outlines (`path` in `defs`), of places for them
(`use`, with a translation and a scale) and of bars (`rect`); a few symbols hold more.

mathra 1.5 computes the heights of the upright rules of an array well and their places wrongly: with
the height h of a row and the depth t of its top below the top of the array, it puts the lower end
of a rule 2t + h below the baseline instead of t + h below the top of the array. Both rules of `||`
get one place. An array is centred on the math axis, so its top follows from the heights.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.render.renderer import Glyph


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
            rules[-len(previous) :] = _shift_of(rules[-len(previous) :], -_APART / 2 * scale)
            moved = _shift_of(moved, _APART / 2 * scale)
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
        aligned = abs(bar.x - first.x) < _SLACK and bar.width == first.width
        if not aligned or abs(base - 2 * depth - bar.height - bar.y) > _SLACK:
            break
        depth += bar.height
        end += 1
    return list(bars[start:end])


def _place_of(column: Sequence[Rule]) -> list[Rule]:
    base = column[0].y + column[0].height
    height = sum(bar.height for bar in column)
    lower = base + height / 2 + _AXIS * column[0].width / _RULE
    bars = []
    for bar in column:
        lower -= bar.height
        bars.append(replace(bar, y=lower))
    return bars


def _shift_of(bars: Sequence[Rule], distance: float) -> list[Rule]:
    return [replace(bar, x=bar.x + distance) for bar in bars]


PHASES = 4
"""A glyph's place is kept to this part of a pixel; also the oversampling of its master bitmap."""
UNITS_PER_EM = 1000
_CACHED_GLYPHS = 20_000
_OVERHANG = 500  # ink may reach outside of the box that the SVG states
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class TooLargeError(ValueError):
    """The page would be larger than any sensible formula."""


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """A glyph's ink, (h, w) uint8 with 255 as full ink, and its corner from the origin, pixels."""

    ink: NDArray[np.uint8]
    left: int
    top: int


class Painter:
    """Drawings to pages at one size; keeps the glyphs that it has drawn.

    Args:
        pixels_per_em: size of the font.
        max_side: longest side of a page, pixels.
        max_pixels: largest page.
    """

    def __init__(self, pixels_per_em: float, *, max_side: int, max_pixels: int) -> None:
        self._scale = pixels_per_em / UNITS_PER_EM
        self._max_side = max_side
        self._max_pixels = max_pixels
        self._masters: dict[tuple[str, float], Stamp] = {}
        self._stamps: dict[tuple[str, float, int, int], Stamp] = {}

    def paint(
        self, drawing: VectorDrawing, *, font: str
    ) -> tuple[NDArray[np.uint8], tuple[Glyph, ...]]:
        """Paint a drawing.

        Returns:
            The page, (H, W) uint8 with 255 as paper, not cropped; and its glyphs.

        Raises:
            TooLargeError: the page would be too large.
        """
        put = [self._put(place) for place in drawing.places]
        rects = [self._snap(bar) for bar in drawing.bars]
        spans = [(x, y, x + s.ink.shape[1], y + s.ink.shape[0]) for s, x, y in put] + rects
        if not spans:
            return np.full((1, 1), 255, np.uint8), ()
        left, top = min(s[0] for s in spans), min(s[1] for s in spans)
        width, height = max(s[2] for s in spans) - left, max(s[3] for s in spans) - top
        self._check_size(width, height)
        ink = np.zeros((height, width), np.uint16)
        for stamp, x, y in put:
            rows, columns = stamp.ink.shape
            ink[y - top : y - top + rows, x - left : x - left + columns] += stamp.ink
        for x0, y0, x1, y1 in rects:
            ink[y0 - top : y1 - top, x0 - left : x1 - left] = 255
        page = 255 - np.minimum(ink, 255).astype(np.uint8)
        glyphs = tuple(
            Glyph(
                font,
                place.code,
                x - left + stamp.ink.shape[1] / 2,
                y - top + stamp.ink.shape[0] / 2,
                stamp.ink.shape[1],
                stamp.ink.shape[0],
            )
            for place, (stamp, x, y) in zip(drawing.places, put, strict=True)
        )
        return page, glyphs

    def paint_whole(self, svg: str) -> NDArray[np.uint8]:
        """Let resvg paint all of an SVG at once, whatever it holds; as `paint`, without glyphs.

        Raises:
            TooLargeError: the page would be too large.
        """
        (x, y, width, height), body = cut_out(svg)
        x, y, width, height = (
            x - _OVERHANG,
            y - _OVERHANG,
            width + 2 * _OVERHANG,
            height + 2 * _OVERHANG,
        )
        columns, rows = math.ceil(width * self._scale), math.ceil(height * self._scale)
        self._check_size(columns, rows)
        box = f"{x} {y} {columns / self._scale} {rows / self._scale}"
        return 255 - _rasterise(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{columns}" '
            f'height="{rows}">{body}</svg>'
        )

    def _check_size(self, width: int, height: int) -> None:
        if max(width, height) > self._max_side or width * height > self._max_pixels:
            raise TooLargeError(f"the page would have {width}x{height} pixels")

    def _put(self, place: PlacedGlyph) -> tuple[Stamp, int, int]:
        """Find the bitmap of a glyph at its place, and the pixel of the bitmap's corner."""
        right = round(place.x * self._scale * PHASES)
        down = round(-place.y * self._scale * PHASES)
        key = (place.outline, place.scale, right % PHASES, down % PHASES)
        stamp = self._stamps.get(key)
        if stamp is None:
            if len(self._stamps) >= _CACHED_GLYPHS:
                self._stamps.clear()
            stamp = _shift(self._master(place.outline, place.scale), key[2], key[3])
            self._stamps[key] = stamp
        return stamp, right // PHASES + stamp.left, down // PHASES + stamp.top

    def _snap(self, bar: Rule) -> tuple[int, int, int, int]:
        """Put a bar on whole pixels, as TeX's drivers do: never thinner than it is."""
        width = max(1, math.ceil(bar.width * self._scale - 1e-6))
        height = max(1, math.ceil(bar.height * self._scale - 1e-6))
        left = math.floor(bar.x * self._scale + 0.5)
        top = math.floor(-(bar.y + bar.height) * self._scale + 0.5)
        return left, top, left + width, top + height

    def _master(self, outline: str, scale: float) -> Stamp:
        master = self._masters.get((outline, scale))
        if master is None:
            if len(self._masters) >= _CACHED_GLYPHS:
                self._masters.clear()
            master = self._masters[outline, scale] = self._draw_master(outline, scale)
        return master

    def _draw_master(self, outline: str, scale: float) -> Stamp:
        """Let resvg draw one outline, alone so that no neighbour moves its roundings."""
        size = scale * self._scale * PHASES
        left, top, right, bottom = _pixel_box(outline, size)
        move = f"translate({-left} {-top}) scale({size:.9f} {-size:.9f})"
        alpha = _rasterise(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{right - left}" '
            f'height="{bottom - top}"><path transform="{move}" d="{outline}"/></svg>'
        )
        return Stamp(alpha, left, top)


def _rasterise(svg: str) -> NDArray[np.uint8]:
    """Return the opacity of an SVG's pixels."""
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA").getchannel("A"))


def _pixel_box(outline: str, size: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of an outline's control points in pixels, y downwards."""
    numbers = [float(number) for number in _NUMBER.findall(outline)]
    xs, ys = numbers[0::2] or [0.0], numbers[1::2] or [0.0]
    return (
        math.floor(min(xs) * size),
        math.floor(-max(ys) * size),
        max(math.ceil(max(xs) * size), math.floor(min(xs) * size) + 1),
        max(math.ceil(-min(ys) * size), math.floor(-max(ys) * size) + 1),
    )


def _shift(master: Stamp, right: int, down: int) -> Stamp:
    """Average a master bitmap to pixels, after moving it by parts of a pixel."""
    x, y = master.left + right, master.top + down
    left, top = x // PHASES, y // PHASES
    rows, columns = master.ink.shape
    height = -(-(y - top * PHASES + rows) // PHASES)
    width = -(-(x - left * PHASES + columns) // PHASES)
    framed = np.zeros((height * PHASES, width * PHASES), np.uint16)
    y0, x0 = y - top * PHASES, x - left * PHASES
    framed[y0 : y0 + rows, x0 : x0 + columns] = master.ink
    sums = framed.reshape(height, PHASES, width, PHASES).sum(axis=(1, 3))
    return Stamp((sums // PHASES**2).astype(np.uint8), left, top)
