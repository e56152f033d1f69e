from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.repetition import LONG, MOST, PERIOD, cut, repetition_end
from im2latex_cli.latex.tokenizer import join, tokenize


def shown(formula: str, *, full: bool = True) -> str | None:
    tokens = cut(tokenize(formula), full=full)
    return None if tokens is None else join(tokens)


def test_one_round_is_left() -> None:
    assert shown("x=" + "0" * 12) == "x=0"
    assert shown("x=" + "a+b+" * 4) == "x=a+b+"


def test_a_partial_round_goes_too() -> None:
    assert shown("x=" + "ab+cd-" * 5 + "ab+") in {"x=ab+cd-", "x=ab+cd-ab+"}


def test_what_is_open_is_closed() -> None:
    loop = r"\left(x^{" + "1+" * 8
    assert shown(loop) == r"\left(x^{1+}\right."
    closed = r"\begin{array}{c}a\\" + r"\frac{1}{2}+" * 6 + r"\end{array}"
    assert shown(closed) == r"\begin{array}{c}a\\\frac{1}{2}+\end{array}"


def test_nesting_without_end_is_a_circle_too() -> None:
    assert shown("y+" + "x^{" * 6 + "z" + "}" * 6) is None
    assert shown("y+" + r"\sqrt{" * 12 + "}" * 12) == r"y+\sqrt{}"


def test_formulas_that_do_not_repeat_are_left_alone() -> None:
    assert shown("a+b=c") is None
    assert shown("x+" + "ab" * 3) is None
    assert shown("0" * 11) is None
    assert shown("") is None


def test_long_circles_are_cut_wherever_they_are() -> None:
    assert shown("x=" + "0" * 60 + "+y", full=False) == "x=0"
    assert shown("x=" + "a+b+" * 20 + "c", full=False) == "x=a+b+"
    assert shown(r"\frac{" + "1+" * 30 + "}{2}", full=False) == r"\frac{1+}{2}"
    assert shown("x=" + "0" * 30, full=False) is None
    assert shown(r"\frac{" + "1+" * 23 + "}{}", full=False) == r"\frac{1+}{}"


def test_circles_with_a_hitch_are_noticed_too() -> None:
    hitched = list("ab" * 20 + "c" + "ab" * 20)
    assert repetition_end(hitched) is not None
    assert cut(hitched, full=False) == tuple("abcab")
    assert repetition_end(list("ab" * 7 + "c" + "ab" * 7) * 3) is None


def test_one_round_is_left_of_circles_of_circles() -> None:
    blank = "\\nobreakspace"
    lines = ["{", "}", *[blank] * 30] * 4
    assert cut(lines, full=True) == ("{", "}", blank)
    assert cut([*lines, "x"], full=False) == ("{", "}", blank)
    two = [*"a" * 60, "+", *"b" * 60]
    assert cut(two, full=True) in {("a",), ("a", "+", "b")}


def test_real_repetitions_are_not_noticed() -> None:
    diagonal = ",".join([r"\nobreakspace1"] * 13)
    assert repetition_end(tokenize(diagonal)) is None
    row = "&".join("0" * 10)
    matrix = r"\begin{array}{cccccccccc}" + r"\\".join([row] * 2) + r"\end{array}"
    assert repetition_end(tokenize(matrix)) is None


@given(st.integers(1, PERIOD), st.integers(0, 30))
def test_a_circle_is_noticed_once_it_is_long(period: int, before: int) -> None:
    lead = [f"a{at}" for at in range(before)]
    circle = [f"b{at % period}" for at in range(period + LONG + MOST - 1)]
    assert repetition_end(lead + circle) == before + len(circle)
    assert repetition_end((lead + circle)[:-1]) is None


@given(st.lists(st.sampled_from(["x", "+", "{", "}", "^", r"\frac", r"\left(", r"\right)"])))
def test_what_is_left_is_sound_and_shorter(tokens: list[str]) -> None:
    left = cut(tokens * 5, full=True)
    if left is not None:
        assert check(left) is None
        assert len(left) < max(len(tokens) * 5, 1)
