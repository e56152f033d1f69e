"""im2latex eval-image: render references and predictions, and compare the pages. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from im2latex_cli import runs
from im2latex_cli.errors import UsageError
from im2latex_cli.evaluate import cdm, image
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.evaluate.image import PairScore
from im2latex_cli.progress import Reporter
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Renderer
from im2latex_cli.services.evaluating import examples, rendering
from im2latex_cli.services.evaluating.figures import EvalImageResult
from im2latex_cli.services.evaluating.rendering import RenderedFormula
from im2latex_cli.services.evaluating.report import write_image_page
from im2latex_cli.settings.tree import Settings

HARVARD = (12, 200)
"""Font size and dpi of the Harvard evaluation, which drew with TeX."""
NOT_COMPARABLE = "not drawn by TeX at 12 pt and 200 dpi: not comparable with published figures"
PICTURES_ONLY = (
    "the references are pictures of unknown making, cropped to their ink: image edit alone, and "
    "not comparable with any other figure"
)


class Scores(NamedTuple):
    """Scores of one pair: of its pages, of its finished pictures, of its characters."""

    page: PairScore
    picture: PairScore
    characters: float


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    results: Path | None = None,
    references: Path | None = None,
    hypotheses: Path | None = None,
) -> EvalImageResult:
    """Render every reference and its best hypothesis, and score the pages.

    Args:
        settings: the settings tree.
        reporter: shows progress.
        results: folder with predictions.jsonl, or such a file; None is results/small.
        references: file of references (.txt, .tsv, .jsonl), for hypotheses without their own.
        hypotheses: file of hypotheses, instead of `results`.

    Raises:
        InputError: no predictions, or broken ones.
        RendererError: the renderer of the settings is missing.
        UsageError: `evaluate.cdm` is set and SciPy is missing.
    """
    examples.check(hypotheses)
    source = hypotheses or results or runs.SMALL_RESULTS
    if settings.evaluate.cdm and find_spec("scipy") is None:
        raise UsageError("evaluate.cdm needs SciPy.", hint="pip install im2latex-cli[cdm]")
    pictures = examples.are_pictures(references, source)
    scored = examples.read(references, source, pictures=pictures, warn=reporter.warn)
    scored = scored[: settings.evaluate.limit]
    compared = rendering.against_pictures if pictures else rendering.pairs
    renderer = choose(settings.render.uniform)
    reporter.info(f"Renderer: {renderer.name} {renderer.version}, {settings.render.dpi} dpi.")
    shown: list[Example] = []
    scores: list[Scores] = []
    missing = 0
    with reporter.step("Render and compare", total=len(scored)) as step:
        for row, (reference, hypothesis) in zip(scored, compared(settings, scored), strict=True):
            if reference is not None:
                shown.append(row)
                scores.append(_score(reference, hypothesis))
                missing += hypothesis is None
            step.advance()
    result = _result(
        settings, renderer, source, scores, missing=missing, skipped=len(scored) - len(scores)
    )
    if pictures:
        result = _only_edits(result)
    if result.report:
        similarities = [pair.page.similarity for pair in scores]
        write_image_page(Path(result.report), settings, result, shown, similarities)
    return result


def _only_edits(result: EvalImageResult) -> EvalImageResult:
    """The result with the one figure that strange pictures allow."""
    names = {item.name for item in fields(result) if item.default is MISSING}
    figures = {name: getattr(result, name) for name in names}
    return EvalImageResult(**{**figures, "note": PICTURES_ONLY, "report": result.report})


def _score(reference: RenderedFormula, hypothesis: RenderedFormula | None) -> Scores:
    page, picture, characters = hypothesis or (None, None, None)
    return Scores(
        page=image.score_pair(reference.page, page),
        picture=image.score_pair(reference.picture, picture, match=False),
        characters=cdm.score_pair(reference.symbols, characters) if reference.symbols else 0.0,
    )


def _result(
    settings: Settings,
    renderer: Renderer,
    source: Path,
    scores: Sequence[Scores],
    *,
    missing: int,
    skipped: int,
) -> EvalImageResult:
    render, seed = settings.render, settings.runtime.seed
    pages = image.summarize((pair.page for pair in scores), seed=seed)
    finished = image.summarize((pair.picture for pair in scores), seed=seed)
    harvard = renderer.name == "tex" and (render.font_size, render.dpi) == HARVARD
    rule = "match_harvard" if harvard else "match_tolerant"
    figures: dict[str, Any] = {
        "edit_similarity": pages.edit_similarity,
        "exact_match": pages.exact_match,
        "exact_match_without_blank": pages.exact_match_without_blank,
        rule: pages.match_tolerant,
        f"{rule}_without_blank": pages.match_tolerant_without_blank,
        "match_strict": pages.match_strict,
        "match_strict_without_blank": pages.match_strict_without_blank,
    }
    if settings.evaluate.cdm:
        characters = cdm.summarize([pair.characters for pair in scores])
        figures |= {"cdm": characters.cdm, "cdm_exprate": characters.exprate}
    return EvalImageResult(
        results=str(source),
        renderer=renderer.name,
        renderer_version=renderer.version,
        dpi=render.dpi,
        font_size=render.font_size,
        pictures=len(scores),
        predictions_not_rendered=missing,
        references_not_rendered=skipped,
        note=None if harvard else NOT_COMPARABLE,
        seed_edit_similarity=finished.edit_similarity,
        seed_exact_match=finished.exact_match,
        report=settings.evaluate.report,
        **figures,
    )
