"""Reading many pictures: opened, read in batches, on an error one by one, and checked.

A picture that fails costs only itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.recognition import warnings
from im2latex_cli.recognition.pictures import Grey, Picture
from im2latex_cli.settings.sections import DecodeSettings
from im2latex_cli.vision.ink import Ink

LARGEST_GROUP = 64
"""Most pictures read together from a stream of them."""


class Opened(NamedTuple):
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


class Unread(NamedTuple):
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

    def open(self, picture: Picture, *, name: str | None = None) -> Opened:
        """Bring a picture into the form that the network was trained on."""

    def read(self, pictures: Sequence[Grey]) -> list[list[Hypothesis]]:
        """Read pictures that went through `open`; the hypotheses of each, best first."""


class _Opening(NamedTuple):
    opened: Opened | None
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

    def read(self, pictures: Iterable[Unread | None]) -> Iterator[Reading]:
        """Read pictures as they come; a reading for each, in their order.

        The first picture is read alone, so that its reading comes at once, then twice as many
        each time. None among them means that more are waited for: what is there is read now.
        """
        group: list[_Opening] = []
        most, pixels = 1, 0
        for unread in pictures:
            if unread is not None:
                group.append(self._open(unread))
                opened = group[-1].opened
                pixels += 0 if opened is None else opened.picture.size
            full = len(group) >= most or pixels >= self._recognizer.decode.batch_pixels
            if group and (full or unread is None):
                yield from self._read(group)
                group, pixels, most = [], 0, min(LARGEST_GROUP, 2 * most)
        if group:
            yield from self._read(group)

    def read_together(self, pictures: Iterable[Unread]) -> list[Reading]:
        """Read pictures at once; a reading for each, in their order."""
        return self._read([self._open(unread) for unread in pictures])

    def _open(self, unread: Unread) -> _Opening:
        if isinstance(unread.picture, Im2LatexError):
            return _Opening(None, unread.picture, 0.0)
        start = time.perf_counter()
        try:
            opened = self._recognizer.open(unread.picture, name=unread.name)
        except Im2LatexError as error:
            return _Opening(None, error, _since(start))
        return _Opening(opened, None, _since(start))

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
        hypotheses, found = warnings.check(ink, result, number_cut=number_cut)
        return Reading(
            hypotheses, picture, warnings=found, milliseconds=milliseconds, number=number
        )


def _since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
