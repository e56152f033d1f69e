from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.recombine.pieces import CLOSERS, OPENERS, matches, pieces


def found(formula: str) -> set[tuple[str, str]]:
    tokens = normalize(formula).tokens
    return {(kind, " ".join(tokens[start:end])) for kind, start, end in pieces(tokens)}


def test_sides_and_terms_of_relations() -> None:
    got = found(r"a + b \leq c_1 = d")
    assert got >= {
        ("left", "a + b"), ("right", "c _ { 1 }"), ("right", "d"),
        ("term", "a"), ("term", "b"), ("letter", "c _ { 1 }"), ("_", "1"),
    }  # fmt: skip
    assert ("left", "c _ { 1 }") not in got


def test_a_sign_at_the_beginning_is_no_operator() -> None:
    got = found("-a - b = -c")
    assert {("left", "- a - b"), ("right", "- c"), ("term", "a"), ("term", "b")} <= got


def test_brackets_are_not_torn_apart() -> None:
    got = found(r"f(x+y) + |u + v| + \bigl[p + q\bigr)")
    assert ("term", "f ( x + y )") in got
    assert ("inside", "x + y") in got
    assert ("inside", "p + q") in got
    assert not {text for kind, text in got if kind == "term"} & {"f ( x", "y )", "| u", "v |"}


def test_arguments_are_named_by_their_command() -> None:
    got = found(r"\dfrac{a}{b} \sqrt[3]{c} \sum_{i=1}^n \hat{x} \operatorname{rank} M")
    assert got >= {
        ("\\frac0", "a"), ("\\frac1", "b"), ("\\sqrt[", "3"), ("\\sqrt0", "c"),
        ("_sum", "i = 1"), ("^sum", "n"), ("\\hat0", "x"), ("\\operatorname0", "r a n k"),
    }  # fmt: skip


def test_cells_and_rows_of_environments() -> None:
    matrix = found(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}")
    assert {("cell", "a"), ("cell", "d"), ("cell row 2", "c & d")} <= matrix
    aligned = found(r"\begin{aligned} x &= y \\ &= z \end{aligned}")
    assert {("align0", "x"), ("align1", "= y"), ("align row 2", "& = z")} <= aligned
    cases = found(r"\begin{cases} 1 & x > 0 \\ 0 \end{cases}")
    assert {("case0", "1"), ("case1", "x > 0"), ("case row 1", "0")} <= cases
    assert ("cell row 2", "p & q") in found(r"\begin{array}{cc} a & b \\ \hline p & q \end{array}")


def test_a_list_is_not_an_expression() -> None:
    got = found("f(x, y) + g(z)")
    assert {("list", "x , y"), ("inside", "z")} <= got


def test_a_decimal_point_does_not_end_a_side() -> None:
    assert ("right", "3 . 1 4") in found("x = 3.14")
    assert ("right", "y") in found("x = y.")


@given(st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_every_piece_is_balanced_and_holds_something(number: int) -> None:
    tokens = normalize(synthetic_formula(3, number)).tokens
    pairs = matches(tokens)
    assert all(tokens[low] in OPENERS and tokens[high] in CLOSERS for low, high in pairs.items())
    for kind, start, end in pieces(tokens):
        assert start < end, kind
        inside = [low for low in pairs if start <= low < end]
        assert all(pairs[low] < end for low in inside), (kind, tokens[start:end])
        assert sum(token in CLOSERS for token in tokens[start:end]) == len(inside)
