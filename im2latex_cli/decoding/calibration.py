"""How sure a hypothesis is, from its score, as a number that means what it says.

The geometric mean of the tokens' probabilities is the plain measure. Fitted on pictures whose
formula is known, a logistic regression turns the score into the probability that the whole
formula is right (Platt 1999), and the expected calibration error (Guo et al. 2017) tells how far
the claimed and the true share of right formulas are apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

RIDGE = 1e-2
"""Keeps the fit finite where scores separate right from wrong completely."""
BINS = 10


def geometric_mean(score: float, tokens: int) -> float:
    """Mean probability of a token, 0 to 1.

    Args:
        score: summed natural log-probability.
        tokens: how many tokens it sums over, the end included.
    """
    return math.exp(min(0.0, score / max(1, tokens)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability that a hypothesis is right: a logistic function of its score and its length.

    A short formula has a low score if its size is in doubt, and may be right all the same; a long
    one has many tokens to share a low score. So the length shifts the logit, and a better score
    never lowers it.

    Attributes:
        bias: of the logit.
        total: weight of the summed log-probability.
        mean: weight of the log-probability per token, of models before version 0.6.
        inverse: weight of one over the number of tokens.
        log: weight of the logarithm of the number of tokens.
    """

    bias: float
    total: float
    mean: float = 0.0
    inverse: float = 0.0
    log: float = 0.0

    def __call__(self, score: float, tokens: int) -> float:
        """Confidence from 0 to 1; arguments as `geometric_mean` takes them."""
        count = max(1, tokens)
        logit = self.bias + (self.total + self.mean / count) * score
        logit += self.inverse / count + self.log * math.log(count)
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))

    @classmethod
    def fit(
        cls, scores: Sequence[float], tokens: Sequence[int], right: Sequence[bool]
    ) -> Self | None:
        """Fit to hypotheses of which it is known whether they are right.

        Returns:
            None where nothing can be learned: all are right or all are wrong.
        """
        truth = np.asarray(right, np.float64)
        if not 0 < truth.sum() < len(truth):
            return None
        total = np.asarray(scores, np.float64)
        count = np.maximum(1, np.asarray(tokens))
        columns = [np.ones_like(total), total, 1 / count, np.log(count)]
        bias, of_total, inverse, log = _regress(np.stack(columns, axis=1), truth).tolist()
        return cls(bias, of_total, inverse=inverse, log=log)

    def to_json(self) -> dict[str, float]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From `to_json`'s object; that of an older model has no weights of the length."""
        weights = {name: float(value[name]) for name in ("bias", "total", "mean")}
        return cls(**weights, **{name: float(value.get(name, 0)) for name in ("inverse", "log")})


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error over ten bins of equal width, 0 to 1; 0 without hypotheses."""
    claimed, truth = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    bins = np.minimum((claimed * BINS).astype(np.int64), BINS - 1)
    gaps = [abs(float((claimed - truth)[bins == one].sum())) for one in range(BINS)]
    return sum(gaps) / max(1, len(claimed))


def _regress(inputs: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic regression with a small ridge, by Newton's method on standardised inputs."""
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
    centre[0], spread = 0.0, np.where(spread > 0, spread, 1.0)
    scaled = (inputs - centre) / spread
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-np.clip(scaled @ weights, -50, 50)))
        slope = scaled.T @ (truth - guess) - RIDGE * weights
        curve = (scaled * (guess * (1 - guess))[:, None]).T @ scaled + RIDGE * np.eye(len(weights))
        move = np.linalg.solve(curve, slope)
        weights = weights + np.clip(move, -4, 4)
        if np.abs(move).max() < 1e-8:
            break
    plain: NDArray[np.float64] = weights / spread
    plain[0] -= float((plain * centre).sum())
    return plain
