"""im2latex predict: read pictures, each as soon as it is there, whatever happens to the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import files
from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.progress import Reporter
from im2latex_cli.recognizer import Recognizer, default_model
from im2latex_cli.report import attention as drawing
from im2latex_cli.settings.tree import Settings

STEM = "{stem}"
STDIN = "-"
MOST = 64
"""Most pictures read together; the first is read alone, so that its answer comes at once."""

Source = Path | str | BinaryIO


@dataclass(frozen=True, slots=True)
class PredictRow:
    """What became of one picture.

    Attributes:
        path: as it was given; "-" for a stream.
        hypotheses: best first; empty where the picture failed.
        model: the model's name, as it was given.
        error: why the picture failed, or None.
    """

    path: str
    hypotheses: tuple[Hypothesis, ...]
    model: str
    error: Im2LatexError | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    path: str
    picture: NDArray[np.uint8] | None
    error: Im2LatexError | None = None


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    images: Sequence[Source],
    model: str | None = None,
    attention: Path | None = None,
) -> Iterator[PredictRow]:
    """Read pictures; one row for each, in their order, as they are done.

    Args:
        settings: the settings tree.
        reporter: where progress goes.
        images: files, or streams of one picture each.
        model: pretrained, a results folder or a model file; None takes pretrained where it is
            bundled, else results/small.
        attention: PNG to draw where the network looked; several pictures need {stem} in it.

    Raises:
        UsageError: `attention` does not fit, or the device is not here.
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    targets = _targets(attention, images)
    recognizer = Recognizer.load(
        model or default_model(),
        device=settings.runtime.device,
        decode=settings.decode,
        threads=settings.runtime.threads,
    )
    return _rows(settings, reporter, recognizer, images, targets)


def _targets(attention: Path | None, images: Sequence[Source]) -> list[Path | None]:
    """The drawing's file for each picture; equal names are numbered."""
    if attention is None:
        return [None] * len(images)
    _check_attention(attention, len(images))
    targets: list[Path | None] = []
    seen: Counter[str] = Counter()
    for image in images:
        stem = Path(image).stem if isinstance(image, str | Path) else "stdin"
        seen[stem] += 1
        name = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
        targets.append(attention.with_name(attention.name.replace(STEM, name)))
    return targets


def _check_attention(attention: Path, pictures: int) -> None:
    if attention.suffix.lower() != ".png":
        raise UsageError(
            f"--attention writes PNG files, not {attention.name}.", hint="Name a .png."
        )
    if pictures > 1 and STEM not in attention.name:
        raise UsageError(
            f"{pictures} pictures would all be drawn into {attention}.",
            hint=f"Put {STEM} into the name, as in {STEM}{attention.suffix}.",
        )


def _rows(
    settings: Settings,
    reporter: Reporter,
    recognizer: Recognizer,
    images: Sequence[Source],
    targets: Sequence[Path | None],
) -> Iterator[PredictRow]:
    drawn = iter(targets)
    with reporter.step("Read", total=len(images)) as step:
        for group in _groups(images, recognizer, settings.decode.batch_pixels):
            for opened, row in _read(recognizer, group):
                step.advance()
                yield _drawn(recognizer, opened.picture, row, next(drawn))


def _groups(
    images: Sequence[Source], recognizer: Recognizer, pixels: int
) -> Iterator[list[_Opened]]:
    """Open pictures and group neighbours: one first, then twice as many each time."""
    group: list[_Opened] = []
    most, held = 1, 0
    for image in images:
        opened = _open(image, recognizer)
        group.append(opened)
        held += 0 if opened.picture is None else opened.picture.size
        if len(group) >= most or held >= pixels:
            yield group
            group, held, most = [], 0, min(MOST, 2 * most)
    if group:
        yield group


def _open(image: Source, recognizer: Recognizer) -> _Opened:
    path = str(image) if isinstance(image, str | Path) else STDIN
    try:
        name = "standard input" if path == STDIN else path
        return _Opened(path, recognizer.prepare(image, name=name))
    except Im2LatexError as error:
        return _Opened(path, None, error)


def _read(recognizer: Recognizer, group: Sequence[_Opened]) -> Iterator[tuple[_Opened, PredictRow]]:
    """Read a group at once; where that fails, one by one, so that one costs only itself."""
    pictures = [one.picture for one in group if one.picture is not None]
    try:
        found = iter(recognizer.read(pictures))
    except InputError as error:
        if len(group) == 1:
            yield group[0], PredictRow(group[0].path, (), recognizer.name, error)
        for one in group if len(group) > 1 else ():
            yield from _read(recognizer, [one])
        return
    for one in group:
        hypotheses = () if one.picture is None else tuple(next(found))
        yield one, PredictRow(one.path, hypotheses, recognizer.name, one.error)


def _drawn(
    recognizer: Recognizer,
    picture: NDArray[np.uint8] | None,
    row: PredictRow,
    target: Path | None,
) -> PredictRow:
    """Draw where the network looked; a file that cannot be written is the row's error."""
    if target is None or picture is None or not row.hypotheses:
        return row
    looked = recognizer.attention(picture, row.hypotheses[0])
    try:
        files.write_bytes(
            target, drawing.sheet(looked.picture, looked.tokens, looked.weights, cell=looked.cell)
        )
    except OSError as error:
        reason = error.strerror or error
        failure = InputError(f"{target} cannot be written ({reason}).")
        return PredictRow(row.path, row.hypotheses, row.model, failure)
    return row
