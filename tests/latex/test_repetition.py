from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.latex.grammar import check
from im2latex_cli.latex.repetition import cut
from im2latex_cli.latex.tokenizer import join, tokenize


def shown(formula: str) -> str | None:
    tokens = cut(tokenize(formula))
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


@given(st.lists(st.sampled_from(["x", "+", "{", "}", "^", r"\frac", r"\left(", r"\right)"])))
def test_what_is_left_is_sound_and_shorter(tokens: list[str]) -> None:
    left = cut(tokens * 5)
    if left is not None:
        assert check(left) is None
        assert len(left) < max(len(tokens) * 5, 1)
