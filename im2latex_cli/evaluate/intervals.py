"""95 % bootstrap intervals from per-pair statistics, without scoring anything twice.

Every corpus figure here is a function of sums over pairs, so a resampled corpus is a weighted sum
of rows (Koehn 2004, "Statistical significance tests for machine translation evaluation"). Two
systems are scored on the same resampled corpora, so that what makes a corpus easy or hard for both
cancels out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]
Figure = Callable[[Sums], NDArray[np.float64]]

ROUNDS = 1000
LEVEL = 0.95
_CELLS = 4_000_000  # row draws held in memory at once


def resample(statistics: NDArray[np.int64] | Sums, *, seed: int, rounds: int = ROUNDS) -> Sums:
    """Sums of `rounds` corpora drawn with replacement.

    The same seed and number of rows draw the same corpora, so that two systems scored on the
    same pairs are compared pair by pair.

    Args:
        statistics: per pair, `(N, K)`.
        seed: of the draws.
        rounds: number of corpora.

    Returns:
        Column sums, `(rounds, K)`.
    """
    rows = len(statistics)
    generator = np.random.default_rng(seed)
    values = statistics.astype(np.float64)
    sums = np.zeros((rounds, values.shape[1]))
    at_once = max(1, _CELLS // max(rows, 1))
    for first in range(0, rounds if rows else 0, at_once):
        count = min(at_once, rounds - first)
        draws = generator.integers(0, rows, size=(count, rows), dtype=np.int64)
        draws += np.arange(count, dtype=np.int64)[:, None] * rows
        weights = np.bincount(draws.ravel(), minlength=count * rows).reshape(count, rows)
        sums[first : first + count] = weights.astype(np.float64) @ values
    return sums


def percentile(values: NDArray[np.float64]) -> tuple[float, float]:
    """The central 95 % of resampled values."""
    tail = (1 - LEVEL) / 2 * 100
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def share(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Sums:
    """Percent; 0 if the denominator is 0."""
    return np.divide(
        100.0 * numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0
    )


def similarity(distance: NDArray[np.float64], longest: NDArray[np.float64]) -> Sums:
    """100 · (1 - sum of distances / sum of the longer lengths); 100 if everything is empty."""
    return np.where(longest > 0, 100.0 - share(distance, longest), 100.0)


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both systems, in percent.

    Attributes:
        figure: its name.
        a, b: of the first and of the second system.
        difference: b - a.
        difference_interval: 95 %, low and high.
        resampled_b_better: percent of resampled corpora on which the second system is better;
            a tie is half.
    """

    figure: str
    a: float
    b: float
    difference: float
    difference_interval: tuple[float, float]
    resampled_b_better: float


def compare(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    figures: Mapping[str, Figure],
    *,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> tuple[Difference, ...]:
    """Compare two tables of per-pair statistics, row by row of the same pairs.

    Raises:
        ValueError: the tables differ in shape, or are empty.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError("two tables over the same pairs are needed")
    resamples = [resample(table, seed=seed, rounds=rounds) for table in (first, second)]
    total = [table.sum(axis=0, keepdims=True).astype(np.float64) for table in (first, second)]
    return tuple(_difference(name, figure, total, resamples) for name, figure in figures.items())


def _difference(
    name: str,
    figure: Figure,
    total: list[NDArray[np.float64]],
    resamples: list[NDArray[np.float64]],
) -> Difference:
    a, b = (float(figure(sums)[0]) for sums in total)
    differences = figure(resamples[1]) - figure(resamples[0])
    better = (differences > 0).mean() + (differences == 0).mean() / 2
    return Difference(
        figure=name,
        a=a,
        b=b,
        difference=b - a,
        difference_interval=percentile(differences),
        resampled_b_better=float(100 * better),
    )
