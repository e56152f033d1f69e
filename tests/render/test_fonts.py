import shutil

import pytest

from im2latex_cli.render.dvi import FontUse
from im2latex_cli.render.fonts import FontFinder, FontMissingError, scaled_widths
from im2latex_cli.render.rasterizer import FINE, FontShelf

pytestmark = pytest.mark.tex


@pytest.fixture(scope="module")
def finder():
    return FontFinder(shutil.which("kpsewhich") or "")


def test_widths_are_those_tex_uses(finder):
    widths = scaled_widths(finder.metrics("cmr10").read_bytes(), 10 * 65536)
    # \the\wd of an \hbox with the character, in scaled points, as TeX prints it
    assert widths[ord("A")] == round(7.50002 * 65536)
    assert widths[ord("m")] == round(8.33336 * 65536)
    assert widths[200] == 0


def test_what_this_tex_lacks_is_named(finder):
    with pytest.raises(FontMissingError, match="nosuchfont"):
        finder.metrics("nosuchfont")
    with pytest.raises(FontMissingError, match="nosuchfont"):
        finder.outline("nosuchfont")


def test_a_character_is_drawn_at_its_size(finder):
    shelf = FontShelf(finder, dpi=200)
    font = shelf.font(FontUse("cmr10", 100 * 65536))
    shape = font.shape(ord("H"))
    height = 0.6833 * 100 / 72.27 * 200 * FINE  # the height of H in cmr10's metrics
    assert abs(shape.dots.shape[0] - height) <= 1
    assert shape.top == pytest.approx(-height, abs=1)
    assert shape.dots[0].any()
    assert shape.dots[:, -1].any()


@pytest.mark.parametrize("phase", range(16))
def test_all_dots_arrive_at_every_phase(finder, phase):
    font = FontShelf(finder, dpi=200).font(FontUse("cmmi12", 12 * 65536))
    dots = font.shape(ord("x")).dots
    count = font.count(ord("x"), phase)
    assert count.sum() == dots.sum()
    assert count.max() <= FINE * FINE
    down, across = divmod(phase, FINE)
    assert count.shape == (-(-(dots.shape[0] + down) // 4), -(-(dots.shape[1] + across) // 4))
