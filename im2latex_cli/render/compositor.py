"""Pages of a DVI file to ink: characters and rules painted at quarters of a pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.render.dvi import DviPage, FontUse
from im2latex_cli.render.fonts import FontMissingError
from im2latex_cli.render.rasterizer import FINE, SP_PER_INCH, Font, FontShelf
from im2latex_cli.render.renderer import Glyph, Page, RenderFailure

_LONGEST_SIDE = 8192
_MOST_PIXELS = 16_000_000
_GREY = bytes(255 - min(255, 16 * min(count, 16)) for count in range(256))


class _Placed(NamedTuple):
    """A character and the dots it lies in: left, top, right, bottom."""

    font: Font
    code: int
    box: tuple[int, int, int, int]
    token: int


class Compositor:
    """Paints pages; keeps every character it has drawn."""

    def __init__(self, shelf: FontShelf, dpi: int) -> None:
        self._shelf = shelf
        self._dots_per_sp = dpi * FINE / SP_PER_INCH

    def paint(
        self,
        page: DviPage,
        fonts: Sequence[FontUse],
        tokens: Sequence[int] | None = None,
    ) -> Page | RenderFailure:
        """The page's ink, cropped, and where its characters stand.

        Args:
            page: what TeX typeset.
            fonts: the fonts its characters count.
            tokens: for each character of the page its token.
        """
        try:
            placed = self._place(page, fonts, tokens or [-1] * len(page.codes))
        except FontMissingError as missing:
            return RenderFailure("tex-error", str(missing))
        boxes = [self._rule(*rule) for rule in page.rules]
        boxes += [placement.box for placement in placed]
        if not boxes:
            return RenderFailure("blank", "the formula paints nothing")
        left = min(box[0] for box in boxes) // FINE
        top = min(box[1] for box in boxes) // FINE
        width = -(-max(box[2] for box in boxes) // FINE) - left
        height = -(-max(box[3] for box in boxes) // FINE) - top
        if max(width, height) > _LONGEST_SIDE or width * height > _MOST_PIXELS:
            return RenderFailure("too-large", f"the page is {width} by {height} pixels")
        canvas = np.zeros((height, width), np.uint8)
        for box in boxes[: len(page.rules)]:
            _fill(canvas, box, left, top)
        for font, code, (x, y, _, _), _ in placed:
            count = font.count(code, y % FINE * FINE + x % FINE)
            row, column = y // FINE - top, x // FINE - left
            region = canvas[row : row + count.shape[0], column : column + count.shape[1]]
            np.add(region, count, out=region)
        ink = np.frombuffer(canvas.tobytes().translate(_GREY), np.uint8).reshape(height, width)
        return Page(ink, _glyphs(placed, left, top))

    def _place(
        self, page: DviPage, fonts: Sequence[FontUse], tokens: Sequence[int]
    ) -> list[_Placed]:
        """Each character that paints, with its box in dots."""
        scale = self._dots_per_sp
        opened: dict[int, Font] = {}
        placed = []
        characters = zip(page.fonts, page.codes, page.h, page.v, tokens, strict=True)
        for number, code, h, v, token in characters:
            font = opened.get(number)
            if font is None:
                font = opened[number] = self._shelf.font(fonts[number])
            left, top, dots = font.shapes.get(code) or font.shape(code)
            height, width = dots.shape
            if height:
                x = math.floor(h * scale + 0.5) + left
                y = math.floor(v * scale + 0.5) + top
                placed.append(_Placed(font, code, (x, y, x + width, y + height), token))
        return placed

    def _rule(self, h: int, v: int, width: int, height: int) -> tuple[int, int, int, int]:
        """The dots that a rule touches."""
        scale = self._dots_per_sp
        return (
            math.floor(h * scale),
            math.floor((v - height) * scale),
            math.ceil((h + width) * scale),
            math.ceil(v * scale),
        )


def _fill(canvas: NDArray[np.uint8], box: tuple[int, int, int, int], left: int, top: int) -> None:
    """Add a rule's dots to the canvas."""
    x0, y0, x1, y1 = box[0] - left * FINE, box[1] - top * FINE, box[2] - left * FINE, 0
    y1 = box[3] - top * FINE
    rows, columns = _spread(y0, y1), _spread(x0, x1)
    region = canvas[y0 // FINE :, x0 // FINE :][: len(rows), : len(columns)]
    region += np.outer(rows, columns)


def _spread(start: int, end: int) -> NDArray[np.uint8]:
    """How many dots of each pixel lie between two dots."""
    first = start // FINE
    edges = np.arange(first, -(-end // FINE) + 1) * FINE
    return np.diff(np.clip(edges, start, end)).astype(np.uint8)


def _glyphs(placed: Sequence[_Placed], left: int, top: int) -> tuple[Glyph, ...]:
    """The boxes of the characters on the cropped page, in pixels."""
    half = 1 / (2 * FINE)
    return tuple(
        Glyph(
            font.use.name,
            code,
            (x0 + x1) * half - left,
            (y0 + y1) * half - top,
            (x1 - x0) / FINE,
            (y1 - y0) / FINE,
            token,
        )
        for font, code, (x0, y0, x1, y1), token in placed
    )
