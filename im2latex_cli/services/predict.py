"""im2latex predict: read pictures, each as soon as it is there, whatever happens to the others."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.progress import Reporter, SilentReporter
from im2latex_cli.recognizer import Recognizer, default_model
from im2latex_cli.services.doubts import doubt
from im2latex_cli.services.drawings import Drawings
from im2latex_cli.services.inputs import Entry, Source, as_entry
from im2latex_cli.settings.sections import DecodeSettings
from im2latex_cli.settings.tree import Settings

MOST = 64
"""Most pictures read together; the first is read alone, so that its answer comes at once."""

Images = Iterable[Source | Entry | None]
"""Pictures; None means that more are waited for, so that what is there must be read now."""


@dataclass(frozen=True, slots=True)
class PredictRow:
    """What became of one picture.

    Attributes:
        path: as it was given; "-" for a stream.
        hypotheses: best first; empty where the picture failed.
        model: the model's name, as it was given.
        error: why the picture failed, or None.
        milliseconds: what it cost: its own opening and its part of the batch.
        warnings: names of what a person should look at.
    """

    path: str
    hypotheses: tuple[Hypothesis, ...]
    model: str
    error: Im2LatexError | None = None
    milliseconds: float = 0.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Opened:
    entry: Entry
    picture: NDArray[np.uint8] | None
    error: Im2LatexError | None = None
    milliseconds: float = 0.0
    numbered: bool = False


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    images: Images,
    model: str | None = None,
    attention: Path | None = None,
    render: Path | None = None,
    total: int | None = None,
) -> Iterator[PredictRow]:
    """Read pictures; one row for each, in their order, as they are done.

    Args:
        settings: the settings tree.
        reporter: where progress goes.
        images: files, streams of one picture each, or entries.
        model: pretrained, a results folder or a model file; None takes pretrained where it is
            bundled, else results/small.
        attention: .png, .gif or .html to draw where the network looked; several pictures need
            {stem} in it.
        render: PNG to draw the formula under its picture; several pictures need {stem} in it.
        total: how many images there are, where that is known.

    Raises:
        UsageError: `attention` or `render` does not fit, or the device is not here.
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    drawings = Drawings(settings, attention=attention, render=render)
    images = drawings.check(images)
    reader = Reader(settings, model)
    reporter.detail(f"backend: {reader.backend}")
    return reader.read(images, reporter, drawings=drawings, total=total)


class Reader:
    """A loaded model that reads as often as asked.

    Args:
        settings: the settings tree.
        model: as for `run`.

    Raises:
        UsageError, CheckpointError, InputError: as `run`.
    """

    def __init__(self, settings: Settings, model: str | None) -> None:
        self._recognizer = Recognizer.load(
            model or default_model(),
            device=settings.runtime.device,
            decode=settings.decode,
            threads=settings.runtime.threads,
            backend=settings.runtime.backend,
        )

    @property
    def model(self) -> str:
        """The model's name."""
        return self._recognizer.name

    @property
    def backend(self) -> str:
        """What computes the network, and why."""
        return f"{self._recognizer.backend} ({self._recognizer.reason})"

    @property
    def decode(self) -> DecodeSettings:
        """How hypotheses are searched; may be replaced between two readings."""
        return self._recognizer.decode

    @decode.setter
    def decode(self, decode: DecodeSettings) -> None:
        self._recognizer.decode = decode

    def read(
        self,
        images: Images,
        reporter: Reporter,
        *,
        drawings: Drawings | None = None,
        total: int | None = None,
    ) -> Iterator[PredictRow]:
        """Read pictures; one row for each, in their order, as they are done."""
        quiet = SilentReporter()  # one picture needs no bar
        with (quiet if total == 1 else reporter).step("Read", total=total) as step:
            for group in _groups(images, self._recognizer):
                for opened, row in _read(self._recognizer, group):
                    step.advance()
                    yield self._drawn(opened, row, drawings)

    def _drawn(self, opened: _Opened, row: PredictRow, drawings: Drawings | None) -> PredictRow:
        """Draw what was asked for; a file that cannot be written is the row's error."""
        if drawings is None or opened.picture is None or not row.hypotheses:
            return row
        best = row.hypotheses[0]
        sheet, comparison = drawings.targets(opened.entry.stem)
        try:
            if sheet:
                drawings.look(sheet, self._recognizer.attention(opened.picture, best))
            if comparison and (fault := drawings.compare(comparison, opened.picture, best.latex)):
                return replace(row, warnings=(*row.warnings, fault))
        except OSError as error:
            target = error.filename or sheet or comparison
            reason = error.strerror or error
            return replace(row, error=InputError(f"{target} cannot be written ({reason})."))
        return row


def _groups(images: Images, recognizer: Recognizer) -> Iterator[list[_Opened]]:
    """Open pictures and group neighbours: one first, then twice as many each time."""
    group: list[_Opened] = []
    most, held = 1, 0
    for image in images:
        if image is not None:
            opened = _open(as_entry(image), recognizer)
            group.append(opened)
            held += 0 if opened.picture is None else opened.picture.size
        full = len(group) >= most or held >= recognizer.decode.batch_pixels
        if group and (full or image is None):
            yield group
            group, held, most = [], 0, min(MOST, 2 * most)
    if group:
        yield group


def _open(entry: Entry, recognizer: Recognizer) -> _Opened:
    if entry.picture is None:
        return _Opened(entry, None, entry.error)
    begun = time.perf_counter()
    try:
        picture, numbered = recognizer.open(entry.picture, name=entry.title)
    except Im2LatexError as error:
        return _Opened(_light(entry), None, error, _since(begun))
    return _Opened(_light(entry), picture, None, _since(begun), numbered)


def _light(entry: Entry) -> Entry:
    """The entry without the picture as it was sent, which may be large."""
    return replace(entry, picture=None)


def _read(recognizer: Recognizer, group: Sequence[_Opened]) -> Iterator[tuple[_Opened, PredictRow]]:
    """Read a group at once; where that fails, one by one, so that one costs only itself."""
    pictures = [one.picture for one in group if one.picture is not None]
    begun = time.perf_counter()
    try:
        found = iter(recognizer.read(pictures))
    except InputError as error:
        if len(group) == 1:
            yield group[0], PredictRow(group[0].entry.path, (), recognizer.name, error)
        for one in group if len(group) > 1 else ():
            yield from _read(recognizer, [one])
        return
    share = _since(begun) / max(1, len(pictures))
    for one in group:
        row = PredictRow(one.entry.path, (), recognizer.name, one.error, one.milliseconds)
        if one.picture is not None:
            hypotheses, warnings = doubt(one.picture, next(found), numbered=one.numbered)
            row = replace(
                row, hypotheses=hypotheses, milliseconds=row.milliseconds + share, warnings=warnings
            )
        yield one, row


def _since(begun: float) -> float:
    return 1000 * (time.perf_counter() - begun)
