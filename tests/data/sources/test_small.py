from collections import Counter
from statistics import median

import pytest

from im2latex_cli.data.sources.entries import SourceFormula
from im2latex_cli.data.sources.tables import small_source
from im2latex_cli.latex.normalize import normalize


@pytest.fixture(scope="module")
def entries() -> list[SourceFormula]:
    return [row for row in small_source().read() if isinstance(row, SourceFormula)]


@pytest.fixture(scope="module")
def tokens(entries: list[SourceFormula]) -> list[tuple[str, ...]]:
    return [normalize(entry.formula).tokens for entry in entries]


def test_sizes_and_splits(entries: list[SourceFormula]) -> None:
    assert Counter(entry.split for entry in entries) == {"train": 240, "val": 30, "test": 30}


def test_every_formula_is_sound(entries: list[SourceFormula]) -> None:
    assert [e.formula for e in entries if normalize(e.formula).problem] == []


def test_no_two_formulas_have_one_normal_form(tokens: list[tuple[str, ...]]) -> None:
    assert [form for form, count in Counter(tokens).items() if count > 1] == []


def test_train_has_every_token(entries: list[SourceFormula], tokens: list[tuple[str, ...]]) -> None:
    known = {t for e, form in zip(entries, tokens, strict=True) if e.split == "train" for t in form}
    assert {t for form in tokens for t in form} - known == set()


def test_lengths_suit_a_small_model(tokens: list[tuple[str, ...]]) -> None:
    lengths = [len(form) for form in tokens]
    assert 12 <= median(lengths) <= 20
    assert max(lengths) <= 60


@pytest.mark.parametrize(
    "part",
    [r"\int", r"\begin{pmatrix}", r"\begin{cases}", r"\begin{aligned}", r"\binom", r"\hbar",
     r"\forall", r"\pmod", r"\angle", r"\frac"],
)  # fmt: skip
def test_every_field_is_there(entries: list[SourceFormula], part: str) -> None:
    assert any(part in entry.formula for entry in entries)
