r"""What means the same compares equal, and what a picture shows to differ does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.evaluate.forms import equivalent
from im2latex_cli.latex.normalize import normalize

TOKENS = [
    *("{", "}", "a", "|", "&", r"\\", r"\text", r"\left.", r"\right)", r"\leftarrow", r"\bigl"),
    *(r"\begin{array}", r"\end{array}", r"\begin{pmatrix}", r"\end{cases}", r"\operatorname"),
]


def form(formula: str) -> tuple[str, ...]:
    normal = normalize(formula, spacing="drop")
    assert normal.problem is None
    return equivalent(normal.tokens)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\left|x\right\rangle", r"|x\rangle"),
        (r"\left(\frac{a}{b}\right)", r"\biggl(\frac{a}{b}\biggr)"),
        (r"\left\{x\right.", r"\{x"),
        (r"P\left(A\middle|B\right)", r"P(A\mid B)"),
        (r"\operatorname{id}", r"\mathrm{id}"),
        (r"\operatorname*{argmax}_{x}", r"\mathrm{argmax}_{x}"),
        (r"\deg K", r"\mathrm{deg}K"),
        (r"48\,\text{MeV}", r"48\,\mathrm{MeV}"),
        (r"x\text{.}", "x."),
        (r"f\colon A\to B", r"f:A\to B"),
        (
            r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
            r"\left(\begin{array}{lr}a&b\\c&d\end{array}\right)",
        ),
        (
            r"\begin{cases}a&b\\c&d\end{cases}",
            r"\left\{\begin{array}{ll}a&b\\c&d\end{array}\right.",
        ),
        (r"A\setminus B", r"A\backslash B"),
        (r"\mathrm{H_2SO_4}", r"\mathrm{H}_2\mathrm{SO}_4"),
        (r"\mathrm{N_2+3H_2\to 2NH_3}", r"\mathrm{N}_2+3\mathrm{H}_2\to 2\mathrm{NH}_3"),
        (r"\mathbf{AB}", r"\mathbf{A}\mathbf{B}"),
        (r"\operatorname{cosh}x", r"\cosh x"),
    ],
)
def test_equal_in_meaning(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\mathbf{x}", r"\boldsymbol{x}"),
        (r"\left(x\right)", r"\left[x\right]"),
        (r"\begin{array}{c|c}a&b\end{array}", r"\begin{array}{cc}a&b\end{array}"),
        (r"\sin x", "sinx"),
        (r"\begin{pmatrix}a\\b\end{pmatrix}", r"\begin{bmatrix}a\\b\end{bmatrix}"),
        (r"a\leq b", r"a\leqslant b"),
        (r"\mathcal{A}", r"\mathscr{A}"),
        (r"\mathbf{2}", "2"),
        (r"\mathrm{H_2O}", r"\mathrm{H}_2O"),
        (r"\mathrm{a\mathbf{b}}", r"\mathrm{ab}"),
    ],
)
def test_different_in_the_picture(one: str, other: str) -> None:
    assert form(one) != form(other)


@pytest.mark.parametrize("formula", [r"\begin{array}{cc", r"\text{a", r"\begin{array}", r"x\text"])
def test_unsound_readings_have_a_form_too(formula: str) -> None:
    assert equivalent(normalize(formula, spacing="drop").tokens)


@given(st.lists(st.sampled_from(TOKENS), max_size=12))
def test_any_tokens_have_a_form(tokens: list[str]) -> None:
    assert all(equivalent(tokens))


@given(st.text(alphabet="ab(){}[]|\\leftright.mat_^&cs ", max_size=40))
def test_any_formula_has_a_form(formula: str) -> None:
    tokens = normalize(formula, spacing="drop").tokens
    assert equivalent(tokens) == equivalent(list(tokens))
