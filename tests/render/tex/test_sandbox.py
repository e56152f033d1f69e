import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.latex.commands import COMMANDS, ENVIRONMENTS
from im2latex_cli.render.tex.sandbox import (
    HARMLESS_ENVIRONMENTS,
    HARMLESS_WORDS,
    REFUSED_WORDS,
    screen,
)


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{a}{b}",
        r"\begin{array}{cc} a & b \\ c & d \end{array}",
        r"\left\{ x \right.",
        r"50\% \text{ of } \$3",
        r"\text{if $x$ holds}",
        r"\begin{tabular}{c} $a$ \end{tabular}",
    ],
)
def test_ordinary_formulas_share_a_document(formula):
    screened = screen(formula)
    assert (screened.lane, screened.doubtful) == ("shared", ())


def test_unknown_words_are_doubtful_but_shared():
    assert screen(r"\foo + \bar x + \baz").doubtful == ("baz", "foo")


@pytest.mark.parametrize(
    "formula",
    [
        r"\iftrue x \fi",
        r"x^^5c",
        r"\begin{equation} x \end{equation}",
        r"\begin\foo x",
        r"\else",
    ],
)
def test_what_may_reach_beyond_itself_goes_alone(formula):
    assert screen(formula).lane == "alone"


@pytest.mark.parametrize(
    ("formula", "word"),
    [
        (r"\input{x}", "input"),
        (r"\write18{x}", "write"),
        (r"\special {x}", "special"),
        ("a\0b", "U+0000"),
        ("\x1b[0m", "U+001B"),
        ("\ud800", "U+D800"),
        ("{x", "never closed"),
        ("x}{", "closes nothing"),
        ("a $ b", "dollar"),
        ("$$a$$", "dollar"),
        ("x" * 30_000, "30,000"),
    ],
)
def test_the_hostile_is_refused_with_its_reason(formula, word):
    screened = screen(formula)
    assert screened.lane == "refused"
    assert word in screened.problem


def test_comments_and_line_breaks_go():
    assert screen("a % } not a brace\n + b\\% % end").text == "a + b\\%"
    assert screen("x\n\n\ty").text == "x y"


def test_words_of_the_normal_form_share_a_document():
    words = {name[1:] for name in COMMANDS if name[0] == "\\" and name[1:].isalpha()}
    assert words <= HARMLESS_WORDS
    assert set(ENVIRONMENTS) <= HARMLESS_ENVIRONMENTS
    assert not HARMLESS_WORDS & REFUSED_WORDS


@settings(deadline=None)
@given(st.text())
def test_whatever_shares_a_document_has_balanced_braces_and_one_line(formula):
    screened = screen(formula)
    if screened.lane != "refused":
        assert "\n" not in screened.text
        bare = screened.text.replace("\\\\", "").replace("\\{", "").replace("\\}", "")
        assert bare.count("{") == bare.count("}")
