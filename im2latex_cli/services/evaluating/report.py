"""The HTML pages of the evaluations: figures, and which formulas to show with their pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import files
from im2latex_cli.data.sources.imagefolder import open_pairs
from im2latex_cli.errors import InputError, RendererError
from im2latex_cli.evaluate import breakdown, columns, forms, text
from im2latex_cli.evaluate.breakdown import ScoreGroup
from im2latex_cli.evaluate.columns import Columns
from im2latex_cli.evaluate.forms import Example, Form, drawable, tokens_in
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.report.evaluation import (
    Case,
    Figure,
    Plot,
    Report,
    ScoreBar,
    html,
    overlay,
    png,
)
from im2latex_cli.report.page import Table
from im2latex_cli.results import Score
from im2latex_cli.services.evaluating.figures import EvalImageResult, EvalTextResult
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.image import open_grey

CASES = 8
"""Cases of each kind."""
TAR = ".tar:"

WORST = "worst"

Attend = Callable[[NDArray[np.uint8], Sequence[str]], bytes | None]
"""Draws a model's attention to a picture while it wrote tokens, as PNG."""
Pages = Mapping[str, Page | RenderFailure]


def choose_cases(scores: Sequence[float], *, seed: int) -> dict[str, list[int]]:
    """Pick the worst, the middle and random ones, each case once.

    Args:
        scores: percent of each case.
        seed: of the random ones.

    Returns:
        Kind -> indices into `scores`.
    """
    order = sorted(range(len(scores)), key=lambda index: (scores[index], index))
    worst = order[:CASES]
    middle = max(len(order) // 2 - CASES // 2, 0)
    median = [index for index in order[middle : middle + CASES] if index not in worst]
    rest = [index for index in order if index not in {*worst, *median}]
    sample = random.Random(seed).sample(rest, min(CASES, len(rest)))
    return {WORST: worst, "median": median, "random": sorted(sample)}


def make(
    settings: Settings,
    examples: Sequence[Example],
    scores: Sequence[float],
    selection: Mapping[str, Sequence[int]],
    *,
    form: Form,
    score_name: str = "edit similarity",
    attend: Attend | None = None,
) -> tuple[Case, ...]:
    """Draw the selected cases.

    Args:
        settings: renderer.
        examples: all cases.
        scores: percent of each.
        selection: kind -> indices.
        form: of the tokens that are compared.
        score_name: name of the score.
        attend: for the worst cases, whose pictures are there.
    """
    cases = [(kind, index) for kind, places in selection.items() for index in places]
    selected = [examples[index] for _, index in cases]
    pages = _draw(settings, selected)
    lines = zip(*tokens_in(form, selected), strict=True)
    return tuple(
        Case(
            kind=kind,
            id=example.id,
            verdict=f"{score_name} {scores[index]:.1f} %",
            pictures=_pictures(example, pages, "prediction")
            | _attention(example, attend if kind == WORST else None),
            tokens=_lines(reference, hypothesis),
            remark=_remark(example, pages),
        )
        for (kind, index), example, (reference, hypothesis) in zip(
            cases, selected, lines, strict=True
        )
    )


def make_pairs(
    settings: Settings,
    sides: tuple[Sequence[Example], Sequence[Example]],
    scores: Sequence[Sequence[float]],
    selection: Mapping[str, Sequence[int]],
    *,
    form: Form,
) -> tuple[Case, ...]:
    """Draw the selected cases as two runs read them; the arguments as `make`'s, for a and b."""
    cases = [(kind, index) for kind, places in selection.items() for index in places]
    selected = [[side[index] for _, index in cases] for side in sides]
    pages = _draw(settings, [row for side in selected for row in side])
    (references, first), (_, second) = (tokens_in(form, side) for side in selected)
    return tuple(
        Case(
            kind=kind,
            id=a.id,
            verdict=f"edit similarity: a {scores[0][index]:.1f} %, b {scores[1][index]:.1f} %",
            pictures=_pictures(a, pages, "a") | _pictures(b, pages, "b"),
            tokens={
                "reference": [(token, "same") for token in references[row]],
                "a": list(_changes(references[row], first[row])),
                "b": list(_changes(references[row], second[row])),
            },
            remark=" ".join(
                f"{name}: {remark}"
                for name, side in (("a", a), ("b", b))
                if (remark := _remark(side, pages))
            ),
        )
        for row, ((kind, index), a, b) in enumerate(zip(cases, *selected, strict=True))
    )


def _draw(settings: Settings, examples: Sequence[Example]) -> Pages:
    formulas = sorted(
        {text for row in examples for text in (row.reference, row.hypothesis) if text}
    )
    sources = [drawable(text) for text in formulas]
    try:
        return dict(zip(formulas, choose(settings.render.uniform).render(sources), strict=True))
    except RendererError:
        return {}


def _pictures(example: Example, pages: Pages, name: str) -> dict[str, bytes]:
    """The picture, the reading called `name` as it renders, and how it differs."""
    pictures = {}
    original = _original(example.image)
    if original is not None:
        pictures["picture"] = png(original)
    left, right = pages.get(example.reference), pages.get(example.hypothesis or "")
    if original is None and isinstance(left, Page):
        pictures["reference rendered"] = png(left.ink)
    if isinstance(right, Page):
        pictures[f"{name} rendered"] = png(right.ink)
    if isinstance(left, Page) and isinstance(right, Page):
        blocks = columns.alignment(Columns.of(left.ink), Columns.of(right.ink))
        pictures[_difference(name)] = png(overlay(left.ink, right.ink, blocks))
    return pictures


def _attention(example: Example, attend: Attend | None) -> dict[str, bytes]:
    original = _original(example.image) if attend and example.hypothesis_tokens else None
    if attend is None or original is None:
        return {}
    sheet = attend(original, example.hypothesis_tokens or ())
    return {} if sheet is None else {"where the model looked, token by token from the first": sheet}


def _difference(name: str) -> str:
    return "difference" if name == "prediction" else f"difference of {name}"


def _original(image: str) -> NDArray[np.uint8] | None:
    archive, inside, name = image.partition(TAR)
    try:
        if inside:
            content = open_pairs(Path(archive + TAR[:-1])).picture(name)
            return open_grey(content, name=image)
        return open_grey(Path(image), name=image) if image else None
    except InputError:
        return None


def _remark(example: Example, pages: Pages) -> str:
    if example.hypothesis is None:
        return "There is no prediction."
    failure = pages.get(example.hypothesis)
    if isinstance(failure, RenderFailure):
        return f"The prediction does not render: {failure.message}"
    return ""


def _lines(
    reference: Sequence[str], hypothesis: Sequence[str] | None
) -> dict[str, list[tuple[str, str]]]:
    left: list[tuple[str, str]] = []
    right: list[tuple[str, str]] = []
    for equal, lost, added in breakdown.align(reference, hypothesis or ()):
        left += [(token, "same" if equal else "lost") for token in lost]
        right += [(token, "same" if equal else "added") for token in added]
    return {"reference": left, "prediction": right}


def _changes(
    reference: Sequence[str], hypothesis: Sequence[str] | None
) -> Iterator[tuple[str, str]]:
    """The hypothesis in one line, missing tokens included."""
    for equal, lost, added in breakdown.align(reference, hypothesis or ()):
        if not equal:
            yield from ((token, "lost") for token in lost)
        yield from ((token, "same" if equal else "added") for token in added)


NOTHING = "nothing"
LOWER = "{} (error, lower is better)"


def write_text_page(
    path: Path,
    settings: Settings,
    result: EvalTextResult,
    examples: Sequence[Example],
    *,
    attend: Attend | None = None,
) -> None:
    """Write the page of eval-text; `attend` draws the model's attention."""
    scores = text.similarities(*forms.tokens_in(result.form, examples))
    selection = choose_cases(scores, seed=settings.runtime.seed)
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
        cases=make(settings, examples, scores, selection, form=result.form, attend=attend),
    )
    files.write_text(path, html(page))


def write_image_page(
    path: Path,
    settings: Settings,
    result: EvalImageResult,
    examples: Sequence[Example],
    scores: Sequence[float],
) -> None:
    """Write the page of eval-image.

    Args:
        path: the file.
        settings: the settings tree.
        result: the figures.
        examples: the examples whose references rendered.
        scores: image edit similarity of each, in percent.
    """
    selection = choose_cases(scores, seed=settings.runtime.seed)
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
        cases=make(
            settings,
            examples,
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
