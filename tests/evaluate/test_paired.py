"""The paired bootstrap: the same draws for both systems."""

from __future__ import annotations

import random

import numpy as np
import pytest

from im2latex_cli.evaluate import intervals, text


def table(outcomes: list[bool]) -> np.ndarray:
    return np.array([[outcome, 1] for outcome in outcomes], dtype=np.int64)


EXACT = {"exact": lambda sums: intervals.share(sums[:, 0], sums[:, 1])}


def test_a_system_against_itself():
    draw = random.Random(1)
    rows = table([draw.random() < 0.4 for _ in range(200)])
    (found,) = intervals.compare(rows, rows, EXACT)
    assert (found.difference, found.difference_interval, found.resampled_b_better) == (
        0.0,
        (0.0, 0.0),
        50.0,
    )


def test_a_steady_small_gain_is_sure_because_the_draws_are_paired():
    draw = random.Random(2)
    first = [draw.random() < 0.5 for _ in range(400)]
    second = [value or number % 20 == 0 for number, value in enumerate(first)]
    (found,) = intervals.compare(table(first), table(second), EXACT)
    low, high = found.difference_interval
    assert found.b - found.a == found.difference
    assert 0 < low < found.difference < high < 6  # alone, each interval is 10 points wide
    assert found.resampled_b_better > 99


def test_it_is_antisymmetric():
    references = [["a", "b", "c", "d", str(number)] for number in range(60)]
    left = [row if number % 3 else ["a"] for number, row in enumerate(references)]
    right = [row if number % 4 else ["a", "b"] for number, row in enumerate(references)]
    tables = [text.statistics(references, side) for side in (left, right)]
    forth = intervals.compare(*tables, text.FIGURES)
    back = intervals.compare(*reversed(tables), text.FIGURES)
    for there, here in zip(forth, back, strict=True):
        assert there.difference == pytest.approx(-here.difference)
        assert there.difference_interval[0] == pytest.approx(-here.difference_interval[1])
        assert there.resampled_b_better == pytest.approx(100 - here.resampled_b_better)


def test_tables_over_other_pairs_are_refused():
    with pytest.raises(ValueError, match="same pairs"):
        intervals.compare(table([True]), table([True, False]), EXACT)
