import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.render.embedded import renderer as room
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.settings.sections import RenderSettings

SOUND = (
    "x",
    r"E = m c^2",
    r"\int_0^1 \frac{x^2}{\sqrt{1+x}} dx=\sum_{n=1}^\infty a_n",
    r"\left( \begin{matrix} a & b \\ c & d \end{matrix} \right)",
    r"\begin{cases} x & \text{if } x > 0 \\ -x & \text{otherwise} \end{cases}",
    r"\begin{aligned} a &= b + c \\ &= d \end{aligned}",
    r"\hat{\mathbf{H}} |\psi\rangle = \hbar\omega |\psi\rangle",
    r"\overbrace{a + b}^{n} \underbrace{c}_{m} \xrightarrow{f} \widehat{abc}",
    r"\mathbb{R} \mathcal{L} \mathfrak{g} \alpha \Gamma \infty \nabla \partial",
    r"a \not b",
    r"a \circledcirc b",
)
WRONG = {
    "unknown word": r"x + \foo",
    "missing brace": r"\frac{1",
    "one brace too many": "x}",
    "unclosed environment": r"\begin{matrix} a",
    "wrong end": r"\begin{matrix} a \end{pmatrix}",
    "left alone": r"\left( x",
    "double script": "x_a_b",
    "no argument": r"\sqrt",
    "a character of no font": r"\text{日本}",
    "recursion": r"\def\a{\a\a}\a",
    "deep": "{" * 500 + "x" + "}" * 500,
    "a lone dollar": "a $ b",
    "a control character": "a \x00 b",
}


@pytest.fixture(scope="module")
def renderer():
    return EmbeddedRenderer(RenderSettings())


def one(renderer, formula):
    (result,) = renderer.render([formula])
    return result


@pytest.mark.parametrize("formula", SOUND)
def test_sound_formulas_give_cropped_pages(renderer, formula):
    page = one(renderer, formula)
    assert isinstance(page, Page)
    assert page.ink.dtype == np.uint8
    inked = page.ink < 255
    assert inked[0].any()
    assert inked[-1].any()
    assert inked[:, 0].any()
    assert inked[:, -1].any()
    assert page.ink.min() == 0
    assert page.ink[page.ink < 255].max() <= 255 - room.FAINTEST_INK


@pytest.mark.parametrize("which", WRONG)
def test_wrong_formulas_are_failures(renderer, which):
    failure = one(renderer, WRONG[which])
    assert isinstance(failure, RenderFailure)
    assert failure.message
    assert "\n" not in failure.message
    assert "column" not in failure.message


@pytest.mark.parametrize("formula", ["", " ", "{}", r"\,", r"\phantom{x}", r"\hspace{3cm}"])
def test_blank(renderer, formula):
    assert one(renderer, formula).reason == "blank"


@pytest.mark.parametrize(
    "formula",
    [
        r"x\hspace{100000cm}y",
        r"x\hspace{" + "9" * 400 + "cm}y",
        r"\rule{90cm}{90cm}",
        r"\begin{matrix}" + r"x\\" * 2000 + r"\end{matrix}",
        "x+" * 15_000,
    ],
)
def test_too_large(renderer, formula):
    assert one(renderer, formula).reason == "too-large"


def test_a_failure_disturbs_no_neighbour(renderer):
    mixed = [*SOUND, *WRONG.values(), r"\def\sum{X}", r"\gdef\alpha{X}", r"\catcode`\^=12", *SOUND]
    results = list(EmbeddedRenderer(RenderSettings()).render(mixed))
    assert len(results) == len(mixed)
    for first, last, formula in zip(results, results[-len(SOUND) :], SOUND, strict=False):
        alone = one(renderer, formula)
        assert (first.ink == alone.ink).all()
        assert (last.ink == alone.ink).all()


def test_order_does_not_matter():
    there = list(EmbeddedRenderer(RenderSettings()).render(SOUND))
    back = list(EmbeddedRenderer(RenderSettings()).render(SOUND[::-1]))
    for one_way, other_way in zip(there, back[::-1], strict=True):
        assert (one_way.ink == other_way.ink).all()
        assert one_way.glyphs == other_way.glyphs


def test_results_come_one_by_one(renderer):
    def formulas():
        yield "x"
        raise AssertionError("asked for too much")

    assert isinstance(next(iter(renderer.render(formulas()))), Page)


def test_glyphs_stand_on_their_ink(renderer):
    page = one(renderer, "a + b = 1")
    assert len(page.glyphs) == 5
    assert [glyph.x for glyph in page.glyphs] == sorted(glyph.x for glyph in page.glyphs)
    for glyph in page.glyphs:
        assert glyph.font == room.FONT
        assert glyph.code > 0
        left, right = round(glyph.x - glyph.width / 2), round(glyph.x + glyph.width / 2)
        top, bottom = round(glyph.y - glyph.height / 2), round(glyph.y + glyph.height / 2)
        assert (page.ink[max(top, 0) : bottom, max(left, 0) : right] < 128).any()


def test_commands_in_the_name_of_an_operator_are_not_spelt_out(renderer):
    assert len(one(renderer, r"\operatorname{\mathbf{a}\,b}").glyphs) == 2
    assert len(one(renderer, r"\operatorname*{\operatorname{ab}}").glyphs) == 2
    assert len(one(renderer, r"\injlim").glyphs) == 6


def test_same_letter_same_code(renderer):
    first, plus, second = one(renderer, "a + a").glyphs
    assert first.code == second.code != plus.code


@pytest.mark.parametrize(("size", "dpi"), [(10, 200), (12, 100), (12, 400)])
def test_size_follows_the_settings(renderer, size, dpi):
    plain = one(renderer, r"\frac{H}{x}").ink
    other = one(EmbeddedRenderer(RenderSettings(font_size=size, dpi=dpi)), r"\frac{H}{x}").ink
    factor = size / 12 * dpi / 200
    assert other.shape[0] == pytest.approx(plain.shape[0] * factor, abs=3)
    assert other.shape[1] == pytest.approx(plain.shape[1] * factor, abs=3)


def test_identity(renderer):
    assert renderer.name == "embedded"
    mathra, resvg = renderer.version.split(", ")
    assert mathra.startswith("mathra 1.")
    assert resvg.startswith("resvg-py 0.")


WORDS = r"""
\frac \sqrt { } { } ^ _ & \\ \left( \right) \begin{array}{c|c} \end{array} x 1 + \sum \limits
\nolimits \overbrace \mathop \text \hspace{1cm} \operatorname* ' \int \not | \rule{1cm}{1pt}
\begin{cases} \end{cases} \hat \bigl( \middle| \phantom \color{red} \boxed
"""


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join))
def test_any_tokens_give_a_page_or_a_failure(formula):
    result = one(EmbeddedRenderer(RenderSettings(dpi=50)), formula)
    assert isinstance(result, Page | RenderFailure)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30))
def test_any_text_gives_a_page_or_a_failure(formula):
    result = one(EmbeddedRenderer(RenderSettings(dpi=50)), formula)
    assert isinstance(result, Page | RenderFailure)


needs_tex = pytest.mark.skipif(shutil.which("latex") is None, reason="needs latex on PATH")


@pytest.fixture(scope="module")
def both():
    """Pages of a list of formulas from TeX and from the embedded renderer."""
    from im2latex_cli.render.tex.renderer import TexRenderer

    def pages(formulas, **values):
        settings = RenderSettings(**values)
        found = [list(r(settings).render(formulas)) for r in (TexRenderer, EmbeddedRenderer)]
        return list(zip(*found, strict=True))

    return pages


@pytest.mark.tex
@needs_tex
@pytest.mark.parametrize("size", [10, 11, 12])
def test_text_is_as_high_as_that_of_tex(both, size):
    ((tex, own),) = both(["x"], font_size=size)
    assert abs(tex.ink.shape[0] - own.ink.shape[0]) <= 1


@pytest.mark.tex
@needs_tex
def test_limits_and_rules_stand_where_tex_puts_them(both):
    formulas = [
        r"\sin\limits_{a}^{b}z",
        r"\textstyle\max\limits_{a}^{b}z",
        r"\max\nolimits_{a}z",
        r"\textstyle\operatorname*{xy}\limits_{a}^{b}z",
        r"\mathop{xy}\nolimits_{a}^{b}z",
        r"\sum\nolimits_{a}^{b}z",
        r"\overbrace{xyzw}_{a}^{b}z",
        r"\begin{array}{|c||c|}\hline a&b\\\hline c&d\\\hline\end{array}",
        r"\begin{array}{c|c}a&b\\c&d\\e&f\end{array}",
        r"\frac{\begin{array}{c|c}a&b\\c&d\end{array}}{x}",
    ]
    for formula, (tex, own) in zip(formulas, both(formulas), strict=True):
        assert 0.75 < own.ink.shape[0] / tex.ink.shape[0] < 1.25, formula
