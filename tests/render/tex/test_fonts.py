import shutil

import pytest

from im2latex_cli.render.tex import fonts
from im2latex_cli.render.tex.dvi import FontUse
from im2latex_cli.render.tex.fonts import FontFinder, FontMissingError, scaled_widths
from im2latex_cli.render.tex.rasterizer import FINE, FontCache

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
    cache = FontCache(finder, dpi=200)
    font = cache.font(FontUse("cmr10", 100 * 65536))
    left, top, right, low = font.shape(ord("H")).box
    height = 0.6833 * 100 / 72.27 * 200 * FINE  # the height of H in cmr10's metrics
    assert low - top == pytest.approx(height, abs=1)
    assert top == pytest.approx(-height, abs=1)
    assert low == 0
    assert right > left > 0


def test_counts_hold_all_dots_on_their_pixels(finder):
    font = FontCache(finder, dpi=200).font(FontUse("cmmi12", 12 * 65536))
    for code in (ord("x"), ord("f"), ord(";")):
        shape = font.shape(code)
        x0, y0, x1, y1 = shape.box
        assert shape.counts.max() == FINE * FINE
        assert (shape.left, shape.top) == (x0 // FINE, y0 // FINE)
        assert shape.counts.shape == (-(-y1 // FINE) - shape.top, -(-x1 // FINE) - shape.left)
        assert all(edge.any() for edge in (shape.counts[0], shape.counts[:, -1]))


def test_what_is_expected_is_asked_for_once(finder, monkeypatch):
    """Fonts made of others too: a typeface of forty fonts would else cost forty questions."""
    asked = []
    run = fonts.subprocess.run
    monkeypatch.setattr(
        fonts.subprocess, "run", lambda *args, **kwargs: asked.append(args) or run(*args, **kwargs)
    )
    fresh = FontFinder(shutil.which("kpsewhich") or "")
    cache = FontCache(fresh, dpi=200)
    cache.expect(["cmr10", "cmmi7", "cmsy5", "eufm10"])
    many = len(asked)
    for name in ("cmr10", "cmmi7", "cmsy5", "eufm10"):
        use = FontUse(name, 10 * 65536)
        assert cache.virtual(use) is None
        assert cache.widths(use)[65]
        assert cache.font(use).shape(65)
    assert len(asked) == many <= 2
