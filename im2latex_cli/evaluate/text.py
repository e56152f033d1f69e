"""Formulas scored as sequences of tokens, corpus by corpus.

Definitions: BLEU-4 as multi-bleu.perl; edit similarity 1 - sum(Levenshtein) / sum(longer
length), over all pairs; exact match of whole sequences. A missing hypothesis (None) counts
as an empty one, except in the variant that skips it and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from im2latex_cli.evaluate import bleu, intervals
from im2latex_cli.evaluate.intervals import Figure, Sums
from im2latex_cli.results import Score

Tokens = Sequence[str]

UNKNOWN = frozenset({"<unk>", "[UNK]", "_UNK"})
"""Names of the unknown token; one never matches anything, another unknown token included."""

_EXTRA = ("edit", "longest", "exact", "rows", "present_edit", "present_longest")
_AT = {name: bleu.WIDTH + place for place, name in enumerate(_EXTRA)}


@dataclass(frozen=True, slots=True)
class TextScores:
    """Figures in percent, each with its 95 % bootstrap interval.

    Attributes:
        pairs: references scored.
        missing: references without a hypothesis.
        bleu4: corpus BLEU-4 as multi-bleu.perl.
        edit_similarity: on tokens, a missing hypothesis counted in full.
        exact_match: share of equal token sequences.
        bleu4_nltk: corpus BLEU-4 as nltk, the seed's figure.
        edit_similarity_present: the same without the missing ones, as the Harvard script.
    """

    pairs: int
    missing: int
    bleu4: Score
    edit_similarity: Score
    exact_match: Score
    bleu4_nltk: Score
    edit_similarity_present: Score


def _column(sums: Sums, name: str) -> Sums:
    return sums[:, _AT[name]]


FIGURES: Mapping[str, Figure] = {
    "bleu4": bleu.multi_bleu,
    "edit_similarity": lambda sums: intervals.similarity(
        _column(sums, "edit"), _column(sums, "longest")
    ),
    "exact_match": lambda sums: intervals.share(_column(sums, "exact"), _column(sums, "rows")),
    "bleu4_nltk": bleu.nltk_bleu,
    "edit_similarity_present": lambda sums: intervals.similarity(
        _column(sums, "present_edit"), _column(sums, "present_longest")
    ),
}
"""Each figure as a function of sums of `statistics`, `(R, K)` to `(R,)`."""


def score(
    references: Sequence[Tokens],
    hypotheses: Sequence[Tokens | None],
    *,
    seed: int = 0,
    rounds: int = intervals.ROUNDS,
) -> TextScores:
    """Score hypotheses against references, pair by pair in order.

    Args:
        references: tokens of each reference.
        hypotheses: tokens of each hypothesis, or None.
        seed: of the bootstrap.
        rounds: of the bootstrap.
    """
    return summarize(
        statistics(references, hypotheses),
        missing=sum(hypothesis is None for hypothesis in hypotheses),
        seed=seed,
        rounds=rounds,
    )


def summarize(
    table: NDArray[np.int64], *, missing: int, seed: int = 0, rounds: int = intervals.ROUNDS
) -> TextScores:
    """Figures and intervals of a table made by `statistics`."""
    total = table.sum(axis=0, keepdims=True).astype(np.float64)
    resamples = intervals.resample(table, seed=seed, rounds=rounds)
    scores = {
        name: Score(float(figure(total)[0]), *intervals.percentile(figure(resamples)))
        if len(table)
        else Score(0.0, 0.0, 0.0)
        for name, figure in FIGURES.items()
    }
    return TextScores(pairs=len(table), missing=missing, **scores)


def statistics(
    references: Sequence[Tokens], hypotheses: Sequence[Tokens | None]
) -> NDArray[np.int64]:
    """Counts for every figure: one row a pair, `(N, K)`, that adds up over pairs."""
    rows = [
        pair_statistics(reference, hypothesis)
        for reference, hypothesis in zip(references, hypotheses, strict=True)
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), bleu.WIDTH + len(_EXTRA))


def similarities(references: Sequence[Tokens], hypotheses: Sequence[Tokens | None]) -> list[float]:
    """Edit similarity of each pair, in percent."""
    table = statistics(references, hypotheses).astype(np.float64)
    values: list[float] = FIGURES["edit_similarity"](table).tolist()
    return values


def pair_statistics(reference: Tokens, hypothesis: Tokens | None) -> list[int]:
    """One row of `statistics`."""
    tokens = hypothesis or ()
    left, right = number_tokens(reference, tokens)
    edit = Levenshtein.distance(left, right)
    longest = max(len(left), len(right))
    present = hypothesis is not None
    return [
        *bleu.statistics(left, right),
        edit,
        longest,
        int(left == right),
        1,
        edit * present,
        longest * present,
    ]


def number_tokens(reference: Tokens, hypothesis: Tokens) -> tuple[list[int], list[int]]:
    """Both sides as numbers: equal tokens get equal numbers, each unknown token its own."""
    numbers: dict[str, int] = {}
    fresh = count()

    def number(token: str) -> int:
        if token in UNKNOWN:
            return next(fresh)
        if token not in numbers:
            numbers[token] = next(fresh)
        return numbers[token]

    return [number(token) for token in reference], [number(token) for token in hypothesis]
