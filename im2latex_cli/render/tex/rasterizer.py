"""Type 1 outlines to small bitmaps, through FreeType.

Characters are drawn in black and white at four times the resolution, and the sixteen dots of each
pixel are counted. This and placing them on whole pixels is what Ghostscript does at four text alpha
bits, and so what the pictures of im2latex-100k look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import freetype
import numpy as np
from numpy.typing import NDArray

from im2latex_cli.render.tex.dvi import FontUse
from im2latex_cli.render.tex.fonts import FontFinder, FontMissingError, scaled_widths
from im2latex_cli.render.tex.virtual_fonts import VirtualFont, font_names, read

FINE = 4
_NUDGE = (4, 3)  # 64ths of a dot: outlines that pass a dot's centre closely fall as in Ghostscript
SP_PER_INCH = 65536 * 72.27


class GlyphBitmap(NamedTuple):
    """One character, its reference point on the corner of a pixel.

    Attributes:
        box: left, top, right and bottom edge of its ink in dots from the reference point,
            downwards; one pixel has FINE dots.
        left: pixels from the reference point to the first column of `counts`.
        top: pixels from the reference point down to the first row of `counts`.
        counts: (H, W) uint8, inked dots in each pixel, 0 to 16; (0, 0) for a blank character.
    """

    box: tuple[int, int, int, int]
    left: int
    top: int
    counts: NDArray[np.uint8]


_BLANK = GlyphBitmap((0, 0, 0, 0), 0, 0, np.zeros((0, 0), np.uint8))


@dataclass(slots=True)
class Font:
    """One font at one size, with every character drawn so far."""

    use: FontUse
    face: Any
    names: list[str]
    shapes: dict[int, GlyphBitmap] = field(default_factory=dict)

    def shape(self, code: int) -> GlyphBitmap:
        """The drawing of a character.

        Raises:
            FontMissingError: the outline font has no such character.
        """
        shape = self.shapes.get(code)
        if shape is None:
            shape = self.shapes[code] = self._draw(code)
        return shape

    def _draw(self, code: int) -> GlyphBitmap:
        if self.names:
            name = self.names[code] if code < len(self.names) else ".notdef"
            index = self.face.get_name_index(name.encode("latin-1"))
        else:
            index = self.face.get_char_index(code)
        if not index:
            raise FontMissingError(f"font {self.use.name} has no outline for character {code}")
        self.face.load_glyph(index, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_TARGET_MONO)
        slot = self.face.glyph
        slot.render(freetype.FT_RENDER_MODE_MONO)
        bitmap = slot.bitmap
        if not bitmap.width or not bitmap.rows:
            return _BLANK
        packed = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
        dots = np.unpackbits(packed, axis=1)[:, : bitmap.width]
        return _shape(dots, slot.bitmap_left, -slot.bitmap_top)


def _shape(dots: NDArray[np.uint8], left: int, top: int) -> GlyphBitmap:
    """Trim a drawing to its ink and count its dots by pixels."""
    rows, columns = np.flatnonzero(dots.any(1)), np.flatnonzero(dots.any(0))
    if not len(rows):
        return _BLANK
    dots = dots[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = left + int(columns[0]), top + int(rows[0])
    height, width = dots.shape
    first_row, row = divmod(top, FINE)
    first_column, column = divmod(left, FINE)
    high, wide = -(-(row + height) // FINE), -(-(column + width) // FINE)
    grid = np.zeros((high * FINE, wide * FINE), np.uint8)
    grid[row : row + height, column : column + width] = dots
    counts = grid.reshape(high, FINE, wide, FINE).sum((1, 3), dtype=np.uint8)
    return GlyphBitmap((left, top, left + width, top + height), first_column, first_row, counts)


class FontCache:
    """All fonts in use, opened once for a process."""

    def __init__(self, finder: FontFinder, dpi: int) -> None:
        self._finder = finder
        self._dpi = dpi
        self._fonts: dict[FontUse, Font] = {}
        self._widths: dict[FontUse, list[int]] = {}
        self._virtual: dict[FontUse, VirtualFont | None] = {}
        self._expected: set[str] = set()

    def expect(self, fonts: Sequence[str]) -> None:
        """Find the files of fonts, and of those that they borrow from, in a few questions."""
        new = [font for font in dict.fromkeys(fonts) if font not in self._expected]
        self._expected.update(new)
        if new:
            files = self._finder.expect(new)
            self.expect([name for file in files for name in font_names(file.read_bytes())])

    def widths(self, use: FontUse) -> list[int]:
        """The 256 character widths of a font, in scaled points."""
        widths = self._widths.get(use)
        if widths is None:
            tfm = self._finder.metrics(use.name).read_bytes()
            widths = self._widths[use] = scaled_widths(tfm, use.size)
        return widths

    def virtual(self, use: FontUse) -> VirtualFont | None:
        """The font if it is made of others, else None."""
        if use not in self._virtual:
            path = self._finder.virtual(use.name)
            virtual = None if path is None else read(path.read_bytes(), use.size, self.widths)
            self._virtual[use] = virtual
        return self._virtual[use]

    def font(self, use: FontUse) -> Font:
        """The font, ready to draw.

        Raises:
            FontMissingError: no Type 1 outlines are installed for it.
        """
        font = self._fonts.get(use)
        if font is None:
            outline = self._finder.outline(use.name)
            face = freetype.Face(str(outline.file))
            names = outline.glyph_names()
            if not names:
                _select_own_encoding(face)
            pixels = use.size / SP_PER_INCH * self._dpi * FINE
            face.set_char_size(0, max(1, round(pixels * 64)), 72, 72)
            right, lean = round(outline.extend * 0x10000), round(outline.slant * 0x10000)
            matrix = freetype.Matrix(right, lean, 0, 0x10000)
            face.set_transform(matrix, freetype.Vector(*_NUDGE))
            font = self._fonts[use] = Font(use, face, names)
        return font


def _select_own_encoding(face: freetype.Face) -> None:
    """Number glyphs as the font file does: an encoding of its own, or Adobe's standard one."""
    encodings = {charmap.encoding for charmap in face.charmaps}
    own = freetype.FT_ENCODING_ADOBE_CUSTOM
    face.select_charmap(own if own in encodings else freetype.FT_ENCODING_ADOBE_STANDARD)
