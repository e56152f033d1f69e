from functools import cache
from random import Random
from statistics import mean

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination.assemble import Pool, palette_of, swap
from im2latex_cli.recombination.pieces import pieces

FORMULAS = [normalize(synthetic_formula(4, number)).tokens for number in range(600)]


@cache
def pool() -> Pool:
    return Pool(FORMULAS, most=1000)


def test_drawn_pieces_are_of_their_kind_and_about_as_long() -> None:
    rng = Random(0)
    for wanted in (1, 4, 9):
        drawn = [pool().draw("term", wanted, rng) for _ in range(200)]
        lengths = [len(piece) for piece in drawn if piece is not None]
        assert len(lengths) == 200
        assert 0.6 * wanted <= mean(lengths) <= 1.5 * wanted
    terms = {FORMULAS[n][start:end] for n in range(600) for _, start, end in pieces(FORMULAS[n])}
    assert tuple(pool().draw("term", 5, rng) or ()) in terms


def test_a_kind_that_no_formula_has_gives_nothing() -> None:
    assert pool().draw("\\nothing0", 3, Random(0)) is None


def test_lengths_far_from_all_real_ones_find_the_nearest() -> None:
    assert pool().draw("term", 10_000, Random(0))


def test_a_place_is_where_the_piece_stands() -> None:
    form, start, end = pool().place("_", 3, Random(1)) or ((), 0, 0)
    assert form[start - 2 : start] == ("_", "{")
    assert form[end] == "}"


def test_few_formulas_are_taken_apart_of_many() -> None:
    whole, part = Pool(FORMULAS, most=600), Pool(FORMULAS, most=60)
    rng = Random(2)
    counts = [
        len({tuple(p.draw("right", 3, rng) or ()) for _ in range(900)}) for p in (whole, part)
    ]
    assert counts[1] < counts[0] / 2


def test_swapped_formulas_parse_and_reach_their_length() -> None:
    rng = Random(3)
    lengths = {20: [0], 60: [0]}
    for target in lengths:
        made = [swap(list(form), pool(), target, rng) for form in FORMULAS[:150] if len(form) > 12]
        assert all(normalize(join(tokens)).problem is None for tokens in made)
        lengths[target] = [len(tokens) for tokens in made]
    assert mean(lengths[20]) < 30 < mean(lengths[60])


def test_a_palette_has_the_letters_in_their_order() -> None:
    tokens = list(normalize(r"y + \alpha_x = \operatorname{rank} B y").tokens)
    assert palette_of(tokens) == {"lower": ["y", "x"], "greek": [r"\alpha"], "upper": ["B"]}
