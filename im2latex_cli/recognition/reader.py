"""Reading many pictures: opened, read in batches, on an error one by one, and checked.

A picture that fails costs only itself. A picture is a file, bytes, a stream, a Pillow image or an
array, and becomes grey levels; warnings come from the picture and its hypotheses.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.latex import repetition
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.settings.sections import DecodeSettings
from im2latex_cli.vision import foreign, layout
from im2latex_cli.vision.foreign import may_be_formula
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.ink import Ink

Picture = Path | str | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A file, its bytes, a stream of them, a Pillow image, or an array: (H, W) grey, (H, W, 3) RGB,
(H, W, 4) RGBA."""
Grey = NDArray[np.uint8]


def to_grey(picture: Picture, *, name: str) -> Grey:
    """Return a picture as (H, W) uint8, 255 is white.

    Args:
        picture: the picture.
        name: how error messages call it.

    Raises:
        InputError: it cannot be read, is blank, or is no picture at all.
    """
    if isinstance(picture, np.ndarray):
        if picture.ndim == 2 and picture.dtype == np.uint8:
            return picture
        picture = _as_image(picture, name)
    if isinstance(picture, Image.Image):
        file = io.BytesIO()
        picture.save(file, "TIFF")
        picture = file.getvalue()
    if isinstance(picture, str):
        picture = Path(picture)
    if not (isinstance(picture, Path | bytes) or hasattr(picture, "read")):
        raise InputError(
            f"{name}: {type(picture).__name__} is no picture.",
            hint="Give a path, bytes, a binary stream, a Pillow image or a NumPy array.",
        )
    return open_grey(picture, name=name)


def name_of(picture: Picture, number: int) -> str:
    """Return how messages call a picture: its path, or its number in the call."""
    return str(picture) if isinstance(picture, str | Path) else f"picture {number}"


def _as_image(array: NDArray[Any], name: str) -> Image.Image:
    try:
        return Image.fromarray(array)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"{name}: an array of shape {array.shape} and type {array.dtype} is no picture.",
            hint="Give uint8 of shape (H, W), (H, W, 3) or (H, W, 4); 255 is white.",
        ) from error


LOW_CONFIDENCE = 0.5
"""Readings of a lower confidence are more often wrong than right."""


def find_warnings(
    ink: Ink, hypotheses: Sequence[Hypothesis], *, number_cut: bool = False
) -> tuple[tuple[Hypothesis, ...], tuple[ReadingWarning, ...]]:
    """Look for what is doubtful in a reading; cut the best hypothesis if it repeats itself.

    Args:
        ink: of the picture as the network saw it.
        hypotheses: best first.
        number_cut: an equation number was cut off before.

    Returns:
        The hypotheses, and the warnings in the order of `ReadingWarning`.
    """
    if not hypotheses:
        return (), ()
    best, *others = hypotheses
    unrepeated = repetition.cut(best.tokens, full=best.truncated)
    present = {
        ReadingWarning.NUMBER_CUT: number_cut,
        ReadingWarning.LOW_CONFIDENCE: best.confidence < LOW_CONFIDENCE,
        ReadingWarning.REPETITION_CUT: unrepeated is not None,
        ReadingWarning.TRUNCATED: best.truncated and unrepeated is None,
    }
    if unrepeated is not None:
        best = replace(best, latex=join(unrepeated), tokens=unrepeated, token_scores=())
    warnings = (*_of_picture(ink), *(name for name, holds in present.items() if holds))
    return (best, *others), warnings


def _of_picture(ink: Ink) -> Iterator[ReadingWarning]:
    """What the ink alone says; if it is no formula at all, most of it says nothing."""
    formula = may_be_formula(ink)
    content = layout.examine(ink)
    if not formula:
        yield ReadingWarning.NOT_A_FORMULA
    if content.words:
        yield ReadingWarning.TEXT_AROUND
    if formula and content.formulas:
        yield ReadingWarning.SEVERAL_FORMULAS
    if formula and foreign.is_foreign(ink):
        yield ReadingWarning.OUT_OF_VOCABULARY


LARGEST_GROUP = 64
"""Most pictures read together from a stream of them."""


class OpenedPicture(NamedTuple):
    """A picture ready to be read.

    Attributes:
        ink: of the picture as the network will see it.
        number_cut: an equation number was cut off.
        number: (H, W), the number that was cut off, or None.
    """

    ink: Ink
    number_cut: bool
    number: Grey | None = None

    @property
    def picture(self) -> Grey:
        """(H, W) as the network will see it, 255 is paper."""
        return self.ink.picture


class InputPicture(NamedTuple):
    """A picture to read.

    Attributes:
        picture: the picture, or why there is none.
        name: how error messages call it.
    """

    picture: Picture | Im2LatexError
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What became of one picture.

    Attributes:
        hypotheses: best first; empty if the picture failed.
        picture: (H, W) as the network saw it; None if it could not be opened.
        error: why the picture failed, or None.
        warnings: what a person should check.
        milliseconds: its own opening and its part of the batch.
        number: (H, W), the equation number that was cut off, or None.
    """

    hypotheses: tuple[Hypothesis, ...] = ()
    picture: Grey | None = None
    error: Im2LatexError | None = None
    warnings: tuple[ReadingWarning, ...] = ()
    milliseconds: float = 0.0
    number: Grey | None = None


class PictureReader(Protocol):
    """What a `Reader` needs of a recogniser."""

    decode: DecodeSettings

    def open(self, picture: Picture, *, name: str | None = None) -> OpenedPicture:
        """Bring a picture into the form that the network was trained on."""

    def read(self, pictures: Sequence[Grey]) -> list[list[Hypothesis]]:
        """Read pictures that went through `open`; the hypotheses of each, best first."""


class _Opening(NamedTuple):
    opened: OpenedPicture | None
    error: Im2LatexError | None
    milliseconds: float


class Reader:
    """Reads any number of pictures with one recogniser.

    Args:
        recognizer: opens and reads pictures.
        check: give warnings, and cut readings that repeat themselves.
    """

    def __init__(self, recognizer: PictureReader, *, check: bool = True) -> None:
        self._recognizer = recognizer
        self._check = check

    def read(self, pictures: Iterable[InputPicture | None]) -> Iterator[Reading]:
        """Read pictures as they come; a reading for each, in their order.

        The first picture is read alone, so that its reading comes at once, then twice as many
        each time. None among them means that more are waited for: what is there is read now.
        """
        group: list[_Opening] = []
        max_size, pixels = 1, 0
        for source in pictures:
            if source is not None:
                group.append(self._open(source))
                opened = group[-1].opened
                pixels += 0 if opened is None else opened.picture.size
            full = len(group) >= max_size or pixels >= self._recognizer.decode.batch_pixels
            if group and (full or source is None):
                yield from self._read(group)
                group, pixels, max_size = [], 0, min(LARGEST_GROUP, 2 * max_size)
        if group:
            yield from self._read(group)

    def read_together(self, pictures: Iterable[InputPicture]) -> list[Reading]:
        """Read pictures at once; a reading for each, in their order."""
        return self._read([self._open(source) for source in pictures])

    def _open(self, source: InputPicture) -> _Opening:
        if isinstance(source.picture, Im2LatexError):
            return _Opening(None, source.picture, 0.0)
        start = time.perf_counter()
        try:
            prepared = self._recognizer.open(source.picture, name=source.name)
        except Im2LatexError as error:
            return _Opening(None, error, _since(start))
        return _Opening(prepared, None, _since(start))

    def _read(self, group: Sequence[_Opening]) -> list[Reading]:
        start = time.perf_counter()
        pictures = [opening.opened.picture for opening in group if opening.opened]
        results = iter(self._read_each(pictures))
        share = _since(start) / max(1, len(pictures))
        return [self._reading(opening, results, share) for opening in group]

    def _read_each(self, pictures: Sequence[Grey]) -> list[list[Hypothesis] | InputError]:
        """Read them at once; if that fails, one by one."""
        try:
            return list(self._recognizer.read(pictures))
        except InputError as error:
            if len(pictures) == 1:
                return [error]
            return [result for picture in pictures for result in self._read_each([picture])]

    def _reading(
        self, opening: _Opening, results: Iterator[list[Hypothesis] | InputError], share: float
    ) -> Reading:
        if opening.opened is None:
            return Reading(error=opening.error, milliseconds=opening.milliseconds)
        picture = opening.opened.picture
        result = next(results)
        milliseconds = opening.milliseconds + share
        if isinstance(result, InputError):
            return Reading(picture=picture, error=result, milliseconds=milliseconds)
        if not self._check:
            return Reading(tuple(result), picture, milliseconds=milliseconds)
        ink, number_cut, number = opening.opened
        hypotheses, found = find_warnings(ink, result, number_cut=number_cut)
        return Reading(
            hypotheses, picture, warnings=found, milliseconds=milliseconds, number=number
        )


def _since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
