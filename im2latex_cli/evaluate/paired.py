"""Two systems on the same pairs: the difference of each figure, and how sure it is.

Paired bootstrap (Koehn 2004): both systems are scored on the same resampled corpora, so that
what makes a corpus easy or hard for both cancels out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.evaluate import intervals
from im2latex_cli.evaluate.intervals import Figure


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
    rounds: int = intervals.ROUNDS,
) -> tuple[Difference, ...]:
    """Compare two tables of per-pair statistics, row by row of the same pairs.

    Raises:
        ValueError: the tables differ in shape, or are empty.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError("two tables over the same pairs are needed")
    resamples = [intervals.resample(table, seed=seed, rounds=rounds) for table in (first, second)]
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
        difference_interval=intervals.percentile(differences),
        resampled_b_better=float(100 * better),
    )
