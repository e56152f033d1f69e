"""Typeset pages whose formulas are known: pictures with exact boxes, through LaTeX."""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import RendererError
from im2latex_cli.pages.document import FIGURE, Composer, Document, RegionLabel, Supply, owners
from im2latex_cli.pages.filler import draw
from im2latex_cli.pages.layouts import LAYOUTS, chosen_layouts
from im2latex_cli.pages.regions import Rectangle, Region, RegionKind, hull
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.render.tex import dvi
from im2latex_cli.render.tex.dvi import DviError, DviPage, FontUse
from im2latex_cli.render.tex.fonts import FontFinder, FontMissingError
from im2latex_cli.render.tex.rasterizer import SP_PER_INCH, Compositor, FontCache, Mark, Sheet
from im2latex_cli.render.tex.sandbox import run_latex, screen
from im2latex_cli.render.tex.typefaces import PLAIN, TYPEFACES, installed
from im2latex_cli.render.tex.typesetter import INSTALL, new_nonce

BLOCKS = 60
"""Blocks of content of one document."""
TIMEOUT = 60.0
ATTEMPTS = 6
"""LaTeX runs of one document; each leaves out the blocks that the last one complained of."""
DARK, MOST_DARK = 128, 0.3
"""Grey of dark pixels, and the share of them from which a sheet is a painted background: colours
are not drawn, so nothing can be read on it."""
PLAIN_SHARE = 0.25
"""Share of the documents that are in Computer Modern for sure, if it is among the typefaces."""
LINE_GAP = 0.35
"""Widest white inside an inline formula, in inches."""
LINE_SHARE = 0.1
"""White between lines as a share of that."""

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TypesetPage:
    """One page.

    Attributes:
        ink: (H, W) uint8, 255 is paper; the whole sheet.
        regions: its formulas and equation numbers.
        layout: name of the layout.
        typeface: name of the typeface.
        dpi: pixels per inch.
    """

    ink: Grey
    regions: tuple[Region, ...]
    layout: str
    typeface: str
    dpi: int


class PageTypesetter:
    """Makes pages.

    Args:
        dpi: pixels per inch.
        layouts: names of layouts; empty for all.
        typefaces: names of typefaces; empty for Computer Modern and all that are installed.
        plain: share of the documents that have no formulas.

    Raises:
        RendererError: LaTeX or a typeface is not installed.
        UsageError: there is no layout of a name.
    """

    def __init__(
        self,
        *,
        dpi: int,
        layouts: tuple[str, ...] = (),
        typefaces: tuple[str, ...] = (),
        plain: float = 0.1,
    ) -> None:
        latex, kpsewhich = shutil.which("latex"), shutil.which("kpsewhich")
        if latex is None or kpsewhich is None:
            raise RendererError("LaTeX is not on PATH.", hint=INSTALL)
        finder = FontFinder(kpsewhich)
        self._latex = latex
        self._dpi = dpi
        self._plain = plain
        self._fonts = FontCache(finder, dpi)
        self._compositor = Compositor(self._fonts, dpi)
        others = [name for name in typefaces if name != PLAIN]
        first = [PLAIN] if PLAIN in typefaces or not typefaces else []
        self._typefaces = (*first, *(installed(finder, others) if others or not typefaces else ()))
        self._layouts = chosen_layouts(layouts)

    def pages(self, formulas: Sequence[Sequence[str]], seed: int) -> Iterator[TypesetPage]:
        """Yield the pages of one document; none if LaTeX cannot typeset it.

        Args:
            formulas: tokens of normal forms; those that may harm others are left out.
            seed: the same seed gives the same document.
        """
        rng = random.Random(seed)
        layout = rng.choice(self._layouts)
        typeface = rng.choice(self._typefaces)
        if LAYOUTS[layout].slides or (PLAIN in self._typefaces and rng.random() < PLAIN_SHARE):
            typeface = PLAIN
        face = TYPEFACES[typeface].latex if typeface in TYPEFACES else ""
        nonce = new_nonce()
        safe = [tokens for tokens in formulas if screen(" ".join(tokens)).lane == "shared"]
        composer = Composer(
            rng,
            Supply.of(safe, rng),
            LAYOUTS[layout],
            nonce=nonce,
            face=face,
            plain=rng.random() < self._plain,
        )
        document = composer.document(BLOCKS)
        for page, fonts, size in self._run(document, nonce):
            sheet = self._paint(page, fonts, size)
            if isinstance(sheet, Sheet) and float((sheet.ink < DARK).mean()) <= MOST_DARK:
                yield self._page(sheet, document.labels, rng, layout, typeface)

    def _run(
        self, document: Document, nonce: str
    ) -> Iterator[tuple[DviPage, list[FontUse], tuple[int, int]]]:
        """Typeset a document without the blocks that LaTeX complains of."""
        without: set[int] = set()
        for _ in range(ATTEMPTS):
            source = document.source(frozenset(without))
            transcript = run_latex(self._latex, source, mark=nonce, timeout=TIMEOUT)
            size, bad = _complaints(transcript.lines, nonce)
            if size is None or transcript.hung or -1 in bad:
                return
            if not bad - without:
                break
            without |= bad
        else:
            return
        fonts: list[FontUse] = []
        try:
            self._fonts.expect(dvi.font_names(transcript.pages))
            pages = dvi.read(transcript.pages, fonts, self._fonts.widths)
        except (DviError, FontMissingError):
            return
        for page in pages:
            yield page, fonts, size

    def _paint(
        self, page: DviPage, fonts: list[FontUse], size: tuple[int, int]
    ) -> Sheet | RenderFailure:
        width, height = (round(side / SP_PER_INCH * self._dpi) for side in size)
        before = [count for count, _ in page.specials]
        return self._compositor.sheet(
            page,
            fonts,
            size=(width, height),
            characters=owners(page.specials, before, len(page.codes)),
            rules=owners(page.specials, page.special_rules, len(page.rules)),
        )

    def _page(
        self,
        sheet: Sheet,
        labels: Mapping[int, RegionLabel],
        rng: random.Random,
        layout: str,
        typeface: str,
    ) -> TypesetPage:
        ink = sheet.ink.copy()
        for mark in sheet.marks:
            if mark.owner == FIGURE:
                draw(ink, _rectangle(mark), rng)
        regions = tuple(regions_of(sheet.marks, labels, LINE_GAP * self._dpi))
        return TypesetPage(ink, regions, layout, typeface, self._dpi)


def _complaints(lines: Sequence[str], nonce: str) -> tuple[tuple[int, int] | None, set[int]]:
    """Size of the paper in scaled points, and the blocks that LaTeX complained of (-1: none)."""
    size: tuple[int, int] | None = None
    bad: set[int] = set()
    current = -1
    for line in lines:
        if line.startswith(nonce):
            kind, *values = line[len(nonce) :].split()
            if kind == "P":
                size = int(values[0]), int(values[1])
            else:
                current = int(values[0])
        elif line.startswith(("! ", "Missing character")):
            bad.add(current)
    return size, bad


def _rectangle(mark: Mark) -> Rectangle:
    return Rectangle(mark.left, mark.top, mark.right, mark.bottom)


def regions_of(
    marks: Sequence[Mark], labels: Mapping[int, RegionLabel], line_gap: float
) -> Iterator[Region]:
    """The regions of a page; numbers come after their display.

    Args:
        marks: what was painted; the owner of each is the number of its region.
        labels: what the regions are; an equation number follows its display.
        line_gap: widest white inside an inline formula or a number, in pixels.
    """
    boxes: dict[int, list[Rectangle]] = defaultdict(list)
    for mark in marks:
        if mark.owner in labels:
            boxes[mark.owner].append(_rectangle(mark))
    place: dict[int, int] = {}
    count = 0
    for owner in sorted(boxes):
        label = labels[owner]
        if label.kind is RegionKind.DISPLAY:
            parts = [boxes[owner]]
            place[owner] = count
        else:
            parts = _lines(boxes[owner], line_gap)
        for part in parts:
            yield Region(label.kind, hull(part), label.formula, place.get(owner - 1, -1))
            count += 1


def _lines(boxes: Sequence[Rectangle], gap: float) -> list[list[Rectangle]]:
    """Boxes by the lines they stand on; each is near the box around the others of its line."""
    lines: list[list[Rectangle]] = []
    for box in boxes:
        for line in lines:
            around = hull(line)
            beside = around.left - gap < box.right and box.left < around.right + gap
            down = max(box.top - around.bottom, around.top - box.bottom)
            if beside and down < LINE_SHARE * gap:
                line.append(box)
                break
        else:
            lines.append([box])
    return lines
