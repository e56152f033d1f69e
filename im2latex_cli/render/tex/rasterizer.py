"""Pages of a DVI file to ink: outlines of Type 1 fonts to bitmaps, and these to their places.

Characters are drawn in black and white at four times the resolution through FreeType, and the
sixteen dots of each pixel are counted. They stand on whole pixels, counted from the lower left
corner of the page; rules cover every quarter of a pixel that they touch. All of this is what
Ghostscript does at four text alpha bits, and so what the pictures of im2latex-100k look like.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import freetype
import numpy as np
from numpy.typing import NDArray

from im2latex_cli.render.renderer import Glyph, Page, RenderFailure
from im2latex_cli.render.tex.dvi import DviError, DviPage, FontUse
from im2latex_cli.render.tex.fonts import (
    FontFinder,
    FontMissingError,
    VirtualFont,
    parts_of,
    read_virtual_font,
    scaled_widths,
    unfold,
)

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
            self.expect([name for file in files for name in parts_of(file.read_bytes())])

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
            virtual = (
                None
                if path is None
                else read_virtual_font(path.read_bytes(), use.size, self.widths)
            )
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


_LONGEST_SIDE = 8192
_MOST_PIXELS = 16_000_000
# 16 dots become 15 steps of alpha: 8 and 9 dots look alike.
_GREY = bytes(255 - min(255, 17 * count - 17 * (count > 8)) for count in range(256))

Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge; dots or pixels."""


class Mark(NamedTuple):
    """What one character or rule of a sheet paints.

    Attributes:
        owner: number of what it belongs to, or -1.
        left, top, right, bottom: its box in pixels.
    """

    owner: int
    left: float
    top: float
    right: float
    bottom: float


class Sheet(NamedTuple):
    """A whole sheet of paper.

    Attributes:
        ink: (H, W) uint8, 255 is paper.
        marks: the characters, then the rules, each in the order of painting.
    """

    ink: NDArray[np.uint8]
    marks: list[Mark]


class _PlacedGlyph(NamedTuple):
    """A character, the pixel of its reference point, and what it is."""

    x: int
    y: int
    shape: GlyphBitmap
    font: str
    code: int
    token: int


class Compositor:
    """Paints pages; keeps every character it has drawn."""

    def __init__(self, font_cache: FontCache, dpi: int) -> None:
        self._font_cache = font_cache
        self._pixels_per_sp = dpi / SP_PER_INCH

    def paint(
        self,
        page: DviPage,
        fonts: Sequence[FontUse],
        *,
        bottom: int,
        tokens: Sequence[int] | None = None,
    ) -> Page | RenderFailure:
        """The page's ink, cropped, and where its characters stand.

        Args:
            page: what TeX typeset.
            fonts: the fonts its characters count.
            bottom: the page's lower edge in scaled points; it lies between two rows of pixels.
            tokens: for each character of the page its token.
        """
        owners = list(tokens or [-1] * len(page.codes))
        try:
            if any(self._font_cache.virtual(fonts[number]) for number in set(page.fonts)):
                page, fonts, owners = unfold(page, fonts, owners, self._font_cache.virtual)
            glyphs = self._place(page, fonts, bottom, owners)
        except (DviError, FontMissingError) as missing:
            return RenderFailure("tex-error", str(missing))
        rules = [self._rule(rule, bottom) for rule in page.rules]
        if not glyphs and not rules:
            return RenderFailure("blank", "the formula paints nothing")
        left, top, right, low = _hull(glyphs, rules)
        height, width = low - top, right - left
        if max(width, height) > _LONGEST_SIDE or width * height > _MOST_PIXELS:
            return RenderFailure("too-large", f"the page is {width} by {height} pixels")
        canvas = np.zeros((height, width), np.uint8)
        for box in rules:
            _fill(canvas, box, left, top)
        for glyph in glyphs:
            _stamp(canvas, glyph, left, top)
        return Page(_greys(canvas), tuple(_glyph(glyph, left, top) for glyph in glyphs))

    def sheet(
        self,
        page: DviPage,
        fonts: Sequence[FontUse],
        *,
        size: tuple[int, int],
        characters: Sequence[int],
        rules: Sequence[int],
    ) -> Sheet | RenderFailure:
        """The whole sheet of paper, margins included; what lies beyond its edges is left out.

        Args:
            page: what TeX typeset, an inch from the sheet's left and upper edge.
            fonts: the fonts its characters count.
            size: width and height of the sheet in pixels.
            characters: for each character of the page the number of its owner, or -1.
            rules: likewise for each rule.
        """
        owners = list(characters)
        try:
            if any(self._font_cache.virtual(fonts[number]) for number in set(page.fonts)):
                page, fonts, owners = unfold(page, fonts, owners, self._font_cache.virtual)
            inch = round(SP_PER_INCH)
            glyphs = self._place(page, fonts, -inch, owners)
        except (DviError, FontMissingError) as missing:
            return RenderFailure("tex-error", str(missing))
        shift = -round(inch * self._pixels_per_sp)
        width, height = size
        canvas = np.zeros((height, width), np.uint8)
        marks = []
        for placed in glyphs:
            if _stamp(canvas, placed, shift, 0):
                glyph = _glyph(placed, shift, 0)
                marks.append(_mark(glyph, placed.token))
        # Rules of virtual fonts come after the page's own and have no owner.
        owners_of_rules = (*rules, *[-1] * (len(page.rules) - len(rules)))
        for rule, owner in zip(page.rules, owners_of_rules, strict=True):
            x0, y0, x1, y1 = self._rule(rule, -inch)
            left, right = x0 / FINE - shift, x1 / FINE - shift
            top, bottom = y0 / FINE, y1 / FINE
            if left >= 0 and top >= 0 and right <= width and bottom <= height:
                _fill(canvas, (x0, y0, x1, y1), shift, 0)
                marks.append(Mark(owner, left, top, right, bottom))
        return Sheet(_greys(canvas), marks)

    def _place(
        self, page: DviPage, fonts: Sequence[FontUse], bottom: int, tokens: Sequence[int]
    ) -> list[_PlacedGlyph]:
        """Each character that paints, on its pixel."""
        scale = self._pixels_per_sp
        cache: dict[int, Font] = {}
        glyphs = []
        characters = zip(page.fonts, page.codes, page.h, page.v, tokens, strict=True)
        for number, code, h, v, token in characters:
            font = cache.get(number)
            if font is None:
                font = cache[number] = self._font_cache.font(fonts[number])
            shape = font.shapes.get(code) or font.shape(code)
            if shape.counts.size:
                x = math.floor(h * scale + 0.5)
                y = math.floor((v - bottom) * scale + 0.5)
                glyphs.append(_PlacedGlyph(x, y, shape, font.use.name, code, token))
        return glyphs

    def _rule(self, rule: tuple[int, int, int, int], bottom: int) -> Box:
        """The dots that a rule touches."""
        h, v, width, height = rule
        scale = self._pixels_per_sp * FINE
        return (
            math.floor(h * scale),
            math.floor((v - bottom - height) * scale),
            math.ceil((h + width) * scale),
            math.ceil((v - bottom) * scale),
        )


def _hull(glyphs: Sequence[_PlacedGlyph], rules: Sequence[Box]) -> Box:
    """The pixels of the smallest rectangle around all ink."""
    boxes = [
        (box[0] // FINE, box[1] // FINE, -(-box[2] // FINE), -(-box[3] // FINE)) for box in rules
    ]
    for x, y, shape, *_ in glyphs:
        left, top = x + shape.left, y + shape.top
        height, width = shape.counts.shape
        boxes.append((left, top, left + width, top + height))
    lefts, tops, rights, lows = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(lows)


def _fill(canvas: NDArray[np.uint8], box: Box, left: int, top: int) -> None:
    """Add a rule's dots to the canvas."""
    x0, y0, x1, y1 = box[0] - left * FINE, box[1] - top * FINE, box[2] - left * FINE, 0
    y1 = box[3] - top * FINE
    rows, columns = _spread(y0, y1), _spread(x0, x1)
    region = canvas[y0 // FINE :, x0 // FINE :][: len(rows), : len(columns)]
    region += np.outer(rows, columns)


def _stamp(canvas: NDArray[np.uint8], glyph: _PlacedGlyph, left: int, top: int) -> bool:
    """Add a character's dots to the canvas; False if it does not lie inside."""
    counts = glyph.shape.counts
    row, column = glyph.y + glyph.shape.top - top, glyph.x + glyph.shape.left - left
    if row < 0 or column < 0:
        return False
    region = canvas[row : row + counts.shape[0], column : column + counts.shape[1]]
    if region.shape != counts.shape:
        return False
    np.add(region, counts, out=region)
    return True


def _greys(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dots to grey levels."""
    return np.frombuffer(canvas.tobytes().translate(_GREY), np.uint8).reshape(canvas.shape)


def _mark(glyph: Glyph, owner: int) -> Mark:
    across, down = glyph.width / 2, glyph.height / 2
    return Mark(owner, glyph.x - across, glyph.y - down, glyph.x + across, glyph.y + down)


def _spread(start: int, end: int) -> NDArray[np.uint8]:
    """How many dots of each pixel lie between two dots."""
    first = start // FINE
    edges = np.arange(first, -(-end // FINE) + 1) * FINE
    return np.diff(np.clip(edges, start, end)).astype(np.uint8)


def _glyph(glyph: _PlacedGlyph, left: int, top: int) -> Glyph:
    """The box of a character on the cropped page, in pixels."""
    x0, y0, x1, y1 = glyph.shape.box
    return Glyph(
        glyph.font,
        glyph.code,
        glyph.x - left + (x0 + x1) / (2 * FINE),
        glyph.y - top + (y0 + y1) / (2 * FINE),
        (x1 - x0) / FINE,
        (y1 - y0) / FINE,
        glyph.token,
    )
