"""Rendered formulas scored as pictures: column by column, and by the places of their symbols.

Definitions: image edit similarity 1 - sum(d) / sum(wider width) with exact Levenshtein d over
columns; exact match d = 0; the tolerant match of the Harvard evaluation (two columns are one symbol
within 5 pixels, at most 4 reference columns in a row may be replaced or deleted, inserted ink is
forgiven) and the strict match that forgives no insertion of 5 columns either.

Character detection matching (CDM) is after UniMERNet (Wang et al. 2024), on the glyphs that our
renderers report instead of boxes found by colour: symbols of both pages are assigned to each other
by identity, place and order; assignments that no common shift and scale explains, or whose symbols
differ, are dropped; the F1 of the rest is the pair's score. A symbol is a glyph of a font family,
whatever its size; rules are no symbols. Figures are near those of the original program, not equal
to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.evaluate import columns, intervals
from im2latex_cli.evaluate.columns import Columns, Grey
from im2latex_cli.evaluate.intervals import Figure, Sums
from im2latex_cli.results import Score

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


def score_symbols(reference: Symbols, hypothesis: Symbols | None) -> float:
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
    left, right = (side.boxes / np.tile(side.size, 2) for side in (reference, hypothesis))
    distances: NDArray[np.float64] = np.abs(left[:, None] - right[None]).mean(axis=2)
    return distances


def _order(rows: int, columns: int) -> NDArray[np.float64]:
    left, right = np.arange(rows) / max(rows, 1), np.arange(columns) / max(columns, 1)
    return np.abs(left[:, None] - right[None])


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
    projected = left[None] * scale[:, None] + (target - scale * middle)[:, None]
    inside = np.linalg.norm(projected - right[None], axis=2) <= RESIDUAL
    best: NDArray[np.bool_] = inside[inside.sum(axis=1).argmax()]
    return best


@dataclass(frozen=True, slots=True)
class CdmScores:
    """CDM, the mean F1, and ExpRate, the share of pairs with an F1 of 1; in percent."""

    cdm: float
    exprate: float


def summarize_symbols(scores: Sequence[float]) -> CdmScores:
    """The figures of pairs already scored."""
    if not scores:
        return CdmScores(0.0, 0.0)
    values = np.round(np.array(scores, np.float64), 3)
    return CdmScores(float(100 * values.mean()), float(100 * (values == 1).mean()))


@dataclass(frozen=True, slots=True)
class PairScore:
    """One reference page against one hypothesis page.

    Attributes:
        edit: Levenshtein distance over columns.
        width: the wider page's columns.
        exact: no column differs.
        exact_without_blank: no column differs once columns without ink are gone.
        tolerant, tolerant_without_blank: Harvard's match rule.
        strict, strict_without_blank: that rule, insertions counted.
    """

    edit: int
    width: int
    exact: bool
    exact_without_blank: bool
    tolerant: bool
    tolerant_without_blank: bool
    strict: bool
    strict_without_blank: bool

    @property
    def similarity(self) -> float:
        """Edit similarity of this pair alone, in percent."""
        return 100.0 * (1 - self.edit / self.width) if self.width else 100.0


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Figures in percent, each with its 95 % bootstrap interval.

    Attributes:
        pairs: reference pages scored.
        missing: of these, pairs without a hypothesis page; each counts in full.
        skipped: pairs without a reference page; not scored.
        edit_similarity: over columns.
        exact_match: pages with equal columns.
        exact_match_without_blank: pages with equal columns, those without ink left out.
        match_tolerant, match_tolerant_without_blank: Harvard's rule.
        match_strict, match_strict_without_blank: the rule that also counts inserted ink.
    """

    pairs: int
    missing: int
    skipped: int
    edit_similarity: Score
    exact_match: Score
    exact_match_without_blank: Score
    match_tolerant: Score
    match_tolerant_without_blank: Score
    match_strict: Score
    match_strict_without_blank: Score


def score_pair(reference: Columns, hypothesis: Columns | None, *, match: bool = True) -> PairScore:
    """Score one pair of pages.

    Args:
        reference: the page's columns.
        hypothesis: the other page's; None costs the reference's width and matches nothing.
        match: apply the tolerant rules; without them every verdict is that of `exact`.
    """
    if hypothesis is None:
        return PairScore(len(reference), len(reference), *([False] * 6))
    edit = columns.distance(reference, hypothesis)
    width = max(len(reference), len(hypothesis))
    if edit == 0:
        return PairScore(edit, width, *([True] * 6))
    if not match:
        return PairScore(edit, width, *([False] * 6))
    tolerant, strict = _matches(reference, hypothesis)
    bare_left, bare_right = reference.without_blank(), hypothesis.without_blank()
    bare_tolerant, bare_strict = _matches(bare_left, bare_right)
    return PairScore(
        edit=edit,
        width=width,
        exact=False,
        exact_without_blank=columns.distance(bare_left, bare_right) == 0,
        tolerant=tolerant,
        tolerant_without_blank=bare_tolerant,
        strict=strict,
        strict_without_blank=bare_strict,
    )


def _matches(left: Columns, right: Columns) -> tuple[bool, bool]:
    """Tolerant and strict match; two empty sides match, one empty side matches nothing."""
    if not len(left) or not len(right):
        both = len(left) == len(right)
        return both, both
    return columns.matches(*columns.cluster(left, right))


def score(
    references: Sequence[Grey | None],
    hypotheses: Sequence[Grey | None],
    *,
    seed: int = 0,
    rounds: int = intervals.ROUNDS,
) -> ImageScores:
    """Score pages pair by pair in order.

    Args:
        references: grey pages `(H, W)`; None if the reference does not render.
        hypotheses: grey pages; None if there is no hypothesis or it does not render.
        seed: of the bootstrap.
        rounds: of the bootstrap.
    """
    pairs = zip(references, hypotheses, strict=True)
    results = [
        (score_pair(Columns.of(left), None if right is None else Columns.of(right)), right is None)
        for left, right in pairs
        if left is not None
    ]
    return summarize(
        [pair for pair, _ in results],
        missing=sum(missing for _, missing in results),
        skipped=len(references) - len(results),
        seed=seed,
        rounds=rounds,
    )


def summarize(
    pairs: Iterable[PairScore],
    *,
    missing: int = 0,
    skipped: int = 0,
    seed: int = 0,
    rounds: int = intervals.ROUNDS,
) -> ImageScores:
    """Figures and intervals of pairs already scored."""
    table = statistics(pairs)
    total = table.sum(axis=0, keepdims=True).astype(np.float64)
    resamples = intervals.resample(table, seed=seed, rounds=rounds)
    scores = {
        name: Score(float(figure(total)[0]), *intervals.percentile(figure(resamples)))
        if len(table)
        else Score(0.0, 0.0, 0.0)
        for name, figure in FIGURES.items()
    }
    return ImageScores(pairs=len(table), missing=missing, skipped=skipped, **scores)


def statistics(pairs: Iterable[PairScore]) -> NDArray[np.int64]:
    """One row a pair, `(N, K)`, that adds up over pairs."""
    rows = [
        [
            pair.edit,
            pair.width,
            1,
            pair.exact,
            pair.exact_without_blank,
            pair.tolerant,
            pair.tolerant_without_blank,
            pair.strict,
            pair.strict_without_blank,
        ]
        for pair in pairs
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), 9)


def _share_of(column: int) -> Figure:
    def figure(sums: Sums) -> Sums:
        return intervals.share(sums[:, column], sums[:, 2])

    return figure


FIGURES: dict[str, Figure] = {
    "edit_similarity": lambda sums: intervals.similarity(sums[:, 0], sums[:, 1]),
    "exact_match": _share_of(3),
    "exact_match_without_blank": _share_of(4),
    "match_tolerant": _share_of(5),
    "match_tolerant_without_blank": _share_of(6),
    "match_strict": _share_of(7),
    "match_strict_without_blank": _share_of(8),
}
"""Each figure as a function of sums of `statistics`, `(R, K)` to `(R,)`."""
