"""Formulas to tokens and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.latex.tokenizer import join, tokenize

SPLITS = [
    (r"\frac{a}{b}", r"\frac { a } { b }"),
    (r"\alpha b\beta2", r"\alpha b \beta 2"),
    (r"x _ { 1 }", r"x _ { 1 }"),
    (r"\left( x \right )", r"\left( x \right)"),
    (r"\left \langle x \middle | y \right.", r"\left\langle x \middle| y \right."),
    (r"\leftarrow", r"\leftarrow"),
    (r"\left x", r"\left x"),
    (r"\begin {pmatrix} a \end{ pmatrix }", r"\begin{pmatrix} a \end{pmatrix}"),
    (r"\begin{align*}a\end{align*}", r"\begin{align*} a \end{align*}"),
    (r"\begin{array}{c|c}", r"\begin{array} { c | c }"),
    (r"\hspace { - . 5 0 c m }", r"\hspace{-0.5cm}"),
    (r"\hspace*{1cm}", r"\hspace{1cm}"),
    (r"\hspace{2 t r u e c m}", r"\hspace{2cm}"),
    (r"\hspace{1cm plus 1fill}", r"\hspace{1cm}"),
    (r"\hskip 1.5em x", r"\hspace{1.5em} x"),
    (r"\kern-2ptx", r"\hspace{-2pt} x"),
    (r"\mkern 3 mu", r"\mspace{3mu}"),
    (r"\hspace{\textwidth}", r"\hspace { \textwidth }"),
    (r"\rule{1pt}{ 2.0pt }", r"\rule{1pt}{2pt}"),
    (r"a \\ [2pt] b", r"a \\ [ 2 p t ] b"),
    (r"a \\ * b", r"a \\ * b"),
    (r"a \\* b", r"a \\ b"),
    (r"a \\ [x]", r"a \\ [ x ]"),
    (r"\operatorname * {x}", r"\operatorname* { x }"),
    (r"a \ b", r"a \nobreakspace b"),
    ("a%x\nb", "a b"),
    (r"5\%%", r"5 \%"),
    ("a \t\n b", "a b"),
    ("a\\", "a \\"),
    (r"\genfrac { } { } { 0 p t } { } a b", r"\genfrac{}{}{0pt}{} a b"),
    (r"\text{if  x}y z", r"\text { i f \space x } y z"),
    (r"\text {a}", r"\text { a }"),
    (r"\text{\ldots x}", r"\text { \ldots x }"),
    (r"\text{a\ b}", r"\text { a \nobreakspace b }"),
    (r"\text{a $x y$ b}", r"\text { a \space $ x y $ \space b }"),
    (r"\mbox{a \textbf{b c} d}e f", r"\mbox { a \space \textbf { b \space c } \space d } e f"),
    (r"\\text{a b}", r"\\ t e x t { a b }"),
]


@pytest.mark.parametrize(("formula", "tokens"), SPLITS)
def test_a_formula_splits_into_canonical_tokens(formula, tokens):
    assert tokenize(formula) == tokens.split()


@pytest.mark.parametrize(("formula", "tokens"), SPLITS)
def test_joined_tokens_split_into_themselves(formula, tokens):
    assert tokenize(join(tokens.split())) == tokens.split()


def test_joining_is_compact():
    assert join(tokenize(r"\frac { \alpha b } { 2 } \ \text { if  so }")) == (
        r"\frac{\alpha b}{2}\ \text{ if so }"
    )
    assert join([r"\sin", "x", r"\left(", "y"]) == r"\sin x\left(y"


def test_a_second_space_in_text_survives():
    assert join(tokenize(r"\text{a~\space b}")) == r"\text{a~ b}"
    assert join(tokenize(r"\text{a\space\space b}")) == r"\text{a \space b}"


PIECES = st.sampled_from(
    [
        *"{}[]()^_&$%'*ab1. \n\\~|",
        "\\\\",
        "\\ ",
        "\\left",
        "\\right",
        "\\left(",
        "\\middle|",
        "\\text{",
        "\\mbox {",
        "\\text",
        "\\space",
        "\\operatorname",
        "\\begin{array}",
        "\\begin",
        "\\hspace{1cm}",
        "\\hskip 1 cm",
        "\\kern",
        "[2pt]",
        "\\alpha",
        "\\genfrac{}{}{0pt}{}",
        "é",
        "\u2003",
        "\x00",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=20).map("".join)))
def test_any_string_round_trips_without_white_space_in_tokens(formula):
    tokens = tokenize(formula)
    assert tokenize(join(tokens)) == tokens
    assert " ".join(tokens).split() == tokens
