"""Which warnings a reading deserves, from its picture and its hypotheses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.latex import repetition
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.vision import foreign, layout
from im2latex_cli.vision.content import may_be_formula
from im2latex_cli.vision.ink import Ink

LOW_CONFIDENCE = 0.5
"""Readings of a lower confidence are more often wrong than right."""


def check(
    ink: Ink, hypotheses: Sequence[Hypothesis], *, number_cut: bool = False
) -> tuple[tuple[Hypothesis, ...], tuple[ReadingWarning, ...]]:
    """Look for what is doubtful in a reading; cut the best hypothesis if it repeats itself.

    Args:
        ink: of the picture as the network saw it.
        hypotheses: best first.
        number_cut: an equation number was cut off before.

    Returns:
        The hypotheses, and the warnings in the order of `ReadingWarning`.
    """
    if not hypotheses:
        return (), ()
    best, *others = hypotheses
    unrepeated = repetition.cut(best.tokens, full=best.truncated)
    present = {
        ReadingWarning.NUMBER_CUT: number_cut,
        ReadingWarning.LOW_CONFIDENCE: best.confidence < LOW_CONFIDENCE,
        ReadingWarning.REPETITION_CUT: unrepeated is not None,
        ReadingWarning.TRUNCATED: best.truncated and unrepeated is None,
    }
    if unrepeated is not None:
        best = replace(best, latex=join(unrepeated), tokens=unrepeated, token_scores=())
    warnings = (*_of_picture(ink), *(name for name, holds in present.items() if holds))
    return (best, *others), warnings


def _of_picture(ink: Ink) -> Iterator[ReadingWarning]:
    """What the ink alone says; if it is no formula at all, most of it says nothing."""
    formula = may_be_formula(ink)
    found = layout.examine(ink)
    if not formula:
        yield ReadingWarning.NOT_A_FORMULA
    if found.words:
        yield ReadingWarning.TEXT_AROUND
    if formula and found.formulas:
        yield ReadingWarning.SEVERAL_FORMULAS
    if formula and foreign.is_foreign(ink):
        yield ReadingWarning.OUT_OF_VOCABULARY
