"""Painting formulas quickly: each glyph is drawn once by resvg, then only placed.

Drawing a whole SVG costs resvg 2 to 8 ms; adding ready glyph bitmaps to a page costs 0.3 ms, and
says where every glyph stands.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.render.embedded.svg import PlacedGlyph, Rule, VectorDrawing, cut_out
from im2latex_cli.render.renderer import Glyph

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
