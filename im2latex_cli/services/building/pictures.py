"""From planned formulas to finished pictures: rendered over processes, or imported."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from im2latex_cli.data.plan import Planned
from im2latex_cli.data.sources.entries import Source
from im2latex_cli.data.unfinished import FinishedPicture, Undrawn
from im2latex_cli.errors import InputError
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.renderer import Glyph, Page, RenderFailure
from im2latex_cli.render.workers.pool import render_all
from im2latex_cli.settings.sections import Look, RenderSettings
from im2latex_cli.vision.finish import Frame, encode_png, finish
from im2latex_cli.vision.image import open_grey

Results = Generator[tuple[Planned, FinishedPicture | Undrawn]]
UNREADABLE = "unreadable-picture"


@dataclass(frozen=True, slots=True)
class Finisher:
    """Page to stored picture; runs in the worker processes, so it travels by pickle."""

    look: Look
    padding: int
    buckets: bool
    glyphs: bool

    def __call__(self, page: Page) -> FinishedPicture:
        """Finish one page; glyph boxes follow it into the picture's pixels."""
        picture, frame = finish(
            page.ink, look=page.look or self.look, padding=self.padding, buckets=self.buckets
        )
        height, width = picture.shape
        glyphs = [_place(glyph, frame) for glyph in page.glyphs] if self.glyphs else None
        return FinishedPicture(encode_png(picture), width, height, glyphs, page.font)


def draw(
    items: Sequence[Planned],
    settings: RenderSettings,
    *,
    jobs: int | None,
    scheduler: str | None = None,
    glyphs: bool,
) -> Results:
    """Render the normal form of each formula, in order.

    Args:
        items: formulas to render.
        settings: with the renderer by name, not auto.
        jobs: worker processes, None for one per core.
        scheduler: address of a Dask scheduler whose workers render instead, None for here.
        glyphs: keep the box of every glyph.
    """
    finisher = Finisher(settings.look, settings.padding, settings.buckets, glyphs)
    formulas = (_formula(item, glyphs=glyphs) for item in items)
    results = render_all(settings, formulas, jobs=jobs, scheduler=scheduler, finish=finisher)
    for item, result in zip(items, results, strict=True):
        if isinstance(result, RenderFailure):
            yield item, Undrawn(result.reason, result.message)
        else:
            yield item, result


def take(items: Sequence[Planned], source: Source) -> Results:
    """Import the pictures that come with the formulas, as 8-bit grey PNG, in order."""
    for item in items:
        try:
            picture = open_grey(_bytes(source, item), name=str(item.image))
        except InputError as error:
            yield item, Undrawn(UNREADABLE, str(error))
        else:
            height, width = picture.shape
            yield item, FinishedPicture(encode_png(picture), width, height)


def draw_or_take(items: Sequence[Planned], rendered: Results, imported: Results) -> Results:
    """Put the results of formulas without and with a picture into the order of the plan."""
    with closing(rendered), closing(imported):
        for item in items:
            yield next(rendered if item.image is None else imported)


def _formula(item: Planned, *, glyphs: bool) -> str | tuple[str, ...]:
    tokens = tuple(item.form.split(" "))
    return tokens if glyphs else join(tokens)


def _bytes(source: Source, item: Planned) -> bytes:
    if source.picture is None or item.image is None:
        raise InputError(f"line {item.line} comes without a picture.")
    return source.picture(item.image)


def _place(glyph: Glyph, frame: Frame) -> list[Any]:
    x, y = frame.place(glyph.x, glyph.y)
    width, height = glyph.width * frame.scale, glyph.height * frame.scale
    numbers = (round(number, 2) for number in (x, y, width, height))
    return [glyph.font, glyph.code, *numbers, glyph.token]
