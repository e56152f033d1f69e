"""The results of the two evaluations: their figures, and notes for those who quote them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from im2latex_cli.errors import EXIT_OK
from im2latex_cli.evaluate.breakdown import Confusion, ScoreGroup
from im2latex_cli.evaluate.forms import Form
from im2latex_cli.evaluate.text import StyleScores
from im2latex_cli.results import DETAIL, Score


@dataclass(frozen=True, slots=True)
class FormRow:
    """The scores in one form."""

    form: Form
    bleu4: float
    edit_similarity: float
    exact_match: float
    bleu4_nltk: float = field(metadata=DETAIL)
    edit_similarity_present: float = field(metadata=DETAIL)


@dataclass(frozen=True, slots=True)
class EvalTextResult:
    """What eval-text prints: percent, with 95 % bootstrap intervals.

    Attributes:
        model: the model that read the pictures; None for predictions made elsewhere.
        data: the data set, or the file of references.
        split: the split of the data set.
        predictions: the file or folder of the predictions.
        pictures: pictures scored.
        failed: pictures that gave no hypothesis; each counts as an empty one.
        note: what a reader must know before quoting the figures.
        form: the form of the figures that follow.
        perplexity: of the references, teacher-forced; never below 1.
        suspicious: pictures whose label may be wrong, listed beside the predictions; None if no
            model looked at them.
        forms: the same predictions in every form.
        styles: the figures of other projects, on the compact LaTeX of that form.
        groups: scores by length, construct, depth and source, in that form.
        confusions: the commonest differences between tokens, in that form.
        report: the HTML page, or None.
        reused: the predictions were there already, made with the same model and settings.
        exit_code: 0, or 7 if pictures failed.
    """

    model: str | None
    data: str
    split: str | None
    predictions: str
    pictures: int
    failed: int
    note: str | None
    form: Form
    bleu4: Score
    edit_similarity: Score
    exact_match: Score
    perplexity: Score | None
    suspicious: int | None
    bleu4_nltk: Score = field(metadata=DETAIL)
    edit_similarity_present: Score = field(metadata=DETAIL)
    forms: tuple[FormRow, ...]
    styles: StyleScores = field(metadata=DETAIL)
    groups: tuple[ScoreGroup, ...] = field(metadata=DETAIL)
    confusions: tuple[Confusion, ...] = field(metadata=DETAIL)
    report: str | None = None
    reused: bool = field(default=False, metadata=DETAIL)
    exit_code: int = EXIT_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalImageResult:
    """What eval-image prints: percent, with 95 % bootstrap intervals.

    Attributes:
        results: the predictions scored.
        renderer: tex or embedded; both sides were drawn with it.
        renderer_version: of its engine.
        dpi: of the pages.
        font_size: of the pages, in points.
        pictures: references that rendered; the figures are over these.
        predictions_not_rendered: of these, without a page for the prediction; counted in full.
        references_not_rendered: left out.
        note: what a reader must know before quoting the figures.
        edit_similarity: over columns; the only figure if the references are mere pictures.
        exact_match: pages with equal columns.
        exact_match_without_blank: the same, columns without ink left out.
        match_harvard, match_harvard_without_blank: the published rule; None unless drawn as the
            published pages were.
        match_tolerant, match_tolerant_without_blank: that rule on other pages; else None.
        match_strict, match_strict_without_blank: the rule that also counts inserted ink.
        seed_edit_similarity, seed_exact_match: on finished pictures (padded, halved).
        cdm: mean F1 of matched characters, or None; cdm_exprate: share of pairs with 1.
        report: the HTML page, or None.
        exit_code: 0.
    """

    results: str
    renderer: Literal["tex", "embedded"]
    renderer_version: str
    dpi: int
    font_size: int
    pictures: int
    predictions_not_rendered: int
    references_not_rendered: int
    note: str | None
    edit_similarity: Score
    exact_match: Score | None = None
    exact_match_without_blank: Score | None = None
    match_harvard: Score | None = None
    match_harvard_without_blank: Score | None = None
    match_tolerant: Score | None = None
    match_tolerant_without_blank: Score | None = None
    match_strict: Score | None = None
    match_strict_without_blank: Score | None = None
    seed_edit_similarity: Score | None = None
    seed_exact_match: Score | None = None
    cdm: float | None = None
    cdm_exprate: float | None = None
    report: str | None = None
    exit_code: int = 0
