from __future__ import annotations

import math

import numpy as np
import pytest

from im2latex_cli.decoding.calibration import Calibration, calibration_error, geometric_mean


def simulated(count: int, *, seed: int) -> tuple[list[float], list[int], list[bool]]:
    """Scores of an overconfident network: the truth is right far less often than exp(score)."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(2, 60, count)
    scores = -rng.gamma(1.0, 0.02 * tokens)
    probability = 1 / (1 + np.exp(-(1.0 + 2.5 * scores)))
    return scores.tolist(), tokens.tolist(), (rng.random(count) < probability).tolist()


def test_the_mean_is_geometric():
    assert geometric_mean(math.log(0.5) + math.log(0.8), 2) == pytest.approx(math.sqrt(0.4))
    assert geometric_mean(0.0, 0) == 1.0


def test_a_fit_makes_confidence_honest_on_other_pictures():
    fitted = Calibration.fit(*simulated(2000, seed=1))
    scores, tokens, right = simulated(2000, seed=2)
    plain = [geometric_mean(*one) for one in zip(scores, tokens, strict=True)]
    honest = [fitted(*one) for one in zip(scores, tokens, strict=True)]
    assert calibration_error(plain, right) > 0.15
    assert calibration_error(honest, right) < 0.05


def test_short_formulas_with_low_scores_are_honest():
    rng = np.random.default_rng(5)
    tokens = rng.choice([2, 3, 30, 60], 8000)
    short = tokens < 10
    scores = -rng.gamma(1.0, np.where(short, 1.5, 2.0))
    right = rng.random(len(tokens)) < 1 / (1 + np.exp(-(np.where(short, 4.0, 1.5) + scores)))
    fitted = Calibration.fit(scores[::2].tolist(), tokens[::2].tolist(), right[::2].tolist())
    for group in (short, ~short):
        rows = [int(row) for row in np.flatnonzero(group) if row % 2]
        claimed = [fitted(float(scores[row]), int(tokens[row])) for row in rows]
        assert calibration_error(claimed, [bool(right[row]) for row in rows]) < 0.04


def test_better_scores_give_more_confidence():
    fitted = Calibration.fit(*simulated(500, seed=3))
    confidences = [fitted(score, 20) for score in (-9.0, -3.0, -0.5, -0.01)]
    assert confidences == sorted(confidences)
    assert all(0 < one < 1 for one in confidences)


def test_scores_that_separate_right_from_wrong_keep_the_fit_finite():
    fitted = Calibration.fit([-0.1, -0.2, -8.0, -9.0], [5, 5, 5, 5], [True, True, False, False])
    assert fitted(-0.15, 5) > 0.8
    assert fitted(-8.5, 5) < 0.2


@pytest.mark.parametrize("right", [[True, True], [False, False], []])
def test_nothing_is_learned_from_one_outcome(right):
    assert Calibration.fit([-1.0] * len(right), [3] * len(right), right) is None


def test_json_keeps_the_calibration():
    fitted = Calibration.fit(*simulated(300, seed=4))
    assert Calibration.from_json(fitted.to_json()) == fitted


def test_a_calibration_of_an_older_model_is_read():
    old = Calibration.from_json({"bias": 0.3, "total": 0.1, "mean": 2.0})
    assert old == Calibration(0.3, 0.1, 2.0)
    assert old(-1.0, 4) == pytest.approx(1 / (1 + math.exp(-(0.3 - 0.1 - 0.5))))


def test_the_calibration_error_is_the_gap_of_claim_and_truth():
    assert calibration_error([0.9] * 10, [True] * 9 + [False]) == pytest.approx(0.0)
    assert calibration_error([0.9] * 10, [False] * 10) == pytest.approx(0.9)
    assert calibration_error([1.0, 0.0], [False, True]) == pytest.approx(1.0)
    assert calibration_error([], []) == 0.0
