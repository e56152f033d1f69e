"""Figures as other projects compute them on whole formulas, for comparable tables.

All work on compact LaTeX, characters and not tokens. pix2tex: mean of character edits over the
truth's length. UniMERNet: mean of character edits over the longer length, and corpus BLEU-4 on
the words of mteval-v13a.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from im2latex_cli.evaluate import text

_WORDS = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
"""Where mteval-v13a (NIST 2009) puts blanks: around symbols, and around . , - beside no digit."""


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


def score(references: Sequence[str], hypotheses: Sequence[str | None]) -> StyleScores:
    """Score compact LaTeX, pair by pair; a missing hypothesis is an empty one."""
    pairs = [(left, right or "") for left, right in zip(references, hypotheses, strict=True)]
    if not pairs:
        return StyleScores(0.0, 0.0, 0.0, 0.0)
    edits = np.array([Levenshtein.distance(left, right) for left, right in pairs], np.float64)
    truth = np.array([len(left) for left, _ in pairs], np.float64)
    longest = np.array([max(map(len, pair)) for pair in pairs], np.float64)
    counts = np.array([text.bleu_statistics(words(left), words(right)) for left, right in pairs])
    total = counts.sum(axis=0, keepdims=True).astype(np.float64)
    return StyleScores(
        character_error_rate=float(100 * edits.sum() / max(truth.sum(), 1)),
        pix2tex_edit_distance=float(100 * (edits / np.maximum(truth, 1)).mean()),
        unimernet_edit_distance=float(100 * (edits / np.maximum(longest, 1)).mean()),
        unimernet_bleu=float(text.multi_bleu(total)[0]),
    )


def words(formula: str) -> list[str]:
    """Cut a formula into words as mteval-v13a does."""
    line = f" {formula} "
    for pattern, spaced in _WORDS:
        line = pattern.sub(spaced, line)
    return line.split()
