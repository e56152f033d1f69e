"""The renderer that needs no TeX: mathra lays the formula out, resvg draws its glyphs.

Both come as PyPI wheels for every platform. The look is that of STIX Two, not Computer Modern;
the height of the text is TeX's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Literal

import mathra
import numpy as np

from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.embedded.array_rules import settle_rules
from im2latex_cli.render.embedded.mathra_dialect import rewrite
from im2latex_cli.render.embedded.painter import Painter, TooLargeError
from im2latex_cli.render.embedded.svg import UnknownDrawingError, parse
from im2latex_cli.render.embedded.token_colours import TintedFormula
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.tex.token_marks import carry
from im2latex_cli.settings.sections import RenderSettings

FONT = "STIX Two Math"
POINTS_PER_INCH = 72.27
X_HEIGHT_RATIO = 453 / 489
"""Ink height of Computer Modern's italic x by that of STIX Two's, at the same font size."""
TRUE_SIZES = {10: 10.0, 11: 10.95, 12: 12.0}
"""What the font size options of LaTeX's article class really are, in points."""
FAINTEST_INK = 16
"""Ink below a sixteenth of a pixel is left out, as Ghostscript's 4x4 samples would."""

_STRAY_DOLLAR = re.compile(r"\A(?:(?!\\(?:text|mbox|hbox))(?:\\.|[^\\$]))*\$", re.DOTALL)
MAX_CHARACTERS = 20_000
MAX_SIDE = 32_768
MAX_PIXELS = 16_000_000


class EmbeddedRenderer:
    """Formulas to pages without TeX.

    mathra's strict mode refuses what it does not know, limits nesting to 64 levels and macros to
    a fixed number, and takes time linear in the length of the formula; with the limits on length
    and page size here, no formula takes longer than a few tenths of a second.

    Args:
        settings: font size and resolution.
    """

    def __init__(self, settings: RenderSettings) -> None:
        pixels_per_em = TRUE_SIZES[settings.font_size] * settings.dpi / POINTS_PER_INCH
        self._painter = Painter(
            pixels_per_em * X_HEIGHT_RATIO, max_side=MAX_SIDE, max_pixels=MAX_PIXELS
        )

    @property
    def name(self) -> Literal["embedded"]:
        """Which renderer this is."""
        return "embedded"

    @property
    def version(self) -> str:
        """Versions of the packages that shape and draw."""
        return f"mathra {version('mathra')}, resvg-py {version('resvg-py')}"

    def render(self, formulas: Sequence[str]) -> Iterator[Page | RenderFailure]:
        """Yield one page or failure for each formula, in order."""
        for formula in formulas:
            yield self._render(formula)

    def render_tokens(self, formulas: Sequence[Sequence[str]]) -> Iterator[Page | RenderFailure]:
        """Render normal forms: the pages of the joined tokens, with `Glyph.token` filled in."""
        for tokens in formulas:
            page = self._render(join(tokens))
            yield page if isinstance(page, RenderFailure) else _name_tokens(page, tokens)

    def _render(self, formula: str) -> Page | RenderFailure:
        svg = typeset(formula)
        if isinstance(svg, RenderFailure):
            return svg
        try:
            return _crop(self._paint(svg, ruled="{array}" in formula and "|" in formula))
        except (TooLargeError, OverflowError) as error:
            return RenderFailure("too-large", str(error))
        except ValueError as error:
            return RenderFailure("refused", _one_line(str(error)))

    def _paint(self, svg: str, *, ruled: bool) -> Page:
        try:
            drawing = parse(svg)
        except UnknownDrawingError:
            return Page(self._painter.paint_whole(svg))
        if ruled:
            drawing = replace(drawing, bars=settle_rules(drawing.bars))
        return Page(*self._painter.paint(drawing, font=FONT))


def typeset(formula: str) -> str | RenderFailure:
    """Lay a formula out: mathra's SVG, or why there is none."""
    if len(formula) > MAX_CHARACTERS:
        return RenderFailure("too-large", f"longer than {MAX_CHARACTERS} characters")
    if "$" in formula and _STRAY_DOLLAR.search(formula):
        return RenderFailure("refused", "a dollar sign inside the formula")
    try:
        return str(mathra.tex_to_svg(rewrite(formula), display=True, strict=True))
    except ValueError as error:
        return RenderFailure("tex-error", _one_line(str(error)))


def _name_tokens(page: Page, tokens: Sequence[str]) -> Page:
    """Say which token painted each glyph, as far as a coloured copy shows it."""
    copy = TintedFormula(tokens)
    try:
        svg = mathra.tex_to_svg(rewrite(copy.latex), display=True, strict=True)
        places = parse(svg).places
    except ValueError:  # the copy is nested deeper, or is no drawing of glyphs
        return page
    tags = copy.tokens_of([place.fill for place in places])
    codes = [glyph.code for glyph in page.glyphs]
    owners = carry(codes, [place.code for place in places], tags)
    glyphs = zip(page.glyphs, owners, strict=True)
    return Page(page.ink, tuple(glyph._replace(token=owner) for glyph, owner in glyphs))


def _crop(page: Page) -> Page | RenderFailure:
    """Drop the faintest ink and everything outside of the rest."""
    ink = page.ink
    ink[ink > 255 - FAINTEST_INK] = 255
    inked = ink < 255
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return RenderFailure("blank", "the formula paints nothing")
    top, left = int(rows[0]), int(columns[0])
    glyphs = tuple(glyph._replace(x=glyph.x - left, y=glyph.y - top) for glyph in page.glyphs)
    return Page(ink[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1].copy(), glyphs)


def _one_line(message: str) -> str:
    """The message of mathra without its column, which counts in the rewritten formula."""
    return re.sub(r"^column \d+: ", "", " ".join(message.split()))
