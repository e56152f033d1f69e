from collections import Counter
from functools import cache
from random import Random

import pytest

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination import assemble
from im2latex_cli.recombination.alike import Usage
from im2latex_cli.recombination.assemble import Builder, Pool, Stock

FORMULAS = [normalize(synthetic_formula(8, number)).tokens for number in range(800)]


@cache
def pool() -> Pool:
    return Pool(FORMULAS, most=1000)


def stock(seed: int) -> Stock:
    usage = Usage(Counter(token for form in FORMULAS for token in form))
    return Stock(pool(), usage, Random(seed))


@pytest.mark.parametrize(
    ("builder", "sign"),
    [
        (assemble.chain, "="), (assemble.clause, ","), (assemble.fraction, "\\frac"),
        (assemble.cases, "\\begin{cases}"), (assemble.aligned, "\\begin{aligned}"),
        (assemble.gathered, "\\begin{gathered}"), (assemble.matrix, "matrix}"),
    ],
)  # fmt: skip
def test_what_is_built_is_a_sound_formula(builder: Builder, sign: str) -> None:
    base = list(normalize("f(x) = a + b_1").tokens)
    drawer = stock(1)
    built = [builder(base, 45, drawer) for _ in range(40)]
    made = [tokens for tokens in built if tokens is not None]
    assert len(made) > 30
    for tokens in made:
        assert normalize(join(tokens)).problem is None, join(tokens)
    before = join(base).count(sign)
    assert sum(join(tokens).count(sign) > before for tokens in made) > 30


def test_growing_brings_a_formula_nearer_its_length() -> None:
    base = list(normalize("x = y").tokens)
    grown = [assemble.grow(base, 30, stock(seed)) for seed in range(40)]
    assert all(len(tokens) >= len(base) for tokens in grown)
    assert sum(15 < len(tokens) < 45 for tokens in grown) > 25


def test_nothing_is_added_behind_a_full_stop() -> None:
    closed = list(normalize("x = y.").tokens)
    adding = (assemble.chain, assemble.sum_up, assemble.clause)
    assert [builder(closed, 30, stock(0)) for builder in adding] == [None, None, None]


def test_without_real_pieces_nothing_is_built() -> None:
    poor = Stock(Pool([("a", "b")], most=10), Usage({"a": 1}), Random(0))
    assert assemble.cases(["a"], 30, poor) is None
    assert assemble.fraction(["a"], 30, poor) is None
