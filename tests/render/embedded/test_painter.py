import mathra
import numpy as np
import pytest

from im2latex_cli.render.embedded.painter import (
    Painter,
    PlacedGlyph,
    Rule,
    TooLargeError,
    VectorDrawing,
    parse,
)

SQUARE = "M0 0 L100 0 L100 100 L0 100 Z"
FORMULAS = (
    r"\int_0^1 \frac{x^2}{\sqrt{1+x}} dx=\sum_{n=1}^\infty a_n",
    r"\left( \begin{matrix} a & b \\ c & d \end{matrix} \right)",
    r"\widehat{abc} \mathfrak{g} \Gamma",
)


def painter(pixels_per_em=100.0, **limits):
    return Painter(pixels_per_em, **{"max_side": 5000, "max_pixels": 10**7, **limits})


def ink_box(page):
    rows, columns = np.nonzero((page < 200).any(1))[0], np.nonzero((page < 200).any(0))[0]
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


@pytest.mark.parametrize("formula", FORMULAS)
def test_equals_resvg_painting_all_at_once(formula):
    svg = mathra.tex_to_svg(formula, strict=True)
    painted, _ = painter(33.0).paint(parse(svg), font="f")
    whole = painter(33.0).paint_whole(svg)
    a, b = ink_box(painted), ink_box(whole)
    assert abs(np.subtract(a, (a[0] + b[0] - b[0], a[1], a[2], a[3]))).max() == 0
    height, width = b[1] - b[0], b[3] - b[2]
    assert abs((a[1] - a[0]) - height) <= 1
    assert abs((a[3] - a[2]) - width) <= 1
    assert (255.0 - painted).sum() == pytest.approx((255.0 - whole).sum(), rel=0.05)


def test_a_square_on_whole_pixels_is_sharp():
    page, (glyph,) = painter().paint(
        VectorDrawing((PlacedGlyph(SQUARE, 7, 0, 0, 1.0),), ()), font="f"
    )
    assert page.shape == (10, 10)
    assert (page == 0).all()
    assert (glyph.font, glyph.code) == ("f", 7)
    assert (glyph.x, glyph.y, glyph.width, glyph.height) == (5, 5, 10, 10)


def test_parts_of_a_pixel_are_kept():
    for quarter in range(4):
        place = PlacedGlyph(SQUARE, 1, 10 * quarter / 4, 0, 1.0)
        anchor = PlacedGlyph(SQUARE, 1, -500, 0, 1.0)
        page, _ = painter().paint(VectorDrawing((anchor, place), ()), font="f")
        ink = (255.0 - page[:, 20:]).sum(axis=1)
        assert ink == pytest.approx(2550, rel=0.01)
        first = (255 - page[5].astype(int))[50]
        assert first == pytest.approx(255 * (1 - quarter / 4), abs=2)


def test_scale_of_a_place():
    page, _ = painter().paint(VectorDrawing((PlacedGlyph(SQUARE, 1, 0, 0, 0.5),), ()), font="f")
    assert page.shape == (5, 5)


def test_overlaps_do_not_overflow():
    places = tuple(PlacedGlyph(SQUARE, 1, 3.0, 3.0, 1.0) for _ in range(300))
    page, _ = painter().paint(VectorDrawing(places, ()), font="f")
    assert page[5, 5] == 0
    assert page.max() <= 255


def test_bars_are_never_thinner_than_a_pixel():
    page, _ = painter().paint(VectorDrawing((), (Rule(0, 0, 500, 1),)), font="f")
    assert page.shape == (1, 50)
    assert (page == 0).all()


def test_nothing_to_paint():
    page, glyphs = painter().paint(VectorDrawing((), ()), font="f")
    assert (page == 255).all()
    assert glyphs == ()


@pytest.mark.parametrize("limits", [{"max_side": 100}, {"max_pixels": 500}])
def test_limits(limits):
    drawing = VectorDrawing(
        (PlacedGlyph(SQUARE, 1, 0, 0, 1.0), PlacedGlyph(SQUARE, 1, 2000, 0, 1.0)), ()
    )
    with pytest.raises(TooLargeError):
        painter(**limits).paint(drawing, font="f")
    with pytest.raises(TooLargeError):
        painter(1000.0, **limits).paint_whole(mathra.tex_to_svg("x + y", strict=True))


def test_full_caches_change_nothing(monkeypatch):
    drawings = [parse(mathra.tex_to_svg(formula, strict=True)) for formula in FORMULAS]
    wanted = [painter(33.0).paint(drawing, font="f")[0] for drawing in drawings]
    monkeypatch.setattr("im2latex_cli.render.embedded.painter._CACHED_GLYPHS", 5)
    small = painter(33.0)
    for _ in range(2):
        for drawing, page in zip(drawings, wanted, strict=True):
            assert (small.paint(drawing, font="f")[0] == page).all()
