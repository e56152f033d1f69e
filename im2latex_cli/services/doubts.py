"""What a person should look at: names of doubts about one reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.latex import repetition
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.vision import foreign, layout
from im2latex_cli.vision.content import may_be_formula

LOW_CONFIDENCE = "low-confidence"
NOT_A_FORMULA = "not-a-formula"
NUMBER_CUT = "number-cut"
OUT_OF_VOCABULARY = "out-of-vocabulary"
REPETITION_CUT = "repetition-cut"
SEVERAL_FORMULAS = "several-formulas"
TEXT_AROUND = "text-around"
TRUNCATED = "truncated"

UNSURE = 0.5
"""Readings of a lower confidence are more often wrong than right."""


def doubt(
    picture: NDArray[np.uint8], hypotheses: Sequence[Hypothesis], *, numbered: bool = False
) -> tuple[tuple[Hypothesis, ...], tuple[str, ...]]:
    """Name the doubts about a picture's best hypothesis; cut it where it goes round in circles.

    Args:
        picture: (H, W) as the network saw it, 255 is paper.
        hypotheses: best first.
        numbered: an equation number was cut off before.

    Returns:
        The hypotheses, and the names.
    """
    if not hypotheses:
        return (), ()
    best, *others = hypotheses
    circle = repetition.cut(best.tokens, full=best.truncated)
    found = {
        **_seen(picture),
        NUMBER_CUT: numbered,
        LOW_CONFIDENCE: best.confidence < UNSURE,
        REPETITION_CUT: circle is not None,
        TRUNCATED: best.truncated and circle is None,
    }
    if circle is not None:
        best = replace(best, latex=join(circle), tokens=circle, token_scores=())
    return (best, *others), tuple(name for name, doubtful in found.items() if doubtful)


def _seen(picture: NDArray[np.uint8]) -> dict[str, bool]:
    """What the ink alone says; where it is no formula at all, most of it says nothing."""
    formula = may_be_formula(picture)
    found = layout.examine(picture)
    return {
        NOT_A_FORMULA: not formula,
        TEXT_AROUND: found.words,
        SEVERAL_FORMULAS: formula and found.formulas,
        OUT_OF_VOCABULARY: formula and foreign.is_foreign(picture),
    }
