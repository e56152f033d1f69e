"""im2latex eval-image: render references and predictions, and compare the pages. No torch.

Each formula is drawn once, over all cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from im2latex_cli import runs
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.evaluate import image
from im2latex_cli.evaluate.columns import Columns
from im2latex_cli.evaluate.forms import Example, drawable
from im2latex_cli.evaluate.image import PairScore, Symbols
from im2latex_cli.progress import Reporter
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure
from im2latex_cli.render.workers.pool import render_all
from im2latex_cli.services.evaluating.figures import EvalImageResult
from im2latex_cli.services.evaluating.inputs import are_pictures, check_hypotheses, read_examples
from im2latex_cli.services.evaluating.report import write_image_page
from im2latex_cli.settings.sections import RenderSettings, Settings
from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.image import open_grey


class RenderedFormula(NamedTuple):
    """One rendered formula, small enough to come back from a worker process.

    Attributes:
        page: the columns of the page as it came, cropped to its ink.
        picture: those of the seed's picture, padded and halved.
        symbols: the characters, if `evaluate.cdm` needs them.
    """

    page: Columns
    picture: Columns
    symbols: Symbols | None


def against_pictures(
    settings: Settings, examples: Sequence[Example]
) -> Iterator[tuple[RenderedFormula | None, RenderedFormula | None]]:
    """The picture of each example and its finished hypothesis, both cropped to their ink.

    Padding and buckets differ from maker to maker, so neither counts.
    """
    formulas = [drawable(row.hypothesis or "") for row in examples]
    rendered = _render(settings, [text for text in formulas if text])
    for row, text in zip(examples, formulas, strict=True):
        hypothesis = next(rendered) if text else None
        if hypothesis is not None:
            hypothesis = _without_symbols(hypothesis.picture.crop())
        yield _of_file(Path(row.image)), hypothesis


def _without_symbols(columns: Columns) -> RenderedFormula:
    return RenderedFormula(columns, columns, None)


def _of_file(path: Path) -> RenderedFormula | None:
    try:
        columns = Columns.of(open_grey(path, name=str(path))).crop()
    except InputError:
        return None
    return _without_symbols(columns) if len(columns) else None


def pairs(
    settings: Settings, examples: Sequence[Example]
) -> Iterator[tuple[RenderedFormula | None, RenderedFormula | None]]:
    """Reference and hypothesis of each example, in order; None if there is no page."""
    sides = [[drawable(text or "") for text in (row.reference, row.hypothesis)] for row in examples]
    formulas = [text for pair in sides for text in pair]
    order = list(dict.fromkeys(text for text in formulas if text))
    last = {text: place for place, text in enumerate(formulas)}
    rendered = zip(order, _render(settings, order), strict=True)
    cache: dict[str, RenderedFormula | None] = {"": None}
    for place, pair in enumerate(sides):
        for text in pair:
            while text not in cache:
                name, page = next(rendered)
                cache[name] = page
        yield cache[pair[0]], cache[pair[1]]
        for text in set(pair):
            if text and last[text] <= 2 * place + 1:
                del cache[text]


def _render(settings: Settings, formulas: Sequence[str]) -> Iterator[RenderedFormula | None]:
    drawing = partial(_draw, settings.render, settings.evaluate.cdm)
    for result in render_all(
        settings.render.uniform, formulas, jobs=settings.build.jobs, finish=drawing
    ):
        yield None if isinstance(result, RenderFailure) else result


def _draw(render: RenderSettings, cdm: bool, page: Page) -> RenderedFormula:  # noqa: FBT001 - of a partial
    picture, _ = finish(page.ink, look=render.look, padding=render.padding)
    glyphs = (glyph[:6] for glyph in page.glyphs)
    symbols = Symbols.of(glyphs, page.ink.shape) if cdm else None
    return RenderedFormula(Columns.of(page.ink), Columns.of(picture), symbols)


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
    check_hypotheses(hypotheses)
    source = hypotheses or results or runs.SMALL_RESULTS
    if settings.evaluate.cdm and find_spec("scipy") is None:
        raise UsageError("evaluate.cdm needs SciPy.", hint="pip install im2latex-cli[cdm]")
    pictures = are_pictures(references, source)
    examples = read_examples(references, source, pictures=pictures, warn=reporter.warn)
    examples = examples[: settings.evaluate.limit]
    compare = against_pictures if pictures else pairs
    renderer = choose(settings.render.uniform)
    reporter.info(f"Renderer: {renderer.name} {renderer.version}, {settings.render.dpi} dpi.")
    rendered: list[Example] = []
    scores: list[Scores] = []
    missing = 0
    with reporter.step("Render and compare", total=len(examples)) as step:
        for row, (reference, hypothesis) in zip(examples, compare(settings, examples), strict=True):
            if reference is not None:
                rendered.append(row)
                scores.append(_score(reference, hypothesis))
                missing += hypothesis is None
            step.advance()
    result = _result(
        settings, renderer, source, scores, missing=missing, skipped=len(examples) - len(scores)
    )
    if pictures:
        result = _only_edits(result)
    if result.report:
        similarities = [pair.page.similarity for pair in scores]
        write_image_page(Path(result.report), settings, result, rendered, similarities)
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
        characters=image.score_symbols(reference.symbols, characters) if reference.symbols else 0.0,
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
        characters = image.summarize_symbols([pair.characters for pair in scores])
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
