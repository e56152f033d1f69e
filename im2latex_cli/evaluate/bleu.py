"""Corpus BLEU-4 as multi-bleu.perl computes it, and as nltk does, from one table of counts.

Papineni et al. 2002: clipped n-gram matches over n-grams, geometric mean, brevity penalty on
the totals of the corpus. The two differ only in short hypotheses: nltk counts one n-gram for
a hypothesis that is too short to have any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

ORDER = 4
WIDTH = 3 * ORDER + 2
"""Columns of one row: matches 1..4, n-grams 1..4, nltk's n-grams 1..4, both lengths."""


def statistics(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> list[int]:
    """Counts of one pair, `WIDTH` numbers that add up over a corpus."""
    matches, totals = [], []
    for order in range(1, ORDER + 1):
        ngrams, reference_ngrams = _ngrams(hypothesis, order), _ngrams(reference, order)
        matches.append(sum(min(count, reference_ngrams[gram]) for gram, count in ngrams.items()))
        totals.append(max(len(hypothesis) - order + 1, 0))
    floors = [max(total, 1) for total in totals]
    return [*matches, *totals, *floors, len(hypothesis), len(reference)]


def _ngrams(tokens: Sequence[Hashable], order: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(order)), strict=False))


def multi_bleu(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU-4 in percent of each row of sums, `(R, WIDTH)` to `(R,)`, as multi-bleu.perl.

    No smoothing: an order without a match, or without an n-gram, makes the whole figure 0.
    """
    return _bleu(sums, sums[:, ORDER : 2 * ORDER])


def nltk_bleu(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU-4 in percent as `nltk.translate.bleu_score.corpus_bleu` without smoothing."""
    return _bleu(sums, sums[:, 2 * ORDER : 3 * ORDER])


def _bleu(sums: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    matches = sums[:, :ORDER]
    hypothesis, reference = sums[:, WIDTH - 2], sums[:, WIDTH - 1]
    defined: NDArray[np.bool_] = np.all(matches > 0, axis=1)
    ratios = np.divide(
        matches, totals, out=np.ones_like(matches), where=np.reshape(defined, (-1, 1))
    )
    ratio = np.divide(reference, hypothesis, out=np.ones_like(reference), where=hypothesis > 0)
    brevity = np.exp(np.minimum(0.0, 1.0 - ratio))
    mean = np.exp(np.log(ratios).mean(axis=1))
    return np.asarray(np.where(defined, 100.0 * brevity * mean, 0.0))
