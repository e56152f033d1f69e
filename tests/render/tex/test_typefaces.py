import shutil
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.errors import RendererError
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.tex.fonts import FontFinder
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.render.tex.typefaces import PLAIN, TYPEFACES, Style, Stylist, installed
from im2latex_cli.settings.sections import RenderSettings

FORMULAS = [rf"\frac{{x_{n}}}{{\sqrt{{\pi}}}}+\mathbf{{F}}\vec{{a}}" for n in range(10)]
LACKING = r"\flat\bowtie\leftharpoonup\jmath\imath\wp\hookrightarrow"


def finder():
    return FontFinder(shutil.which("kpsewhich") or "")


def test_the_share_is_kept_and_every_style_occurs():
    stylist = Stylist(RenderSettings(fonts=0.25), ["euler", "sans"])
    styles = [stylist.style(f"x_{{{n}}}") for n in range(4000)]
    others = [style for style in styles if style != stylist.plain]
    assert len(others) / len(styles) == pytest.approx(0.25, abs=0.03)
    assert len(set(others)) == 8


@given(st.text(), st.floats(0, 1))
def test_a_formula_keeps_its_style_when_the_share_grows(formula, share):
    some, all_ = (
        Stylist(RenderSettings(fonts=fonts), ["euler"]).style(formula) for fonts in (share, 1.0)
    )
    assert some in {all_, Stylist(RenderSettings(), []).plain}


@pytest.mark.tex
def test_typefaces_of_the_base_installation_are_there():
    assert {"euler", "sans"} <= set(installed(finder(), ()))
    assert installed(finder(), ["sans"]) == ("sans",)


@pytest.mark.tex
def test_what_is_not_there_is_named_with_its_package():
    with pytest.raises(RendererError, match="no typeface comic"):
        installed(finder(), ["comic"])
    blind = finder()
    blind._found.update(dict.fromkeys(TYPEFACES["times"].files))
    with pytest.raises(RendererError, match="texlive-fonts-recommended"):
        installed(blind, ["times"])


@pytest.mark.tex
@pytest.mark.parametrize("typeface", TYPEFACES)
def test_each_typeface_draws_and_says_so(typeface):
    try:
        renderer = TexRenderer(RenderSettings(fonts=1.0, typefaces=(typeface,)))
    except RendererError as error:
        pytest.skip(str(error))
    pages = list(renderer.render(FORMULAS))
    assert typeface in renderer.version
    assert all(isinstance(page, Page) for page in pages)
    assert {page.font.split()[0] for page in pages} == {typeface, PLAIN}
    plain = list(TexRenderer(RenderSettings()).render(FORMULAS))
    for page, usual in zip(pages, plain, strict=True):
        assert page.ink.shape != usual.ink.shape or not np.array_equal(page.ink, usual.ink)


@pytest.mark.tex
def test_a_formula_that_a_typeface_lacks_is_drawn_in_the_usual_one():
    renderer = TexRenderer(RenderSettings(fonts=1.0, typefaces=("sans", "euler")))
    formulas = [rf"{LACKING} x_{n}" for n in range(12)] + [r"\nosuchword", "{"]
    pages = list(renderer.render(formulas))
    assert all(isinstance(page, Page) and page.font for page in pages[:12])
    assert [type(page) for page in pages[12:]] == [RenderFailure] * 2


@pytest.mark.tex
def test_glyphs_name_their_tokens_in_every_typeface():
    renderer = TexRenderer(RenderSettings(fonts=1.0))
    forms = [["x", "+", letter, "=", "\\pi"] for letter in "abcdefghij"]
    for page in renderer.render_tokens(forms):
        assert sorted({glyph.token for glyph in page.glyphs}) == [0, 1, 2, 3, 4]


@pytest.mark.tex
def test_sizes_are_those_of_documents_of_that_size():
    renderer = TexRenderer(RenderSettings(fonts=1.0, typefaces=("sans",)))
    drawn = dict(zip(FORMULAS, renderer.render(FORMULAS), strict=True))
    compared = 0
    for formula, page in drawn.items():
        typeface, size = page.font.split()
        if typeface == PLAIN:
            (own,) = TexRenderer(RenderSettings(font_size=int(size))).render([formula])
            assert np.array_equal(page.ink, own.ink)
            compared += 1
    assert compared


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not on PATH")
def test_typefaces_look_as_ghostscript_paints_them():
    """Virtual fonts, encodings and slants agree with pdfTeX's and Ghostscript's own."""
    settings = RenderSettings(fonts=1.0)
    ours = TexRenderer(settings).render(FORMULAS)
    exact = TexRenderer(settings.model_copy(update={"exact": True})).render(FORMULAS)
    for formula, one, other in zip(FORMULAS, ours, exact, strict=True):
        assert one.font == other.font
        sides = zip(one.ink.shape, other.ink.shape, strict=True)
        assert max(abs(a - b) for a, b in sides) <= 2, (formula, one.font)
        assert (one.ink < 255).mean() == pytest.approx((other.ink < 255).mean(), rel=0.05)


def test_looks_are_mixed_like_typefaces():
    settings = RenderSettings(fonts=1.0, looks=("smooth", "screen"))
    styles = {Stylist(settings, ["euler"]).style(f"x_{{{n}}}") for n in range(400)}
    assert {(style.typeface, style.look) for style in styles} == {
        (typeface, look) for typeface in (PLAIN, "euler") for look in ("smooth", "screen")
    }


@pytest.mark.parametrize("typeface", TYPEFACES)
def test_a_formula_that_a_typeface_conflates_is_drawn_in_the_usual_one(typeface):
    stylist = Stylist(RenderSettings(fonts=1.0), [typeface])
    for command in TYPEFACES[typeface].conflated:
        formulas = [rf"{command}{{x}}_{{{n}}}" for n in range(50)]
        assert {stylist.style(formula).typeface for formula in formulas} == {PLAIN}
    others = [rf"\mathitalic{{x}}_{{{n}}}" for n in range(50)]
    assert typeface in {stylist.style(formula).typeface for formula in others}


PAIRS = [
    *(("\\mathit{x}", "x"), ("\\boldsymbol{x}", "x"), ("\\mathsf{x}", "\\mathrm{x}")),
    *(("\\mathtt{x}", "\\mathrm{x}"), ("\\mathscr{L}", "\\mathcal{L}"), ("\\imath", "\\iota")),
    *(("\\varepsilon", "\\epsilon"), ("\\varrho", "\\rho"), ("\\varnothing", "\\emptyset")),
    *(("\\vartriangleleft", "\\triangleleft"), ("\\varPhi", "\\Phi"), ("\\varphi", "\\phi")),
]


@pytest.mark.slow
@pytest.mark.tex
@pytest.mark.parametrize("typeface", TYPEFACES)
def test_what_a_typeface_conflates_is_listed(typeface):
    try:
        renderer = TexRenderer(RenderSettings(fonts=1.0, typefaces=(typeface,)))
    except RendererError as error:
        pytest.skip(str(error))
    renderer._stylist = OneStyle(Style(typeface, 12, "smooth"))
    formulas = [formula for pair in PAIRS for formula in pair]
    pages = dict(zip(formulas, renderer.render(formulas), strict=True))
    for command, other in PAIRS:
        one, two = pages[command], pages[other]
        if one.font.startswith(typeface) and two.font.startswith(typeface):
            listed = command.partition("{")[0] in TYPEFACES[typeface].conflated
            assert np.array_equal(one.ink, two.ink) <= listed, (command, other)


@dataclass
class OneStyle:
    """A stylist without a choice, beyond what typefaces conflate."""

    only: Style

    @property
    def plain(self) -> Style:
        return self.only._replace(typeface=PLAIN)

    def style(self, _formula: str) -> Style:
        return self.only
