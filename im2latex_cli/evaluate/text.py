"""Formulas scored as sequences of tokens, corpus by corpus; and as other projects score them.

Definitions: BLEU-4 as multi-bleu.perl (Papineni et al. 2002: clipped n-gram matches, geometric
mean, brevity penalty on the totals of the corpus) and as nltk, from one table of counts; edit
similarity 1 - sum(Levenshtein) / sum(longer length), over all pairs; exact match of whole
sequences. The two kinds of BLEU differ only in short hypotheses: nltk counts one n-gram for a
hypothesis that is too short to have any. A missing hypothesis (None) counts as an empty one, except
in the variant that skips it and says so.

`style_scores` works on compact LaTeX, characters and not tokens. pix2tex: mean of character edits
over the truth's length. UniMERNet: mean of character edits over the longer length, and corpus
BLEU-4 on the words of mteval-v13a.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from im2latex_cli.errors import UsageError
from im2latex_cli.evaluate import intervals
from im2latex_cli.evaluate.forms import FORMS, Example, Form, tokens_in
from im2latex_cli.evaluate.intervals import Figure, Sums
from im2latex_cli.latex.tokenizer import tokenize
from im2latex_cli.results import Score

ORDER = 4
WIDTH = 3 * ORDER + 2
"""Columns of one row: matches 1..4, n-grams 1..4, nltk's n-grams 1..4, both lengths."""

_WORDS = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
"""Where mteval-v13a (NIST 2009) puts blanks: around symbols, and around . , - beside no digit."""


def bleu_statistics(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> list[int]:
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


Tokens = Sequence[str]

UNKNOWN = frozenset({"<unk>", "[UNK]", "_UNK"})
"""Names of the unknown token; one never matches anything, another unknown token included."""

_EXTRA = ("edit", "longest", "exact", "rows", "present_edit", "present_longest")
_AT = {name: WIDTH + place for place, name in enumerate(_EXTRA)}


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
    "bleu4": multi_bleu,
    "edit_similarity": lambda sums: intervals.similarity(
        _column(sums, "edit"), _column(sums, "longest")
    ),
    "exact_match": lambda sums: intervals.share(_column(sums, "exact"), _column(sums, "rows")),
    "bleu4_nltk": nltk_bleu,
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
    return np.array(rows, dtype=np.int64).reshape(len(rows), WIDTH + len(_EXTRA))


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
        *bleu_statistics(left, right),
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


def text_scores(
    references: Sequence[str],
    predictions: Sequence[str | None],
    *,
    form: Form = "normalised",
    seed: int = 0,
) -> TextScores:
    r"""Score formulas against references, pair by pair.

    >>> from im2latex_cli import text_scores
    >>> scores = text_scores([r"x^2", r"\frac12"], [r"x^{2}", r"\frac{1}{3}"])
    >>> float(scores.exact_match)
    50.0

    Args:
        references: the true formulas, in LaTeX.
        predictions: the formulas read; None for no result, which counts as an empty formula.
        form: the form to compare: `"raw"` tokens, im2markup's normal form (`"im2markup"`), or that
            of `normalize`, with spacing commands (`"normalised"`) or without
            (`"normalised_no_spacing"`).
        seed: of the bootstrap that gives the intervals.

    Returns:
        Figures in percent with 95 % intervals.

    Raises:
        UsageError: there are not as many predictions as references, or none, or the form is
            unknown.
    """
    if len(references) != len(predictions) or not references:
        raise UsageError(
            f"There are {len(references)} references and {len(predictions)} predictions.",
            hint="Give as many of one as of the other, and at least one.",
        )
    if form not in FORMS:
        raise UsageError(f"form={form!r} is unknown.", hint=f"Use {', '.join(FORMS)}.")
    pairs = [
        Example(
            id=str(number),
            reference=reference,
            hypothesis=prediction,
            reference_tokens=tuple(tokenize(reference)),
            hypothesis_tokens=None if prediction is None else tuple(tokenize(prediction)),
        )
        for number, (reference, prediction) in enumerate(zip(references, predictions, strict=True))
    ]
    return score(*tokens_in(form, pairs), seed=seed)


@dataclass(frozen=True, slots=True)
class StyleScores:
    """Figures in percent; the first three are errors, lower is better.

    Attributes:
        character_error_rate: all character edits over all reference characters.
        pix2tex_edit_distance: mean over formulas of edits over the reference's length.
        unimernet_edit_distance: mean over formulas of edits over the longer length.
        unimernet_bleu: corpus BLEU-4 on the words of mteval-v13a.
    """

    character_error_rate: float
    pix2tex_edit_distance: float
    unimernet_edit_distance: float
    unimernet_bleu: float


def style_scores(references: Sequence[str], hypotheses: Sequence[str | None]) -> StyleScores:
    """Score compact LaTeX, pair by pair; a missing hypothesis is an empty one."""
    pairs = [(left, right or "") for left, right in zip(references, hypotheses, strict=True)]
    if not pairs:
        return StyleScores(0.0, 0.0, 0.0, 0.0)
    edits = np.array([Levenshtein.distance(left, right) for left, right in pairs], np.float64)
    truth = np.array([len(left) for left, _ in pairs], np.float64)
    longest = np.array([max(map(len, pair)) for pair in pairs], np.float64)
    counts = np.array(
        [bleu_statistics(mteval_words(left), mteval_words(right)) for left, right in pairs]
    )
    total = counts.sum(axis=0, keepdims=True).astype(np.float64)
    return StyleScores(
        character_error_rate=float(100 * edits.sum() / max(truth.sum(), 1)),
        pix2tex_edit_distance=float(100 * (edits / np.maximum(truth, 1)).mean()),
        unimernet_edit_distance=float(100 * (edits / np.maximum(longest, 1)).mean()),
        unimernet_bleu=float(multi_bleu(total)[0]),
    )


def mteval_words(formula: str) -> list[str]:
    """Cut a formula into words as mteval-v13a does."""
    line = f" {formula} "
    for pattern, spaced in _WORDS:
        line = pattern.sub(spaced, line)
    return line.split()
