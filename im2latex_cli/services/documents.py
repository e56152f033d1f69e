"""Uploaded documents for `im2latex serve`: pages are drawn and searched one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.errors import Im2LatexError
from im2latex_cli.pages.finder import Finder, bundled_finder
from im2latex_cli.pages.regions import FoundFormula
from im2latex_cli.serve.reading import FoundPage, Part, Unit, UploadedDocument
from im2latex_cli.services.reading import pdf
from im2latex_cli.services.reading.box import Box
from im2latex_cli.services.reading.find import cut, is_one_formula
from im2latex_cli.services.reading.inputs import PDF_MAGIC
from im2latex_cli.vision.finish import encode_png
from im2latex_cli.vision.image import open_grey

NAME = "The upload"
"""How messages call what was uploaded."""
CONTENT_TYPE = "application/pdf"
MAGIC_WITHIN = 1024
"""Bytes within which the mark of a PDF stands; some files begin with something else."""
MOST_PIXELS_SENT = 4_000_000
"""A page of more is shrunk for the browser, by a whole number."""

Grey = NDArray[np.uint8]


def open_document(
    data: bytes, content_type: str, finder: Callable[[], Finder] = bundled_finder
) -> UploadedDocument:
    """Open an upload: a PDF if its type or its content says so, else a picture.

    Args:
        data: the file.
        content_type: as the request names it; may be empty.
        finder: gives the finder, once there is something to search.

    Raises:
        InputError: it is damaged, encrypted, blank, or of another kind.
    """
    is_pdf = content_type == CONTENT_TYPE or PDF_MAGIC in data[:MAGIC_WITHIN]
    return _Document(_PdfSource(data) if is_pdf else _PictureSource(data), finder)


class _Source(Protocol):
    """A file that gives pages."""

    unit: Unit
    pages: int
    one_formula: bool

    def draw(self, page: int, box: Box | None = None) -> tuple[Grey, float]:
        """A page or a part of it, (H, W), and its pixels per unit."""


class _PdfSource:
    """Pages of a PDF; it is opened for each, which takes milliseconds."""

    unit: Unit = "pt"
    one_formula = False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.pages = pdf.count(data, NAME)

    def draw(self, page: int, box: Box | None = None) -> tuple[Grey, float]:
        (entry,) = pdf.read(self._data, NAME, pages=pdf.Pages(((page, page),)), box=box)
        if isinstance(entry.picture, Im2LatexError):
            raise entry.picture
        return entry.picture, entry.scale.pixels_per_point if entry.scale else 1.0


class _PictureSource:
    """A picture as its only page."""

    unit: Unit = "px"
    pages = 1

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.one_formula = is_one_formula(open_grey(data, name=NAME))

    def draw(self, page: int, box: Box | None = None) -> tuple[Grey, float]:  # noqa: ARG002
        grey = open_grey(self._data, name=NAME)
        return grey if box is None else box.cut(grey, NAME), 1.0


class _Document:
    """Keeps the page that was drawn last, and the formulas of all searched pages."""

    def __init__(self, source: _Source, finder: Callable[[], Finder]) -> None:
        self._source, self._finder = source, finder
        self._formulas_by_page: dict[int, tuple[FoundFormula, ...]] = {}
        self._last: tuple[int, Grey, float] | None = None

    @property
    def pages(self) -> int:
        return self._source.pages

    @property
    def unit(self) -> Unit:
        return self._source.unit

    @property
    def one_formula(self) -> bool:
        return self._source.one_formula

    def picture(self, page: int) -> bytes:
        grey, _ = self._page(page)
        shrunk = math.ceil(math.sqrt(grey.size / MOST_PIXELS_SENT))
        return encode_png(grey if shrunk <= 1 else np.asarray(Image.fromarray(grey).reduce(shrunk)))

    def find(self, page: int) -> FoundPage:
        grey, scale = self._page(page)
        formulas = tuple(one.scaled(1 / scale) for one in self._formulas(page))
        height, width = grey.shape
        return FoundPage(width / scale, height / scale, formulas)

    def formula(self, page: int, number: int) -> Part:
        formula = self._formulas(page)[number - 1]
        picture, numbers = cut(self._page(page)[0], formula)
        return Part(picture, numbers, found=True)

    def part(self, page: int, box: str) -> Part:
        grey, _ = self._source.draw(page, Box.parse(box))
        return Part(grey)

    def _page(self, page: int) -> tuple[Grey, float]:
        if self._last is None or self._last[0] != page:
            self._last = None  # never two pages in memory
            self._last = page, *self._source.draw(page)
        return self._last[1:]

    def _formulas(self, page: int) -> tuple[FoundFormula, ...]:
        """The formulas of a page, in pixels; it is searched once."""
        if page not in self._formulas_by_page:
            grey, _ = self._page(page)
            blank = int(grey.max()) == int(grey.min())
            self._formulas_by_page[page] = () if blank else tuple(self._finder()(grey))
        return self._formulas_by_page[page]
