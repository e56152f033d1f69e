"""Rendered formulas scored as pictures, column by column.

Definitions: image edit similarity 1 - sum(d) / sum(wider width) with exact Levenshtein d over
columns; exact match d = 0; the tolerant match of the Harvard evaluation (two columns are one
symbol within 5 pixels, at most 4 reference columns in a row may be replaced or deleted,
inserted ink is forgiven) and the strict match that forgives no insertion of 5 columns either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.evaluate import columns, intervals
from im2latex_cli.evaluate.columns import Columns, Grey
from im2latex_cli.evaluate.intervals import Figure, Sums
from im2latex_cli.results import Score


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
    scored = [
        (score_pair(Columns.of(left), None if right is None else Columns.of(right)), right is None)
        for left, right in pairs
        if left is not None
    ]
    return summarize(
        [pair for pair, _ in scored],
        missing=sum(missing for _, missing in scored),
        skipped=len(references) - len(scored),
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
