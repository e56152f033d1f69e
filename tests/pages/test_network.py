"""The finder's network: NumPy computes what torch does; files; groups of pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.pages import network
from im2latex_cli.pages.finder import BUNDLED, Finder
from im2latex_cli.pages.grouping import are_words, group
from im2latex_cli.pages.network import CELL, CLASSES, FinderNetwork, Maps
from im2latex_cli.pages.order import column_gap, lies_sideways, reading_order
from im2latex_cli.pages.picture import TEXT_HEIGHT, page_picture
from im2latex_cli.pages.regions import FoundFormula, Rectangle, RegionKind, hull

torch = pytest.importorskip("torch")


def test_numpy_computes_what_torch_computes() -> None:
    from im2latex_cli.network.finder import TrainableFinder

    torch.manual_seed(0)
    model = TrainableFinder()
    rng = np.random.default_rng(0)
    for _ in range(3):  # running means and variances that are not those of the beginning
        model(torch.from_numpy(rng.random((2, 1, 64, 128), np.float32)))
    model.eval()
    weights = {name: value.astype(np.float32) for name, value in model.weights().items()}
    picture = rng.integers(0, 256, (64, 128), np.uint8)
    ours = FinderNetwork(weights)(picture)
    with torch.no_grad():
        ink = torch.from_numpy((255 - picture.astype(np.float32)) / 255)[None, None]
        theirs = network.decode(model(ink)[0].permute(1, 2, 0).numpy())
    assert ours.classes == pytest.approx(theirs.classes, abs=5e-3)  # half floats
    assert ours.edges == pytest.approx(theirs.edges, rel=2e-2, abs=0.5)


def test_any_size_gives_a_cell_for_every_four_pixels() -> None:
    from im2latex_cli.network.finder import TrainableFinder

    model = FinderNetwork(TrainableFinder().eval().weights())
    for size in ((1, 1), (33, 70), (64, 3)):
        maps = model(np.full(size, 255, np.uint8))
        assert maps.classes.shape == (-(-size[0] // CELL), -(-size[1] // CELL), len(CLASSES))
        assert maps.classes.sum(axis=-1) == pytest.approx(1)


def test_the_finder_fits_into_the_wheel() -> None:
    assert BUNDLED.stat().st_size <= 2_000_000
    Finder.load()


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no finder"):
        Finder.load(tmp_path / "none.safetensors")
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="damaged or no finder"):
        Finder.load(path)
    path.write_bytes(save({"x": np.zeros(3, np.float16)}, {"format": "other"}))
    with pytest.raises(CheckpointError, match="no finder of this version"):
        Finder.load(path)
    path.write_bytes(save({"x": np.zeros(3, np.float16)}, network.metadata()))
    with pytest.raises(CheckpointError, match="lacks stem2"):
        Finder.load(path)


# Pages of which a test says what each part is.


def a_page(height: int = 400, width: int = 600) -> np.ndarray:
    return np.full((height, width), 255, np.uint8)


def write_line(page: np.ndarray, top: int, left: int, count: int) -> Rectangle:
    """Letters of 8 x 6 pixels."""
    for at in range(count):
        page[top : top + 8, left + 9 * at : left + 9 * at + 6] = 0
    return Rectangle(left, top, left + 9 * (count - 1) + 6, top + 8)


def told(page: np.ndarray, regions: list[tuple[str, Rectangle]]) -> list[FoundFormula]:
    """Group the pieces of a page as if a perfect network had looked at it."""
    picture = page_picture(page)
    rows, columns = (-(-side // CELL) for side in picture.small.shape)
    classes = np.zeros((rows, columns, len(CLASSES)), np.float32)
    classes[..., 0] = 1
    edges = np.zeros((rows, columns, 4), np.float32)
    for kind, box in regions:
        small = box.scaled(picture.factor)
        cells = np.s_[
            int(small.top // CELL) : int(small.bottom // CELL) + 1,
            int(small.left // CELL) : int(small.right // CELL) + 1,
        ]
        classes[cells] = np.eye(len(CLASSES))[CLASSES.index(kind)]
        edges[cells] = small
    return group(picture, Maps(classes, edges), inline=True)


def test_text_has_the_finders_size() -> None:
    page = a_page()
    for row in range(10):
        write_line(page, 20 + 30 * row, 20, 50)
    picture = page_picture(page)
    assert picture.text_height == 8
    assert picture.factor == pytest.approx(TEXT_HEIGHT / 8)


def test_light_on_dark_is_the_same_page() -> None:
    page = a_page()
    write_line(page, 20, 20, 50)
    assert np.array_equal(page_picture(page).small, page_picture(255 - page).small)


def test_two_displays_with_numbers() -> None:
    page = a_page()
    write_line(page, 20, 20, 60)
    first = write_line(page, 100, 200, 15)
    one = write_line(page, 100, 540, 3)
    second = write_line(page, 200, 150, 25)
    write_line(page, 300, 20, 60)
    found = told(page, [("display", first), ("number", one), ("display", second)])
    assert [(formula.box, formula.numbers) for formula in found] == [
        (first, (one,)),
        (second, ()),
    ]


def test_rows_of_one_display_are_one_box() -> None:
    page = a_page()
    upper, lower = write_line(page, 100, 200, 15), write_line(page, 130, 220, 12)
    both = Rectangle(200, 100, upper.right, lower.bottom)
    (found,) = told(page, [("display", both)])
    assert found.box == both


def test_words_in_the_row_of_a_display_belong_to_it() -> None:
    page = a_page()
    for row in (20, 40, 60, 300):
        write_line(page, row, 20, 60)
    right, left = write_line(page, 100, 200, 15), write_line(page, 150, 90, 15)
    words = write_line(page, 100, right.right + 30, 4)
    write_line(page, 100, words.right + 60, 3)  # too far away
    write_line(page, 150, 20, 5)  # begins where lines of text do
    found = told(page, [("display", right), ("display", left)])
    assert [one.box for one in found] == [hull((right, words)), left]


def test_a_line_of_words_is_told_from_a_formula() -> None:
    left = np.concatenate([start + 9.0 * np.arange(7) for start in (0, 80, 160)])
    words = np.stack((left, np.full(21, 2.0), left + 7, np.full(21, 12.0)), axis=1)
    assert are_words(words)
    formula = words.copy()
    formula[::2, [1, 3]] -= 5  # exponents
    assert not are_words(formula)
    lower = words + np.array((0, 20, 0, 20))
    fraction = np.concatenate((words, lower, [[0, 14, 230, 40]]))
    assert not are_words(fraction)


def test_a_drawing_is_no_display() -> None:
    page = a_page()
    for row in (20, 40, 300):
        write_line(page, row, 20, 60)
    page[100:250, 200:203] = page[247:250, 200:400] = 0  # two axes
    assert told(page, [("display", Rectangle(200, 100, 400, 250))]) == []


def test_inline_formulas_are_a_kind_of_their_own() -> None:
    page = a_page()
    write_line(page, 20, 20, 60)
    box = Rectangle(200, 20, 260, 28)
    (found,) = told(page, [("inline", box)])
    assert found.kind is RegionKind.INLINE


def test_a_blank_page_has_no_formulas() -> None:
    assert Finder.load()(a_page()) == []


def formula(left: float, top: float, right: float, bottom: float) -> FoundFormula:
    return FoundFormula(Rectangle(left, top, right, bottom), RegionKind.DISPLAY, 1.0)


def test_columns_are_read_one_after_the_other() -> None:
    page = a_page(600, 600)
    for row in range(18):
        write_line(page, 20 + 30 * row, 20, 28)
        write_line(page, 20 + 30 * row, 330, 28)
    gap = column_gap(page_picture(page))
    assert gap is not None
    assert 265 < gap.left < gap.right < 335
    left, right = formula(50, 300, 200, 320), formula(350, 100, 500, 120)
    wide, below = formula(50, 400, 550, 420), formula(50, 500, 200, 520)
    assert reading_order([right, below, wide, left], gap) == [left, right, wide, below]


def test_one_column_has_no_gap() -> None:
    page = a_page()
    for row in range(12):
        write_line(page, 20 + 30 * row, 20, 62)
    assert column_gap(page_picture(page)) is None
    upper, lower = formula(300, 10, 400, 20), formula(10, 50, 90, 60)
    assert reading_order([lower, upper], None) == [upper, lower]


def test_a_line_decides_together() -> None:
    """One letter that the network takes for a display does not make its line one."""
    page = a_page()
    line = write_line(page, 20, 20, 60)
    letter = Rectangle(200, 20, 206, 28)
    display = write_line(page, 100, 200, 15)
    found = told(page, [("text", line), ("display", letter), ("display", display)])
    assert [one.box for one in found] == [display]


def test_no_display_goes_over_a_line_of_text() -> None:
    page = a_page()
    upper, lower = write_line(page, 60, 200, 15), write_line(page, 140, 200, 15)
    text = write_line(page, 100, 20, 60)
    both = Rectangle(200, 60, upper.right, lower.bottom)
    found = told(page, [("display", both), ("text", text)])
    assert [one.box for one in found] == [upper, lower]


def write_bracketed(page: np.ndarray, top: int, left: int) -> Rectangle:
    """A number in brackets."""
    for at in (0, 32):
        page[top - 2 : top + 11, left + at : left + at + 3] = 0
    write_line(page, top, left + 7, 2)
    return Rectangle(left, top - 2, left + 35, top + 11)


@pytest.mark.parametrize("left", [20, 521])
def test_a_bracketed_number_at_the_margin_is_no_part_of_the_display(left: int) -> None:
    page = a_page()
    for top in (20, 300, 330):
        write_line(page, top, 20, 60)
    display = write_line(page, 100, 200, 15)
    number = write_bracketed(page, 100, left)
    whole = Rectangle(min(left, 200), 98, max(display.right, number.right), 111)
    (found,) = told(page, [("display", whole)])
    assert (found.box, found.numbers) == (display, (number,))


def test_rows_that_look_like_numbers_stay_in_their_display() -> None:
    page = a_page()
    for top in (20, 300, 330):
        write_line(page, top, 20, 60)
    upper = write_line(page, 100, 200, 15)
    rows = [write_bracketed(page, top, 250) for top in (130, 160, 190)]
    whole = hull([upper, *rows])
    (found,) = told(page, [("display", whole)])
    assert (found.box, found.numbers) == (whole, ())


def test_a_word_at_the_margin_parts_displays_whatever_the_network_says() -> None:
    page = a_page()
    for top in (20, 300, 330, 360):
        write_line(page, top, 20, 60)
    upper, lower = write_line(page, 100, 200, 15), write_line(page, 160, 200, 15)
    word = write_line(page, 130, 20, 4)
    both = hull([upper, lower])
    found = told(page, [("display", both), ("number", word)])
    assert [one.box for one in found] == [upper, lower]


def test_a_page_on_its_side() -> None:
    page = a_page()
    for row in range(14):
        write_line(page, 10 + 26 * row, 20 + 5 * row % 9, 60)
    assert lies_sideways(page_picture(np.rot90(page).copy()))
    assert not lies_sideways(page_picture(page))
    assert not lies_sideways(page_picture(a_page()))
