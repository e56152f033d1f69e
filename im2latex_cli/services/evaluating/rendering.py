"""References and predictions as pages: each formula drawn once, over all cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from im2latex_cli.errors import InputError
from im2latex_cli.evaluate.cdm import Symbols
from im2latex_cli.evaluate.columns import Columns
from im2latex_cli.evaluate.forms import Example, drawable
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.workers.pool import render_all
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.settings.tree import Settings
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
    settings: Settings, scored: Sequence[Example]
) -> Iterator[tuple[RenderedFormula | None, RenderedFormula | None]]:
    """The picture of each example and its finished hypothesis, both cropped to their ink.

    Padding and buckets differ from maker to maker, so neither counts.
    """
    formulas = [drawable(row.hypothesis or "") for row in scored]
    rendered = _render(settings, [text for text in formulas if text])
    for row, text in zip(scored, formulas, strict=True):
        hypothesis = next(rendered) if text else None
        if hypothesis is not None:
            hypothesis = _bare(hypothesis.picture.crop())
        yield _of_file(Path(row.image)), hypothesis


def _bare(columns: Columns) -> RenderedFormula:
    return RenderedFormula(columns, columns, None)


def _of_file(path: Path) -> RenderedFormula | None:
    try:
        columns = Columns.of(open_grey(path, name=str(path))).crop()
    except InputError:
        return None
    return _bare(columns) if len(columns) else None


def pairs(
    settings: Settings, scored: Sequence[Example]
) -> Iterator[tuple[RenderedFormula | None, RenderedFormula | None]]:
    """Reference and hypothesis of each example, in order; None if there is no page."""
    sides = [[drawable(text or "") for text in (row.reference, row.hypothesis)] for row in scored]
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
