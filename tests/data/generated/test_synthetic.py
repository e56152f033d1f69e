from statistics import median, quantiles

import pytest

from im2latex_cli.data.generated.synthetic import synthetic_formula, synthetic_source
from im2latex_cli.data.sources.entries import SourceFormula
from im2latex_cli.latex.normalize import normalize

SAMPLE = 3000


@pytest.fixture(scope="module")
def formulas() -> list[str]:
    return [synthetic_formula(0, index) for index in range(SAMPLE)]


@pytest.fixture(scope="module")
def tokens(formulas: list[str]) -> list[tuple[str, ...]]:
    return [normalize(formula).tokens for formula in formulas]


def test_every_formula_is_sound(formulas: list[str]) -> None:
    assert [f for f in formulas if normalize(f).problem] == []


def test_lengths_are_those_of_real_formulas(tokens: list[tuple[str, ...]]) -> None:
    lengths = [len(form) for form in tokens]
    assert 18 <= median(lengths) <= 22
    assert 40 <= quantiles(lengths, n=10)[-1] <= 50


def test_many_symbols_and_few_repeats(tokens: list[tuple[str, ...]]) -> None:
    assert len({token for form in tokens for token in form}) >= 250
    assert len(set(tokens)) > 0.99 * SAMPLE


def test_a_seed_always_gives_the_same_and_another_gives_others() -> None:
    assert synthetic_formula(0, 0) == r"\sigma-9u=-\sigma\approx Y\theta\cdot X\lg ty"
    again = [synthetic_formula(0, index) for index in range(50)]
    assert again == [synthetic_formula(0, index) for index in range(50)]
    assert again != [synthetic_formula(1, index) for index in range(50)]


def test_larger_source_begins_with_the_smaller() -> None:
    small, large = (list(synthetic_source(size, 3).read()) for size in (20, 30))
    assert large[:20] == small
    assert [row.line for row in large] == list(range(1, 31))
    assert all(isinstance(row, SourceFormula) and row.split is None for row in large)
