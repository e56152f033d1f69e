"""The HTML pages of the two evaluations, from their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.evaluate import forms, text
from im2latex_cli.evaluate.breakdown import ScoreGroup
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.report.evaluation import Figure, Plot, Report, ScoreBar, Table, html
from im2latex_cli.results import Score
from im2latex_cli.services.evaluating import gallery
from im2latex_cli.services.evaluating.figures import EvalImageResult, EvalTextResult
from im2latex_cli.settings.tree import Settings

NOTHING = "nothing"
LOWER = "{} (error, lower is better)"


def write_text_page(
    path: Path,
    settings: Settings,
    result: EvalTextResult,
    scored: Sequence[Example],
    *,
    attend: gallery.Attend | None = None,
) -> None:
    """Write the page of eval-text; `attend` draws the model's attention."""
    scores = text.similarities(*forms.tokens_in(result.form, scored))
    selection = gallery.choose_cases(scores, seed=settings.runtime.seed)
    facts = {
        "form": result.form,
        "model": result.model,
        "data": result.data,
        "split": result.split,
        "pictures": f"{result.pictures:,}, {result.failed:,} without a prediction",
        "perplexity": _perplexity(result),
        "note": result.note,
    }
    styles = result.styles
    page = Report(
        title="im2latex eval-text",
        facts={name: fact for name, fact in facts.items() if fact},
        figures=(
            *_figures(result, ("bleu4", "edit_similarity", "exact_match")),
            Figure("BLEU-4 of nltk", result.bleu4_nltk),
            Figure("edit similarity, missing ones skipped", result.edit_similarity_present),
            Figure(LOWER.format("character error rate"), Score(styles.character_error_rate)),
            Figure(LOWER.format("pix2tex edit distance"), Score(styles.pix2tex_edit_distance)),
            Figure(LOWER.format("UniMERNet edit distance"), Score(styles.unimernet_edit_distance)),
            Figure("UniMERNet BLEU", Score(styles.unimernet_bleu)),
        ),
        plots=tuple(_plots(result.groups)),
        tables=(
            Table(
                "The same predictions in every form",
                ("form", "BLEU-4", "edit similarity", "exact match"),
                tuple(
                    (row.form, *_numbers(row.bleu4, row.edit_similarity, row.exact_match))
                    for row in result.forms
                ),
            ),
            Table(
                "Commonest confusions",
                ("reference", "prediction", "count"),
                tuple(
                    (row.reference or NOTHING, row.hypothesis or NOTHING, f"{row.count:,}")
                    for row in result.confusions
                ),
            ),
        ),
        cases=gallery.make(settings, scored, scores, selection, form=result.form, attend=attend),
    )
    files.write_text(path, html(page))


def write_image_page(
    path: Path,
    settings: Settings,
    result: EvalImageResult,
    scored: Sequence[Example],
    scores: Sequence[float],
) -> None:
    """Write the page of eval-image.

    Args:
        path: the file.
        settings: the settings tree.
        result: the figures.
        scored: the examples whose references rendered.
        scores: image edit similarity of each, in percent.
    """
    selection = gallery.choose_cases(scores, seed=settings.runtime.seed)
    facts = {
        "results": result.results,
        "renderer": f"{result.renderer}, {result.renderer_version}",
        "pages": f"{result.font_size} pt, {result.dpi} dpi",
        "pictures": f"{result.pictures:,}, {result.predictions_not_rendered:,} predictions and "
        f"{result.references_not_rendered:,} references did not render",
        "note": result.note,
    }
    names = ["edit_similarity", "exact_match", "exact_match_without_blank"]
    rule = "match_tolerant" if result.match_harvard is None else "match_harvard"
    for match in (rule, "match_strict"):
        names += [match, f"{match}_without_blank"]
    page = Report(
        title="im2latex eval-image",
        facts={name: fact for name, fact in facts.items() if fact},
        figures=(
            *_figures(result, names),
            *_halve(result),
            *_characters(result),
        ),
        cases=gallery.make(
            settings,
            scored,
            scores,
            selection,
            form=settings.evaluate.form,
            score_name="image edit similarity",
        ),
    )
    files.write_text(path, html(page))


def _figures(result: EvalTextResult | EvalImageResult, names: Iterable[str]) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            name.replace("bleu4", "BLEU-4").replace("_", " "),
            getattr(result, name),
        )
        for name in names
        if getattr(result, name) is not None
    )


def _perplexity(result: EvalTextResult) -> str | None:
    if result.perplexity is None:
        return None
    if result.perplexity.interval is None:
        return f"{result.perplexity:.3f}"
    return "{:.3f} ({:.3f} to {:.3f})".format(result.perplexity, *result.perplexity.interval)


def _halve(result: EvalImageResult) -> Iterator[Figure]:
    for name in ("edit_similarity", "exact_match"):
        value = getattr(result, f"seed_{name}")
        if value is not None:
            yield Figure(f"{name.replace('_', ' ')}, padded and halved", value)


def _characters(result: EvalImageResult) -> Iterator[Figure]:
    for name, value in (("CDM", result.cdm), ("CDM ExpRate", result.cdm_exprate)):
        if value is not None:
            yield Figure(name, Score(value))


def _plots(groups: Sequence[ScoreGroup]) -> Iterable[Plot]:
    for by in dict.fromkeys(group.by for group in groups):
        bars = (ScoreBar(g.group, g.edit_similarity, g.pictures) for g in groups if g.by == by)
        yield Plot(f"Edit similarity by {by}", tuple(bars))


def _numbers(*values: float) -> tuple[str, ...]:
    return tuple(f"{value:.2f}" for value in values)
