import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.latex.tokenizer import tokenize
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer, TintedFormula, colour
from im2latex_cli.render.renderer import Page, RenderFailure, TokenRenderer
from im2latex_cli.settings.sections import RenderSettings

RENDERER = EmbeddedRenderer(RenderSettings(dpi=100))


def painted(formula):
    """The token of each glyph, in the order of painting."""
    tokens = tokenize(formula)
    (page,) = RENDERER.render_tokens([tokens])
    assert isinstance(page, Page)
    return [tokens[glyph.token] if glyph.token >= 0 else None for glyph in page.glyphs]


CASES = {
    r"a+b=1": "a + b = 1",
    r"x_{1}^{2}": "x 2 1",
    r"\frac{a}{b}": "a b",
    r"\sqrt[3]{x}": r"3 \sqrt x",
    r"\sum_{n=1}^{\infty}a": r"\sum \infty n = 1 a",
    r"\sum\limits_{i}\lim\nolimits_{x}": r"\sum i \lim \lim \lim x",
    r"\hat{f}^{\prime}": r"f \hat \prime",
    r"\mathbf{x}\mathcal{L}": "x L",
    r"\text{if }x": "i f x",
    r"\operatorname{Tr}A": "T r A",
    r"\bigl(y\bigr)": "( y )",
    r"\left(y\right]": r"\left( y \right]",
    r"\left.a\middle|b\right\}": r"a \middle| b \right\}",
    r"\left(a\left[b\right]\right.": r"\left( a \left[ b \right]",
    r"\begin{pmatrix}a&b\\c&d\end{pmatrix}": r"\begin{pmatrix} a b c d \end{pmatrix}",
    r"\begin{array}{c|c}a&b\end{array}": "a b",
    r"\begin{cases}a&b\end{cases}": r"\begin{cases} a b",
    r"\not=x": r"\not x",
    r"\overbrace{ab}^{n}": r"a b \overbrace n",
}


@pytest.mark.parametrize("formula", CASES)
def test_each_glyph_names_its_token(formula):
    assert sorted(painted(formula), key=str) == sorted(CASES[formula].split())


def test_order_of_painting():
    assert painted("a+b=1") == ["a", "+", "b", "=", "1"]
    assert painted(r"\left(y\right]") == [r"\left(", "y", r"\right]"]


def test_tall_fences_of_many_pieces():
    rows = r"\\".join(["a"] * 9)
    names = painted(rf"\left(\begin{{matrix}}{rows}\end{{matrix}}\right)")
    half = len(names) // 2
    assert set(names[: half - 4]) == {r"\left("}
    assert set(names[half + 5 :]) == {r"\right)"}
    assert names.count("a") == 9


def test_pages_are_those_of_the_formula():
    assert isinstance(RENDERER, TokenRenderer)
    for formula in CASES:
        (plain,) = RENDERER.render([formula])
        (named,) = RENDERER.render_tokens([tokenize(formula)])
        assert (plain.ink == named.ink).all()
        assert [g[:6] for g in plain.glyphs] == [g[:6] for g in named.glyphs]


def test_failures_stay_failures():
    (failure,) = RENDERER.render_tokens([["\\frac", "{", "a"]])
    assert isinstance(failure, RenderFailure)


def test_deep_formulas_keep_their_page():
    deep = tokenize(r"\sqrt{" * 25 + "x" + "}" * 25)
    (page,) = RENDERER.render_tokens([deep])
    assert isinstance(page, Page)
    assert len(page.glyphs) > 25


def test_colours_are_distinct():
    assert len({colour(token) for token in range(5000)}) == 5000
    assert colour(0) != "#000000"


WORDS = r"""
a 1 + { } ^ _ & \\ \frac \sqrt [ ] \left( \right) \middle| \bigl \not \text \mathbf \hat \sum
\limits \begin{pmatrix} \end{pmatrix} \begin{array} \begin{cases} \end{cases} \operatorname '
"""


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=14))
def test_any_tokens(tokens):
    tinted = TintedFormula(tokens)
    assert isinstance(tinted.latex, str)
    fills = [colour(index) for index in range(len(tokens))] + ["", "currentColor"]
    assert all(-1 <= token < len(tokens) for token in tinted.tokens_of(fills))
    (result,) = RENDERER.render_tokens([tokens])
    assert isinstance(result, Page | RenderFailure)
