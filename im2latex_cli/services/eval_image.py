"""im2latex eval-image: render references and predictions, and compare the pages. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from im2latex_cli.evaluate import image
from im2latex_cli.evaluate.columns import Columns
from im2latex_cli.evaluate.forms import Example, drawable
from im2latex_cli.evaluate.image import ImageScores, PairScore
from im2latex_cli.progress import Reporter
from im2latex_cli.render.choose import choose
from im2latex_cli.render.pool import render_all
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure
from im2latex_cli.services import examples
from im2latex_cli.services.figures import EvalImageResult
from im2latex_cli.services.pages import write_image_page
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.settings.tree import Settings
from im2latex_cli.vision.finish import finish

DEFAULT_RESULTS = Path("results/small")
HARVARD = (12, 200)
"""Font size and dpi of the Harvard evaluation, which drew with TeX."""
NOT_COMPARABLE = "not drawn by TeX at 12 pt and 200 dpi: not comparable with published figures"


class Drawn(NamedTuple):
    """One rendered formula: the page as it came, and the finished picture of the seed."""

    page: Columns
    picture: Columns


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
        reporter: where progress goes.
        results: folder with predictions.jsonl, or such a file; None is results/small.
        references: file of references (.txt, .tsv, .jsonl), for hypotheses without their own.
        hypotheses: file of hypotheses, instead of `results`.

    Raises:
        InputError: no predictions, or broken ones.
        RendererError: the renderer asked for is not here.
    """
    source = hypotheses or results or DEFAULT_RESULTS
    scored = examples.read(references, source)[: settings.evaluate.limit]
    renderer = choose(settings.render)
    reporter.info(f"Renderer: {renderer.name} {renderer.version}, {settings.render.dpi} dpi.")
    pairs: list[tuple[PairScore, PairScore] | None] = []
    missing = 0
    with reporter.step("Render and compare", total=len(scored)) as step:
        for reference, hypothesis in _pages(settings, scored):
            pairs.append(_score(reference, hypothesis))
            missing += reference is not None and hypothesis is None
            step.advance()
    found = [pair for pair in pairs if pair is not None]
    counts = {"missing": missing, "skipped": len(pairs) - len(found)}
    result = _result(
        settings.render,
        renderer,
        source,
        image.summarize((page for page, _ in found), seed=settings.runtime.seed, **counts),
        image.summarize((finished for _, finished in found), rounds=2, **counts),
    )
    if not settings.evaluate.report:
        return result
    shown = [row for row, pair in zip(scored, pairs, strict=True) if pair is not None]
    scores = [page.similarity for page, _ in found]
    path = Path(settings.evaluate.report)
    write_image_page(path, settings, result, shown, scores)
    return replace(result, report=str(path))


def _pages(
    settings: Settings, scored: Sequence[Example]
) -> Iterator[tuple[Drawn | None, Drawn | None]]:
    """Pages of reference and hypothesis in order; each formula is rendered once."""
    sides = [[drawable(text or "") for text in (row.reference, row.hypothesis)] for row in scored]
    formulas = [text for pair in sides for text in pair]
    order = list(dict.fromkeys(text for text in formulas if text))
    last = {text: place for place, text in enumerate(formulas)}
    rendered = zip(order, _render(settings, order), strict=True)
    kept: dict[str, Drawn | None] = {"": None}
    for place, pair in enumerate(sides):
        for text in pair:
            while text not in kept:
                name, page = next(rendered)
                kept[name] = page
        yield kept[pair[0]], kept[pair[1]]
        for text in set(pair):
            if text and last[text] <= 2 * place + 1:
                del kept[text]


def _render(settings: Settings, formulas: Sequence[str]) -> Iterator[Drawn | None]:
    drawing = partial(_draw, settings.render)
    for drawn in render_all(settings.render, formulas, jobs=settings.build.jobs, finish=drawing):
        yield None if isinstance(drawn, RenderFailure) else drawn


def _draw(render: RenderSettings, page: Page) -> Drawn:
    picture, _ = finish(page.ink, look=render.look, padding=render.padding)
    return Drawn(Columns.of(page.ink), Columns.of(picture))


def _score(reference: Drawn | None, hypothesis: Drawn | None) -> tuple[PairScore, PairScore] | None:
    """Scores of the pages and of the finished pictures; None without a reference."""
    if reference is None:
        return None
    if hypothesis is None:
        return image.score_pair(reference.page, None), image.score_pair(reference.picture, None)
    return (
        image.score_pair(reference.page, hypothesis.page),
        image.score_pair(reference.picture, hypothesis.picture, match=False),
    )


def _result(
    render: RenderSettings,
    renderer: Renderer,
    source: Path,
    pages: ImageScores,
    finished: ImageScores,
) -> EvalImageResult:
    figures = asdict(pages)
    pictures, missing, skipped = (figures.pop(name) for name in ("pairs", "missing", "skipped"))
    harvard = renderer.name == "tex" and (render.font_size, render.dpi) == HARVARD
    if harvard:
        figures = {name.replace("tolerant", "harvard"): value for name, value in figures.items()}
    return EvalImageResult(
        results=str(source),
        renderer=renderer.name,
        renderer_version=renderer.version,
        dpi=render.dpi,
        font_size=render.font_size,
        pictures=pictures,
        predictions_not_rendered=missing,
        references_not_rendered=skipped,
        note=None if harvard else NOT_COMPARABLE,
        seed_edit_similarity=finished.edit_similarity,
        seed_exact_match=finished.exact_match,
        **figures,
    )
