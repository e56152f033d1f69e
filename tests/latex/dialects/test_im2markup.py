"""The normal form of the im2markup project."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.latex.dialects.printers import im2markup

FORMS = [
    ("x^2_i", "x _ { i } ^ { 2 }"),
    ("f''", r"f ^ { \prime \prime }"),
    ("x_1_2", "x _ { 2 }"),
    (r"{a \over b}", r"{ \frac { a } { b } }"),
    (r"{n\choose k}", r"{ \binom { n } { k } }"),
    (r"\frac12", r"\frac { 1 } { 2 }"),
    (r"\sin x", r"\operatorname { s i n } x"),
    (r"\lim_{x}", r"\operatorname* { l i m } _ { x }"),
    (r"\sum\limits_{i}", r"\sum _ { i }"),
    (r"\mbox{if so}", r"\mathrm { i f ~ s o }"),
    (r"\sqrt[3]x", r"\sqrt [ 3 ] { x }"),
    (r"\hat x", r"\hat { x }"),
    (r"\left(a\right)", r"\left( a \right)"),
    (
        r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
        r"\left( \begin{matrix} { a } & { b } \\ { c } & { d } \\ \end{matrix} \right)",
    ),
    (
        r"\begin{array}{cc}{a}&b\end{array}",
        r"\begin{array} { c c } { a } & { b } \\ \end{array}",
    ),
    (r"{\cal L}_{a}", r"{ \cal L } _ { a }"),
    (r"{\rm d}x", r"\mathrm { d } x"),
    (r"\Bbb R", r"\mathbb { R }"),
    (r"a\,b\ c~d\quad e", "a \\, b \\ c ~ d \\quad e"),
    (r"\hspace{1cm}a", r"\hspace { 1 c m } a"),
    (r"a\label{eq}b", "a b"),
    (r"a \rightarrow b", r"a \rightarrow b"),
    ("{a", ""),
]


@pytest.mark.parametrize(("formula", "form"), FORMS)
def test_a_formula_has_this_form(formula, form):
    assert " ".join(im2markup(formula)) == form


@given(st.text(alphabet=st.sampled_from(r"{}[]()^_&$~'\abfrt1 "), max_size=40))
def test_it_never_raises(formula):
    assert all(token.isascii() for token in im2markup(formula))


def test_lines_of_that_project_stay_as_they_are():
    root = os.environ.get("IM2LATEX_DATA")
    path = Path(root or ".") / "im2latex100k" / "train.norm.txt"
    if not root or not path.exists():
        pytest.skip("IM2LATEX_DATA does not point at a folder with im2latex100k/train.norm.txt")
    lines = path.read_text(encoding="utf-8").splitlines()[:2000]
    same = sum(list(im2markup(line)) == line.split() for line in lines)
    assert same > 0.93 * len(lines)
