"""The bootstrap: seeded, centred, and as wide as the theory of a proportion says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from im2latex_cli.evaluate import intervals, text


def test_resampled_sums_are_sums_of_drawn_rows():
    table = np.array([[1, 10], [2, 20], [4, 40]], dtype=np.int64)
    sums = intervals.resample(table, seed=3, rounds=500)
    assert sums.shape == (500, 2)
    assert (sums[:, 1] == 10 * sums[:, 0]).all()
    assert sums[:, 0].min() >= 3
    assert sums[:, 0].max() <= 12
    assert len(set(sums[:, 0])) > 3


def test_rounds_drawn_in_blocks_stay_corpora_of_the_same_size():
    table = np.ones((5000, 1), dtype=np.int64)
    assert (intervals.resample(table, seed=0, rounds=1000) == 5000).all()


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly():
    table = np.array([[index % 3 == 0, 1] for index in range(400)], dtype=np.int64)

    def interval(seed: int) -> tuple[float, float]:
        sums = intervals.resample(table, seed=seed)
        return intervals.percentile(intervals.share(sums[:, 0], sums[:, 1]))

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)
    assert interval(1) == pytest.approx(interval(2), abs=1.0)


def test_interval_of_a_proportion_agrees_with_the_normal_one():
    references = [["a", "b", "c", "d", str(number)] for number in range(500)]
    hypotheses = [row if number % 2 else ["z"] * 5 for number, row in enumerate(references)]
    scores = text.score(references, hypotheses)
    half = 1.96 * math.sqrt(0.25 / 500) * 100
    assert scores.exact_match == 50.0
    low, high = scores.exact_match.interval
    assert low == pytest.approx(50 - half, abs=0.8)
    assert high == pytest.approx(50 + half, abs=0.8)


def test_a_perfect_system_has_an_interval_without_width():
    references = [["a", "b", "c", "d"]] * 20
    assert text.score(references, references).bleu4.interval == pytest.approx((100, 100))
