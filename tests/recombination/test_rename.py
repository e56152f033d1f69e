from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.latex.commands import COMMANDS
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination import rename
from im2latex_cli.recombination.alike import Usage, group_of, is_word, sites
from im2latex_cli.recombination.rename import Draft, adapt, vary

ALL = Usage(dict.fromkeys(COMMANDS, 1))


def tokens_of(formula: str) -> list[str]:
    return list(normalize(formula).tokens)


@pytest.mark.parametrize(
    ("token", "group"),
    [
        ("x", "lower"), ("X", "upper"), (r"\alpha", "greek"), (r"\varOmega", "Greek"),
        ("7", "digit"), ("<", "order"), (r"\subset", "set"), (r"\to", "arrow"),
        (r"\hookrightarrow", "arrow"), ("+", "plus"), (r"\otimes", "times"), (r"\hat", "accent"),
        (r"\widehat", "wide"), (r"\mathbb", "font"), (r"\sin", "function"), (r"\limsup", "limit"),
        (r"\prod", "sum"), (r"\oint", "integral"), (r"\infty", "value"), (r"\Box", "sign"),
        (r"\iff", "implication"), (r"\Leftarrow", "implication"), (r"\Uparrow", "upright arrow"),
        (r"\hbar", "letterlike"), (r"\gcd", "function"), (r"\,", "space"), (r"\dfrac", "stack"),
        (r"\hspace{1cm}", "space"), (r"\\[2pt]", "newline"), ("(", ""), (r"\left(", ""),
    ],
)  # fmt: skip
def test_groups(token: str, group: str) -> None:
    assert group_of(token) == group


def test_words_are_no_letters() -> None:
    formula = tokens_of(r"\operatorname{rank} M + \mathrm{min}(x) + \text{if } y + \mathrm{Q}")
    letters = [formula[at] for group in ("lower", "upper") for at in sites(formula).get(group, ())]
    assert letters == ["x", "y", "M", "Q"]
    array = tokens_of(r"\begin{array}{lcr} a & b & c \end{array}")
    assert [array[at] for at in sites(array)["lower"]] == ["a", "b", "c"]


def test_letters_change_throughout() -> None:
    for seed in range(60):
        draft = Draft(tokens_of("x_i + y_i = x^2 y"), ALL)
        rename.letters(draft, Random(seed))
        new = draft.finished()
        assert len(new) == len(draft.tokens)
        renamed = dict(zip(draft.tokens, new, strict=True))
        assert [renamed[token] for token in draft.tokens] == new
        letters = [renamed[letter] for letter in "xyi"]
        assert len(set(letters)) == 3
        assert {group_of(letter) for letter in letters} == {"lower"}


def test_capital_fonts_go_on_capitals_only() -> None:
    for seed in range(200):
        draft = Draft(tokens_of(r"\mathbf{x} + \mathbf{Y} + z"), ALL)
        rename.fonts(draft, Random(seed))
        rename.dress(draft, Random(seed))
        new = draft.finished()
        for at, token in enumerate(new):
            if token in (r"\mathcal", r"\mathbb", r"\mathscr"):
                assert new[at + 2].isupper()


def test_vectors_are_bold_throughout() -> None:
    seen = set()
    for seed in range(100):
        draft = Draft(tokens_of(r"\hat x_i + \mathrm{y} = x \alpha"), ALL)
        rename.vectors(draft, Random(seed))
        seen.add(" ".join(draft.finished()))
    bold = r"\hat { \boldsymbol { x } } _ { i } + \mathrm { y } = \boldsymbol { x } \alpha"
    assert {bold, bold.replace("boldsymbol", "mathbf")} <= seen
    assert any(r"\boldsymbol { \alpha }" in formula for formula in seen)
    assert not any(r"\mathbf { \alpha }" in formula for formula in seen)
    assert all(normalize(formula).tokens == tuple(formula.split(" ")) for formula in seen)
    plain = Draft(tokens_of("x"), Usage({"x": 1}))
    rename.vectors(plain, Random(0))
    assert plain.finished() == ["x"]


def test_brackets_change_in_pairs() -> None:
    seen = set()
    for seed in range(100):
        draft = Draft(tokens_of("f(x)"), ALL)
        rename.brackets(draft, Random(seed))
        seen.add(" ".join(draft.finished()))
    assert {"f [ x ]", r"f \left( x \right)", r"f \bigl ( x \bigr )"} <= seen
    assert all(normalize(formula).problem is None for formula in seen)


def test_brackets_around_and_inside_arrays_find_their_partners() -> None:
    tokens = tokens_of(r"{}^{(\begin{array}{cc} (a) & ] \end{array})} \left[ x \right]")
    places = sites(tokens)["bracket"]
    pairs = [(tokens[low], tokens[high]) for low, high in zip(*[iter(places)] * 2, strict=True)]
    assert pairs == [("(", ")"), ("(", ")"), (r"\left[", r"\right]")]
    first, second = places[:2], places[2:4]
    assert second[0] < first[0] < first[1] < second[1]


def test_half_open_intervals_stay() -> None:
    assert "bracket" not in sites(tokens_of("[0, 1)"))


def test_a_piece_takes_the_letters_of_where_it_goes() -> None:
    piece = tokens_of(r"u_v + \alpha d")
    new = adapt(piece, {"lower": ["x", "d"], "greek": [r"\beta"]}, Random(0))
    assert r"\alpha" not in new
    assert r"\beta" in new
    assert "d" in new  # known there already
    assert len(set(new) & {"u", "v", "x"}) == 2


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_a_varied_formula_is_sound(number: int, seed: int) -> None:
    tokens = tokens_of(synthetic_formula(5, number))
    varied = vary(tokens, ALL, Random(seed))
    assert normalize(join(varied)).problem is None, varied


def test_arguments_of_text_and_names_are_words() -> None:
    assert all(is_word(kind) for kind in (r"\text0", r"\operatorname*0", r"\mathrm0"))
    assert not any(is_word(kind) for kind in (r"\frac0", "_", r"\mathcal0", "term"))
