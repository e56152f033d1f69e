"""Pages of PDF files as pictures, through pypdfium2 where it is installed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.vision.image import MAX_BYTES, Box

if TYPE_CHECKING:
    import pypdfium2

EXTRA = "pdf"
DPI = 200
POINTS_PER_INCH = 72
MOST_PIXELS = 50_000_000
"""A page that would be larger is drawn at a lower resolution."""
MOST_FAILURES = 20
"""A damaged file may claim to have millions of pages."""

Picture = NDArray[np.uint8]


class Scale(NamedTuple):
    """Where pixels of a drawn page lie on it.

    Attributes:
        page: the page's number, from 1.
        left, top: upper left corner of what was drawn, in points from that of the page.
        pixels_per_point: how large it was drawn.
    """

    page: int
    left: float
    top: float
    pixels_per_point: float

    def points(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box of pixels in points from the upper left corner of the page."""
        x0, y0, x1, y1 = (side / self.pixels_per_point for side in box)
        return x0 + self.left, y0 + self.top, x1 + self.left, y1 + self.top


class PdfPage(NamedTuple):
    """A page of a PDF.

    Attributes:
        number: of the page, from 1.
        picture: (H, W) uint8, 255 is paper, at 200 dots per inch; or why there is none.
        scale: where its pixels lie on the page; None where there is no picture.
    """

    number: int
    picture: Picture | Im2LatexError
    scale: Scale | None = None


class Pages(NamedTuple):
    """Page numbers from 1: ranges (first, last), the last None for the end of the file."""

    ranges: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> Pages:
        """Read `1-3,7,9-`.

        Raises:
            UsageError: it is not of that form.
        """
        try:
            ranges = tuple(_range(part) for part in text.split(","))
        except ValueError:
            ranges = ((0, 0),)
        if any(first < 1 or (last is not None and last < first) for first, last in ranges):
            raise UsageError(f"`pages` {text} is no list of pages.", hint="Give 3 or 1-3,7,9-.")
        return cls(ranges)

    def of(self, count: int) -> list[int]:
        """The pages of a file that has `count`; a last page beyond it may be among them."""
        numbers: list[int] = []
        for first, last in self.ranges:
            until = count if last is None else min(last, max(count, first))
            numbers += range(first, until + 1)
        return numbers


def _range(text: str) -> tuple[int, int | None]:
    first, dash, last = text.partition("-")
    return int(first), (int(last) if last.strip() else None) if dash else int(first)


def read(
    source: Path | bytes, name: str, *, pages: Pages | None, box: Box | None
) -> Iterator[PdfPage]:
    """Draw pages of a PDF, one after the other.

    Args:
        source: a file or its bytes.
        name: how error messages call it.
        pages: which; None takes all.
        box: the part of each page to draw; None takes all of it.

    Yields:
        Each page, or why it has no picture.

    Raises:
        InputError: pypdfium2 is not installed, the file cannot be opened, or page after page fails.
    """
    with closing(_open(source, name)) as document:
        count = len(document)
        failed = 0
        for number in pages.of(count) if pages else range(1, count + 1):
            try:
                yield _draw(document, name, number, count, box)
                failed = 0
            except Im2LatexError as error:
                yield PdfPage(number, error)
                failed += 1
            if failed == MOST_FAILURES and number < count:
                raise InputError(f"{name}: given up after {failed} pages in a row that failed.")


def count(source: Path | bytes, name: str) -> int:
    """Number of pages of a PDF, without drawing any.

    Raises:
        InputError: pypdfium2 is not installed, or the file cannot be opened.
    """
    with closing(_open(source, name)) as document:
        return len(document)


def _open(source: Path | bytes, name: str) -> pypdfium2.PdfDocument:
    try:
        import pypdfium2
    except ImportError:
        raise InputError(
            f"{name}: reading PDF files needs pypdfium2, which is not installed.",
            hint=f'Install it: pip install "im2latex-cli[{EXTRA}]".',
        ) from None
    try:
        if isinstance(source, Path) and source.stat().st_size > MAX_BYTES:
            raise InputError(f"{name}: larger than {MAX_BYTES >> 20} MiB.")
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}).") from None
    if not data:
        raise InputError(f"{name}: the file is empty (0 bytes).", hint="Save it again.")
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise _unopened(name, error) from None


_UNUSABLE = ("it is damaged, cut short or has no pages", "Save or download it again.")
_CAUSES = {
    "password": ("it is encrypted and needs a password", "Save a copy without the password."),
    "security": ("it is encrypted in an unknown way", "Save a copy without the protection."),
    "format": _UNUSABLE,
    "Success": _UNUSABLE,
}
"""What a word in PDFium's message means, and what to do. For a file without pages PDFium names no
cause, or that of the file before."""


def _unopened(name: str, error: Exception) -> InputError:
    reason = _reason(error)
    for word, (cause, hint) in _CAUSES.items():
        if word in reason:
            return InputError(f"{name}: the PDF cannot be opened: {cause}.", hint=hint)
    return InputError(f"{name}: the PDF cannot be opened ({reason}).")


def _draw(
    document: pypdfium2.PdfDocument, name: str, number: int, count: int, box: Box | None
) -> PdfPage:
    import pypdfium2

    if number > count:
        raise InputError(f"{name}: there is no page {number}; the last is {count}.")
    try:
        with closing(document[number - 1]) as page:
            width, height = page.get_size()
            left, top, right, bottom = box or (0, 0, width, height)
            crop = (max(0.0, left), max(0.0, height - bottom), max(0.0, width - right), max(0, top))
            wide, high = width - crop[0] - crop[2], height - crop[1] - crop[3]
            if wide <= 0 or high <= 0:
                size = f"{width:g} x {height:g} points"
                raise InputError(f"{name}: the box lies outside of page {number} ({size}).")
            scale = min(DPI / POINTS_PER_INCH, math.sqrt(MOST_PIXELS / (wide * high)))
            bitmap = page.render(scale=scale, crop=crop, grayscale=True)
            picture: Picture = np.array(bitmap.to_numpy())
    except pypdfium2.PdfiumError as error:
        raise InputError(f"{name}: page {number} cannot be drawn ({_reason(error)}).") from None
    return PdfPage(
        number, picture.reshape(picture.shape[:2]), Scale(number, crop[0], crop[3], scale)
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
