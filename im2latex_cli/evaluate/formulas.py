"""Formulas in LaTeX scored against each other."""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.errors import UsageError
from im2latex_cli.evaluate import text
from im2latex_cli.evaluate.forms import FORMS, Example, Form, tokens_in
from im2latex_cli.evaluate.text import TextScores
from im2latex_cli.latex.tokenizer import tokenize


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
    return text.score(*tokens_in(form, pairs), seed=seed)
