import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.latex.commands import BEGIN, COMMANDS, END
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.token_marks import carry, painting, tag


def test_same_sequences_carry_over_as_they_are():
    assert carry("abc", "abc", [3, 1, 2]) == [3, 1, 2]


def test_a_ligature_takes_the_token_it_begins_with():
    assert carry("aFb", "affb", [0, 1, 2, 3]) == [0, 1, 3]


def test_what_the_copy_lacks_stays_unknown():
    assert carry("axb", "ab", [0, 1]) == [0, -1, 1]
    assert carry("", "ab", [0, 1]) == []


def test_rules_structure_and_spaces_paint_nothing():
    tokens = tokenize(r"\frac{a}{\overline{b}}\quad\left.\mathrm{c}\right|\\&")
    assert [tokens[i] for i in painting(tokens)] == ["a", "b", "c", r"\right|"]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*COMMANDS, *BEGIN, *END, *"{}^_&[]$x", "\\\\", "\\unknown"]), max_size=30
    )
)
def test_any_tokens_can_be_tagged(tokens):
    marks = [int(found) for found in re.findall(r"\\imtolatextag\{(\d+)\}", tag(tokens))]
    assert set(marks) == set(painting(tokens))
    assert all(0 <= mark < len(tokens) for mark in marks)


CASES = [
    (r"x^{2}+\frac{a}{b}", {"x": "x", "2": "2", "+": "+", "a": "a", "b": "b"}),
    (r"\sum_{i=1}^{n}k", {r"\sum": "X", "i": "i", "=": "=", "1": "1", "n": "n", "k": "k"}),
    (r"\left(\frac{a}{b}\right]", {r"\left(": "\x12", r"\right]": "\x15", "a": "a", "b": "b"}),
    (r"\sqrt[3]{y}", {r"\sqrt": "p", "3": "3", "y": "y"}),
    (r"\hat{x}+\vec{z}", {r"\hat": "^", "x": "x", r"\vec": "~", "z": "z", "+": "+"}),
    (
        r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
        {
            r"\begin{pmatrix}": " ",
            "a": "a",
            "b": "b",
            "c": "c",
            "d": "d",
            r"\end{pmatrix}": "!",
        },
    ),
    (r"\underbrace{a}_{n}", {r"\underbrace": "|{z}", "a": "a", "n": "n"}),
    (r"\overbrace{a}^{n}", {r"\overbrace": "z}|{", "a": "a", "n": "n"}),
    (r"\lim_{x}y", {r"\lim": "lim", "x": "x", "y": "y"}),
    (r"\begin{array}{c|c}a&b\\ \hline c&d\end{array}", {"a": "a", "b": "b", "c": "c", "d": "d"}),
    (r"\bigl(x\bigr)", {"(": "\x10", "x": "x", ")": "\x11"}),
    (r"\binom{n}{k}", {r"\binom": " !", "n": "n", "k": "k"}),
    (r"x\not=y", {"x": "x", r"\not": "6", "=": "=", "y": "y"}),
    (r"\text{if }x", {"i": "i", "f": "f", "x": "x"}),
]


@pytest.fixture(scope="module")
def pages(tex):
    """The pages of all cases, typeset in one run."""
    formulas = [formula for formula, _ in CASES]
    results = tex.render_tokens([tokenize(formula) for formula in formulas])
    return dict(zip(formulas, results, strict=True))


@pytest.mark.tex
@pytest.mark.parametrize(("formula", "expected"), CASES)
def test_every_token_finds_what_it_painted(pages, formula, expected):
    tokens = tokenize(formula)
    page = pages[formula]
    assert isinstance(page, Page)
    found: dict[str, str] = {}
    for glyph in page.glyphs:
        assert glyph.token >= 0
        found[tokens[glyph.token]] = found.get(tokens[glyph.token], "") + chr(glyph.code)
    assert found == expected
    assert {tokens[i] for i in painting(tokens)} == set(expected)


@pytest.mark.tex
def test_all_pieces_of_a_tall_delimiter_belong_to_it(tex):
    rows = r"\\".join("abcdef")
    tokens = tokenize(rf"\left\{{\begin{{matrix}}{rows}\end{{matrix}}\right.+\sqrt{{x}}")
    (page,) = tex.render_tokens([tokens])
    pieces = [glyph for glyph in page.glyphs if glyph.token == 0]
    assert len(pieces) >= 3
    assert {glyph.font for glyph in pieces} == {"cmex10"}
    assert len({glyph.x for glyph in pieces}) <= 3


@pytest.mark.tex
def test_the_picture_is_that_of_the_clean_formula(tex, pages):
    plain = tex.render([join(tokenize(formula)) for formula in pages])
    for one, tagged in zip(plain, pages.values(), strict=True):
        assert np.array_equal(one.ink, tagged.ink)
        assert [glyph[:6] for glyph in one.glyphs] == [glyph[:6] for glyph in tagged.glyphs]


@pytest.mark.tex
def test_failures_keep_their_places(tex):
    forms = [tokenize(formula) for formula in ("x", r"\frac{a}", "{", "y", r"\input{z}")]
    kinds = [isinstance(result, Page) for result in tex.render_tokens(forms)]
    assert kinds == [True, False, False, True, False]


@pytest.mark.tex
@pytest.mark.slow
def test_nearly_every_painting_token_of_real_formulas_is_found(tex, real_data):
    lines = (real_data / "im2latex100k/train.norm.txt").read_text().splitlines()[:7000:14]
    forms = [tokenize(line) for line in lines]
    painted = found = 0
    for form, page in zip(forms, tex.render_tokens(forms), strict=True):
        if isinstance(page, Page):
            tokens = {glyph.token for glyph in page.glyphs}
            painted += len(painting(form))
            found += sum(index in tokens for index in painting(form))
    assert found / painted > 0.97
