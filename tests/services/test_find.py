"""Formulas found on pages and pictures, and what is said of those without any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pdf_files import BLANK, CATALOG, CUT_SHORT, EMPTY, ENCRYPTED, ONE_PAGE, SHEET, pdf
from PIL import Image, ImageDraw

from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.pages.picture import PagePicture
from im2latex_cli.pages.regions import FoundFormula, Rectangle, RegionKind
from im2latex_cli.services.reading.find import FindRequest, FormulaSearch, Overlay
from im2latex_cli.services.reading.inputs import Entry, Inputs

pytest.importorskip("pypdfium2")


class Marked:
    """Finds what a test drew: nothing on white, else the hull of the ink as one display."""

    def __call__(self, page: PagePicture, *, inline: bool = False) -> list[FoundFormula]:
        rows, columns = np.nonzero(page.grey < 128)
        if not len(rows) or inline:
            return []
        box = Rectangle(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return [FoundFormula(box, RegionKind.DISPLAY, 0.9)]


def search(inputs: Inputs, **options: object) -> list[Entry]:
    request = FindRequest(**{"mode": "always", **options})  # type: ignore[arg-type]
    entries = FormulaSearch(request, Marked)(inputs)  # type: ignore[arg-type]
    return [entry for entry in entries if entry is not None]


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """Three pages of 72 dots per inch; the second is white."""
    pages = []
    for filled in (True, False, True):
        page = Image.new("L", (200, 100), 255)
        if filled:
            ImageDraw.Draw(page).rectangle((50, 20, 149, 39), fill=0)
        pages.append(page)
    path = tmp_path / "paper.pdf"
    pages[0].save(path, resolution=72, save_all=True, append_images=pages[1:])
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (EMPTY, "has no pages"),
        (ENCRYPTED, "it is encrypted and needs a password"),
        (CUT_SHORT, "it is damaged, cut short"),
        (b"", "the file is empty"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.pdf"
    path.write_bytes(content)
    (entry,) = search(Inputs([path]))
    assert isinstance(entry.error, InputError)
    assert said in str(entry.error)
    assert "\n" not in str(entry.error)


def test_formulas_have_page_and_box_in_points(paper: Path) -> None:
    first, second = search(Inputs([paper]))
    assert [first.path, second.path] == [f"{paper}#page=1", f"{paper}#page=3"]
    assert first.place is not None
    assert second.place is not None
    assert (first.place.page, second.place.page) == (1, 3)
    assert first.place.unit == "pt"
    assert first.place.box == pytest.approx((50, 20, 150, 40), abs=1)
    assert isinstance(first.picture, np.ndarray)


def test_a_box_of_a_page_is_counted_from_the_page(paper: Path) -> None:
    from im2latex_cli.vision.image import Box

    first, _ = search(Inputs([paper], box=Box(40, 10, 160, 60)))
    assert first.place is not None
    assert first.place.box == pytest.approx((50, 20, 150, 40), abs=1)


def test_a_pdf_without_formulas_is_one_error(tmp_path: Path, paper: Path) -> None:
    white = tmp_path / "white.pdf"
    white.write_bytes(BLANK)
    entries = search(Inputs([white, paper, white]))
    errors = [str(entry.error) for entry in entries if entry.error]
    assert len(entries) == 4
    assert len(errors) == 2
    assert "no displayed formula was found on its page" in errors[0]


def test_a_rotated_page_is_upright(tmp_path: Path) -> None:
    content = b"<< /Length 23 >>\nstream\n10 20 100 5 re f\nendstream"
    sheet = SHEET.replace(b" >>", b" /Rotate 90 /Contents 4 0 R >>")
    path = tmp_path / "turned.pdf"
    path.write_bytes(pdf(CATALOG, ONE_PAGE, sheet, content))
    (entry,) = search(Inputs([path]))
    assert entry.place is not None
    left, top, right, bottom = entry.place.box
    assert (right - left, bottom - top) == pytest.approx((5, 100), abs=1)


def test_a_picture_without_formulas(tmp_path: Path) -> None:
    class Nothing(Marked):
        def __call__(self, *_: object, **__: object) -> list[FoundFormula]:
            return []

    path = tmp_path / "a.png"
    ImageDraw.Draw(image := Image.new("L", (90, 50), 255)).text((10, 10), "words", fill=0)
    image.save(path)
    always = FormulaSearch(FindRequest("always"), Nothing)  # type: ignore[arg-type]
    (entry,) = always([path])
    assert entry is not None
    assert "no displayed formula was found" in str(entry.error)
    auto = FormulaSearch(FindRequest("auto"), Nothing)  # type: ignore[arg-type]
    (entry,) = auto([path])
    assert entry is not None
    assert entry.error is None
    assert entry.place is None


def test_one_formula_alone_is_never_searched(tmp_path: Path) -> None:
    def never() -> None:
        raise AssertionError("the finder was asked for")

    path = tmp_path / "a.png"
    ImageDraw.Draw(image := Image.new("L", (90, 50), 255)).rectangle((20, 20, 60, 24), fill=0)
    image.save(path)
    (entry,) = FormulaSearch(FindRequest("auto"), never)([path])  # type: ignore[arg-type]
    assert entry is not None
    assert entry.place is None


def test_numbers_are_blanked_and_kept() -> None:
    page = np.full((100, 300), 255, np.uint8)
    page[40:60, 50:150] = 0
    page[45:55, 140:145] = 90  # the number, inside the box of the formula

    def finder() -> object:
        number = Rectangle(140, 45, 145, 55)
        found = FoundFormula(Rectangle(50, 40, 150, 60), RegionKind.DISPLAY, 0.9, (number,))
        return lambda _, **__: [found]

    entries = FormulaSearch(FindRequest("always"), finder)([Entry("a", "a", page)])  # type: ignore[arg-type]
    (entry,) = entries
    assert entry is not None
    assert entry.place is not None
    assert entry.place.box == (50, 40, 150, 60)
    assert isinstance(entry.picture, np.ndarray)
    assert not (entry.picture == 90).any()
    assert (entry.place.numbers[0] == 90).any()
    assert (page == 90).any()  # the page itself stays


def test_a_lost_page_costs_only_itself(tmp_path: Path) -> None:
    drawing = b"<< /Length 17 >>\nstream\n50 20 100 20 re f\nendstream"
    sheet = SHEET.replace(b" >>", b" /Contents 4 0 R >>")
    pages = b"<< /Type /Pages /Kids [3 0 R 5 0 R 3 0 R] /Count 3 >>"  # there is no object 5
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(CATALOG, pages, sheet, drawing))
    first, second, third = search(Inputs([path]))
    assert first.place is not None
    assert third.place is not None
    assert (first.place.page, third.place.page) == (1, 3)
    assert "page 2 cannot be drawn" in str(second.error)


def test_overlays(tmp_path: Path, paper: Path) -> None:
    import pypdfium2

    search(Inputs([paper]), overlay=tmp_path / "found.pdf")
    assert len(pypdfium2.PdfDocument(tmp_path / "found.pdf")) == 2  # white pages are left out
    search(Inputs([paper]), overlay=tmp_path / "{stem}.png")
    drawn = np.asarray(Image.open(tmp_path / "paper-1.png"))
    assert (drawn[..., 0].astype(int) - drawn[..., 2] > 100).any()  # a red frame


def test_overlay_needs_a_kind_and_a_name_for_each_page(tmp_path: Path, paper: Path) -> None:
    with pytest.raises(UsageError, match=r"writes \.png or \.pdf"):
        Overlay(tmp_path / "a.gif")
    with pytest.raises(UsageError, match=r"several pages .* {stem}"):
        search(Inputs([paper]), overlay=tmp_path / "one.png")


def test_pages_are_searched_one_after_the_other(paper: Path) -> None:
    """A page is drawn only when the formulas of the one before it have been taken."""
    seen: list[int] = []

    def watched():
        for entry in Inputs([paper]):
            assert entry is not None
            assert entry.scale is not None
            seen.append(entry.scale.page)
            yield entry

    entries = FormulaSearch(FindRequest("always"), Marked)(watched())  # type: ignore[arg-type]
    next(entries)
    assert seen == [1]


@pytest.mark.tex
def test_the_shipped_finder_finds_the_displays_of_typeset_pages() -> None:
    """Pages, formulas and seeds that it was not trained on; scores are in the model card."""
    from im2latex_cli.pages.finder import Finder
    from im2latex_cli.pages.regions import Matches, match
    from im2latex_cli.pages.typeset import PageTypesetter

    formulas = [
        r"\frac { d } { d t } \langle A \rangle = \frac { i } { h } \langle [ H , A ] \rangle",
        r"E = m c ^ { 2 } + \frac { 1 } { 2 } m v ^ { 2 }",
        r"\int _ { a } ^ { b } g ( s ) d s \ge \sum _ { n = 1 } ^ { N } g ( n )",
        r"\alpha + \beta = \gamma",
    ]
    typesetter = PageTypesetter(
        dpi=100, layouts=("article", "two-column"), typefaces=("computer-modern",)
    )
    finder = Finder.load()
    found = Matches()
    tokens = [formula.split() for formula in formulas]
    for seed in (12, 13, 14):
        for page in typesetter.pages(tokens, seed):
            true = [region.box for region in page.regions if region.kind is RegionKind.DISPLAY]
            found += match([one.box for one in finder(page.ink)], true)
    assert found.true > 5
    assert found.precision > 75
    assert found.recall > 75


def test_a_page_on_its_side_is_an_error() -> None:
    page = np.full((400, 600), 255, np.uint8)
    for row in range(14):
        for at in range(60):
            left = 20 + 5 * row % 9 + 9 * at
            page[10 + 26 * row : 18 + 26 * row, left : left + 6] = 0
    finder = lambda: lambda page, inline=False: []  # noqa: E731, ARG005
    entry = Entry("a.png", "a", np.rot90(page).copy())
    (found,) = FormulaSearch(FindRequest("always"), finder)([entry])  # type: ignore[arg-type]
    assert found is not None
    assert "lies on its side" in str(found.error)
