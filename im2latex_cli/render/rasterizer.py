"""Type 1 outlines to small bitmaps, through FreeType.

Characters are drawn in black and white at four times the resolution; a character at any quarter of
a pixel is then a count of the sixteen dots in each pixel, so positions keep their fractions and one
drawing serves all sixteen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import freetype
import numpy as np
from numpy.typing import NDArray

from im2latex_cli.render.dvi import FontUse
from im2latex_cli.render.fonts import FontFinder, FontMissingError, scaled_widths

FINE = 4
SP_PER_INCH = 65536 * 72.27


class Shape(NamedTuple):
    """One character, drawn fine.

    Attributes:
        left: dots from the reference point to the left edge of the ink.
        top: dots from the reference point down to the upper edge; negative above the baseline.
        dots: (h, w) bool, every edge touches ink; (0, 0) for a blank character.
    """

    left: int
    top: int
    dots: NDArray[np.bool_]


@dataclass(slots=True)
class Font:
    """One font at one size: its shapes, and their pixel counts at each quarter of a pixel."""

    use: FontUse
    face: Any
    shapes: dict[int, Shape] = field(default_factory=dict)
    counts: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def shape(self, code: int) -> Shape:
        """The drawing of a character.

        Raises:
            FontMissingError: the outline font has no such character.
        """
        shape = self.shapes.get(code)
        if shape is None:
            shape = self.shapes[code] = self._draw(code)
        return shape

    def count(self, code: int, phase: int) -> NDArray[np.uint8]:
        """(H, W) inked dots, 0 to 16, in each pixel that the character touches.

        Args:
            code: the character.
            phase: 4 * down + across, quarters of a pixel between the pixel grid and the ink.
        """
        key = code << 4 | phase
        count = self.counts.get(key)
        if count is None:
            count = self.counts[key] = _count(self.shape(code).dots, phase)
        return count

    def _draw(self, code: int) -> Shape:
        index = self.face.get_char_index(code)
        if not index:
            raise FontMissingError(f"font {self.use.name} has no outline for character {code}")
        self.face.load_glyph(index, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_TARGET_MONO)
        slot = self.face.glyph
        slot.render(freetype.FT_RENDER_MODE_MONO)
        bitmap = slot.bitmap
        if not bitmap.width or not bitmap.rows:
            return Shape(0, 0, np.zeros((0, 0), np.bool_))
        packed = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
        dots = np.unpackbits(packed, axis=1)[:, : bitmap.width].astype(np.bool_)
        rows, columns = np.flatnonzero(dots.any(1)), np.flatnonzero(dots.any(0))
        if not len(rows):
            return Shape(0, 0, np.zeros((0, 0), np.bool_))
        trimmed = dots[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        left, top = slot.bitmap_left + int(columns[0]), int(rows[0]) - slot.bitmap_top
        return Shape(left, top, trimmed)


def _count(dots: NDArray[np.bool_], phase: int) -> NDArray[np.uint8]:
    """Sum the dots of each pixel after shifting the drawing by `phase`."""
    down, across = divmod(phase, FINE)
    height, width = dots.shape
    high, wide = -(-(height + down) // FINE), -(-(width + across) // FINE)
    grid = np.zeros((high * FINE, wide * FINE), np.uint8)
    grid[down : down + height, across : across + width] = dots
    count: NDArray[np.uint8] = grid.reshape(high, FINE, wide, FINE).sum((1, 3), dtype=np.uint8)
    return count


class FontShelf:
    """All fonts in use, opened once for a process."""

    def __init__(self, finder: FontFinder, dpi: int) -> None:
        self._finder = finder
        self._dpi = dpi
        self._fonts: dict[FontUse, Font] = {}
        self._widths: dict[FontUse, list[int]] = {}

    def widths(self, use: FontUse) -> list[int]:
        """The 256 character widths of a font, in scaled points."""
        widths = self._widths.get(use)
        if widths is None:
            tfm = self._finder.metrics(use.name).read_bytes()
            widths = self._widths[use] = scaled_widths(tfm, use.size)
        return widths

    def font(self, use: FontUse) -> Font:
        """The font, ready to draw.

        Raises:
            FontMissingError: no Type 1 outlines are installed for it.
        """
        font = self._fonts.get(use)
        if font is None:
            face = freetype.Face(str(self._finder.outline(use.name)))
            face.select_charmap(freetype.FT_ENCODING_ADOBE_CUSTOM)
            pixels = use.size / SP_PER_INCH * self._dpi * FINE
            face.set_char_size(0, max(1, round(pixels * 64)), 72, 72)
            font = self._fonts[use] = Font(use, face)
        return font
