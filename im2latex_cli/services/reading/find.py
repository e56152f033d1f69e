"""Formulas on pages: pictures to read become the formulas that are found on them.

The overlay, pages with boxes around these formulas, is written as PNG files or one PDF.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli import files
from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.pages.regions import FoundFormula, Rectangle
from im2latex_cli.services.reading.inputs import Entry, Origin, Source, as_entry
from im2latex_cli.vision import layout
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.ink import Ink
from im2latex_cli.vision.prepare import Preprocessing, prepare

if TYPE_CHECKING:  # a formula alone needs no finder and no pen, and starts sooner without
    from PIL import ImageDraw

    from im2latex_cli.pages.finder import Finder
    from im2latex_cli.pages.picture import PagePicture

STEM = "{stem}"
KINDS = (".png", ".pdf")
COLOUR, NUMBER_COLOUR = (200, 30, 30), (20, 90, 200)
PDF_DPI = 100.0
_LABEL = 14


class Overlay:
    """Draws pages into a file.

    Args:
        target: .png, which needs {stem} in its name for several pages, or .pdf for all pages.

    Raises:
        UsageError: the file is of another kind.
    """

    def __init__(self, target: Path) -> None:
        if target.suffix.lower() not in KINDS:
            raise UsageError(f"`overlay` writes .png or .pdf files, not {target.name}.")
        self._target = target
        self._count = 0

    def add(self, stem: str, page: NDArray[np.uint8], formulas: Sequence[FoundFormula]) -> None:
        """Draw one page (H, W) with its formulas, numbered as they are read.

        Raises:
            UsageError: it is the second page for a PNG file without {stem}.
            InputError: the file cannot be written.
        """
        self._count += 1
        image = with_boxes(page, formulas)
        try:
            if self._target.suffix.lower() == ".pdf":
                self._add_to_pdf(image)
                return
            if self._count > 1 and STEM not in self._target.name:
                raise UsageError(
                    f"`overlay`: several pages would all be drawn into {self._target}.",
                    hint=f"Put {STEM} into the name, as in {STEM}.png, or write a .pdf.",
                )
            content = io.BytesIO()
            image.save(content, "PNG")
            target = self._target.with_name(self._target.name.replace(STEM, stem))
            files.write_bytes(target, content.getvalue())
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self._target} cannot be written ({reason}).") from error

    def _add_to_pdf(self, image: Image.Image) -> None:
        """Append a page; the file is whole after each."""
        self._target.parent.mkdir(parents=True, exist_ok=True)
        image.save(self._target, "PDF", resolution=PDF_DPI, append=self._count > 1)


def with_boxes(page: NDArray[np.uint8], formulas: Sequence[FoundFormula]) -> Image.Image:
    """A page (H, W) in colour with boxes around its formulas and their equation numbers."""
    from PIL import ImageDraw, ImageFont

    image = Image.fromarray(page).convert("RGB")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(_LABEL)
    for label, formula in enumerate(formulas, start=1):
        _frame(pen, formula.box, COLOUR)
        for number in formula.numbers:
            _frame(pen, number, NUMBER_COLOUR)
        pen.text(
            (max(0, formula.box.left - 4), formula.box.top),
            str(label),
            fill=COLOUR,
            font=font,
            anchor="ra",
        )
    return image


def _frame(pen: ImageDraw.ImageDraw, box: Rectangle, colour: tuple[int, int, int]) -> None:
    pen.rectangle((box.left - 3, box.top - 3, box.right + 2, box.bottom + 2), None, colour, 2)


Mode = Literal["auto", "always", "never"]
MARGIN = 2
"""White around a formula that is cut out, in pixels."""
FEW = 3
"""Formulas up to which a page is looked at for lines that run from top to bottom."""
LARGE = 2_500_000
"""Pixels of a picture that is surely no single formula."""

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FindRequest:
    """How formulas are looked for on pages.

    Attributes:
        mode: "auto" searches pictures and PDF pages on which more stands than one formula,
            "always" all of them, "never" none.
        inline: also find formulas in lines of text.
        overlay: .png or .pdf to draw the pages with the boxes, or None.
        numbers: read equation numbers too.
    """

    mode: Mode = "never"
    inline: bool = False
    overlay: Path | None = None
    numbers: bool = False


@dataclass(slots=True)
class _Pdf:
    """What was found in one PDF so far."""

    name: str
    pages: int = 0
    formulas: int = 0


class FormulaSearch:
    """Turns pages into the formulas on them.

    Args:
        request: how formulas are looked for.
        finder: gives the finder, once there is something to search; None is the bundled one.

    Raises:
        UsageError: the overlay is of a kind that cannot be written.
    """

    def __init__(self, request: FindRequest, finder: Callable[[], Finder] | None = None) -> None:
        self._mode = request.mode
        self._inline = request.inline
        self._finder = finder or _bundled_finder
        self._overlay = None if request.overlay is None else Overlay(request.overlay)

    def __call__(self, images: Iterable[Source | Entry | None]) -> Iterator[Entry | None]:
        """Yield each formula as a picture of its own; what is not searched as it is.

        A picture or a PDF on which nothing is found gives one entry with an error, or with "auto"
        the whole picture.
        """
        pdf: _Pdf | None = None
        for image in images:
            if image is None:
                yield None
                continue
            entry = as_entry(image)
            name = entry.path.partition("#page=")[0]
            if pdf is not None and name != pdf.name:
                yield from _unfruitful(pdf)
                pdf = None
            if entry.scale is not None:
                pdf = pdf or _Pdf(name)
                pdf.pages += 1
            for formula in self._formulas(entry):
                if pdf is not None:
                    pdf.formulas += 1
                yield formula
        if pdf is not None:
            yield from _unfruitful(pdf)

    def _formulas(self, entry: Entry) -> Iterator[Entry]:
        if self._mode == "never" or entry.picture is None:
            yield entry
            return
        try:
            page = _open(entry)
            if self._mode == "auto" and is_one_formula(page):
                yield replace(entry, picture=page)
                return
            picture = _page_picture(page)
            formulas = self._finder()(picture, inline=self._inline)
            if len(formulas) <= FEW:
                _check_upright(entry, picture)
            if self._overlay is not None:
                self._overlay.add(entry.stem, page, formulas)
        except InputError as error:
            blank = entry.scale is not None and "blank" in str(error)
            if not blank:  # an empty page of a PDF is no failure
                yield replace(entry, picture=None, error=error)
            return
        if formulas:
            for number, formula in enumerate(formulas, start=1):
                yield _cut(entry, page, formula, number)
        elif entry.scale is None:
            yield self._nothing(entry, page)

    def _nothing(self, entry: Entry, page: Grey) -> Entry:
        """What becomes of a picture without formulas."""
        if self._mode == "auto":
            return replace(entry, picture=page)
        error = InputError(
            f"{entry.title}: no displayed formula was found.",
            hint="Take `find` never to read the whole picture.",
        )
        return replace(entry, picture=None, error=error)


def _page_picture(page: Grey) -> PagePicture:
    from im2latex_cli.pages.picture import page_picture

    return page_picture(page)


def _bundled_finder() -> Finder:
    from im2latex_cli.pages.finder import bundled_finder

    return bundled_finder()


def _open(entry: Entry) -> Grey:
    """The page as grey levels.

    Raises:
        InputError: it cannot be read, or is blank.
    """
    if isinstance(entry.picture, np.ndarray):
        if int(entry.picture.max()) == int(entry.picture.min()):
            raise InputError(f"{entry.title}: the page is blank.")
        return entry.picture
    if entry.picture is None:
        raise AssertionError
    return open_grey(entry.picture, name=entry.title)


def _check_upright(entry: Entry, page: PagePicture) -> None:
    from im2latex_cli.pages.order import lies_sideways

    if lies_sideways(page):
        raise InputError(
            f"{entry.title}: the page lies on its side.", hint="Turn it by 90 degrees."
        )


def is_one_formula(page: Grey) -> bool:
    """Whether nothing but one formula stands on a picture (H, W), as far as its layout tells."""
    if page.size > LARGE:
        return False
    try:
        ink = Ink(prepare(page, Preprocessing()))
    except Im2LatexError:
        return True  # whoever reads it says what is wrong
    content = layout.examine(ink)
    return not (content.words or content.formulas)


def _cut(entry: Entry, page: Grey, formula: FoundFormula, number: int) -> Entry:
    """One formula of a page as an entry of its own."""
    picture, numbers = cut(page, formula)
    scale = entry.scale
    place = Origin(
        formula.box if scale is None else scale.points(formula.box),
        "px" if scale is None else "pt",
        formula.kind,
        None if scale is None else scale.page,
        numbers,
    )
    return Entry(entry.path, f"{entry.stem}-{number}", picture, place=place)


def cut(page: Grey, formula: FoundFormula) -> tuple[Grey, tuple[Grey, ...]]:
    """Cut a formula out of a page (H, W): its picture (h, w) and those of its equation numbers."""
    part = page
    if formula.numbers:
        part = page.copy()
        paper = np.uint8(np.median(page))
        for box in formula.numbers:
            part[_window(box, page.shape, 1)] = paper
    picture = np.ascontiguousarray(part[_window(formula.box, page.shape, MARGIN)])
    numbers = tuple(page[_window(box, page.shape, MARGIN)].copy() for box in formula.numbers)
    return picture, numbers


def _window(box: Rectangle, shape: tuple[int, ...], margin: int) -> tuple[slice, slice]:
    height, width = shape[:2]
    rows = slice(max(0, int(box.top) - margin), min(height, int(box.bottom + 0.999) + margin))
    columns = slice(max(0, int(box.left) - margin), min(width, int(box.right + 0.999) + margin))
    return rows, columns


def _unfruitful(pdf: _Pdf) -> Iterator[Entry]:
    """An error for a PDF without formulas."""
    if pdf.formulas:
        return
    pages = "its page" if pdf.pages == 1 else f"its {pdf.pages:,} pages"
    error = InputError(
        f"{pdf.name}: no displayed formula was found on {pages}.",
        hint="Take `find` never to read whole pages.",
    )
    yield Entry(pdf.name, pdf.name, None, error)
