"""Character detection matching: are the right symbols in the right places?

After UniMERNet's CDM (Wang et al. 2024), on the glyphs that our renderers report instead of boxes
found by colour: symbols of both pages are assigned to each other by identity, place and order;
assignments that no common shift and scale explains, or whose symbols differ, are dropped; the F1
of the rest is the pair's score. A symbol is a glyph of a font family, whatever its size; rules
are no symbols. Figures are near those of the original program, not equal to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLACE_WEIGHT = 0.05
ORDER_WEIGHT = 0.15
RESIDUAL = 20.0
"""Pixels by which a symbol may deviate from the common shift and scale."""
TRIALS = 50
ROUNDS = 5
FEWEST = 3
"""With fewer assignments than this no shift and scale is looked for."""

_SIZE = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of one page, in the order of painting.

    Attributes:
        names: identities, N.
        boxes: left, top, right, bottom in pixels, `(N, 4)`.
        size: width and height of the page.
    """

    names: tuple[str, ...]
    boxes: NDArray[np.float64]
    size: tuple[int, int]

    @classmethod
    def of(
        cls, glyphs: Iterable[tuple[str, int, float, float, float, float]], shape: tuple[int, ...]
    ) -> Symbols:
        """The symbols of glyphs: font, code, centre x and y, width and height.

        Args:
            glyphs: in the order of painting.
            shape: height and width of the page.
        """
        rows = list(glyphs)
        boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for _, _, x, y, w, h in rows]
        return cls(
            names=tuple(f"{_SIZE.sub('', font)} {code}" for font, code, *_ in rows),
            boxes=np.array(boxes, dtype=np.float64).reshape(len(rows), 4),
            size=(shape[1], shape[0]),
        )

    def __len__(self) -> int:
        return len(self.names)


def score_pair(reference: Symbols, hypothesis: Symbols | None) -> float:
    """F1 of the matched symbols, 0 to 1; 1 for two pages without symbols."""
    if hypothesis is None:
        return 0.0
    total = len(reference) + len(hypothesis)
    if not total:
        return 1.0
    return 2.0 * count_matches(reference, hypothesis) / total


def count_matches(reference: Symbols, hypothesis: Symbols) -> int:
    """How many symbols of one page have an equal one at the corresponding place of the other."""
    from scipy.optimize import linear_sum_assignment

    if not len(reference) or not len(hypothesis):
        return 0
    other = np.array(
        [[left != right for right in hypothesis.names] for left in reference.names], np.float64
    )
    left, right = linear_sum_assignment(
        other + PLACE_WEIGHT * _places(reference, hypothesis) + ORDER_WEIGHT * _order(*other.shape)
    )
    consistent = _consistent(_centres(reference)[left], _centres(hypothesis)[right])
    return int((consistent & (other[left, right] == 0)).sum())


def _places(reference: Symbols, hypothesis: Symbols) -> NDArray[np.float64]:
    """Mean distance of the boxes' sides, as shares of the pages, `(N, M)`."""
    one, two = (side.boxes / np.tile(side.size, 2) for side in (reference, hypothesis))
    distances: NDArray[np.float64] = np.abs(one[:, None] - two[None]).mean(axis=2)
    return distances


def _order(rows: int, columns: int) -> NDArray[np.float64]:
    one, two = np.arange(rows) / max(rows, 1), np.arange(columns) / max(columns, 1)
    return np.abs(one[:, None] - two[None])


def _centres(side: Symbols) -> NDArray[np.float64]:
    return (side.boxes[:, :2] + side.boxes[:, 2:]) / 2


def _consistent(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which assignments a shift and scale explains; lines of one formula may have their own."""
    consistent = np.zeros(len(left), dtype=np.bool_)
    if len(left) < FEWEST:
        return ~consistent
    random = np.random.default_rng(len(left))
    for _ in range(ROUNDS):
        rest = np.flatnonzero(~consistent)
        if len(rest) < FEWEST:
            break
        inliers = _largest(left[rest], right[rest], random)
        if inliers.sum() < FEWEST:
            break
        consistent[rest[inliers]] = True
    return consistent


def _largest(
    left: NDArray[np.float64], right: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.bool_]:
    """The largest set that the shift and scale of two of its members explains."""
    first = random.integers(0, len(left), TRIALS)
    second = (first + random.integers(1, len(left), TRIALS)) % len(left)
    before = np.linalg.norm(left[second] - left[first], axis=1)
    after = np.linalg.norm(right[second] - right[first], axis=1)
    scale = np.divide(after, before, out=np.ones(TRIALS), where=before > 0)[:, None]
    middle, target = (left[first] + left[second]) / 2, (right[first] + right[second]) / 2
    moved = left[None] * scale[:, None] + (target - scale * middle)[:, None]
    inside = np.linalg.norm(moved - right[None], axis=2) <= RESIDUAL
    best: NDArray[np.bool_] = inside[inside.sum(axis=1).argmax()]
    return best


@dataclass(frozen=True, slots=True)
class CdmScores:
    """CDM, the mean F1, and ExpRate, the share of pairs with an F1 of 1; in percent."""

    cdm: float
    exprate: float


def summarize(scores: Sequence[float]) -> CdmScores:
    """The figures of pairs already scored."""
    if not scores:
        return CdmScores(0.0, 0.0)
    values = np.round(np.array(scores, np.float64), 3)
    return CdmScores(float(100 * values.mean()), float(100 * (values == 1).mean()))
