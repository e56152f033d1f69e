"""What a server asks of whoever reads its pictures and opens its documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import Im2LatexError
from im2latex_cli.pages.regions import FoundFormula

Grey = NDArray[np.uint8]
Unit = Literal["pt", "px"]
"""Of boxes: points of a PDF page, pixels of a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a page.

    Attributes:
        picture: (H, W).
        numbers: pictures (H, W) of the equation numbers beside it.
        found: it is a formula that was found, not a rectangle that somebody drew.
    """

    picture: Grey
    numbers: tuple[Grey, ...] = ()
    found: bool = False


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One picture and what to tell about it.

    Attributes:
        data: the picture file, or a part of a page.
        alternatives: how many readings to give beside the best.
        svg: draw every reading.
        attention: say where the model looked.
        formats: write every reading in the other formats too.
    """

    data: bytes | Part
    alternatives: int = 4
    svg: bool = False
    attention: bool = False
    formats: bool = False


Answer = dict[str, Any]
"""The JSON object of one picture, as `schemas.ReadingBody` describes it; for a part of a page
`schemas.PartReadingBody`."""

Read = Callable[[Sequence[ReadRequest]], Sequence[Answer | Im2LatexError]]
"""Reads pictures together; an answer or an error for each, in order. Called from one thread."""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """What was found on one page.

    Attributes:
        width, height: of the page, in the document's unit.
        formulas: in reading order; their boxes are in the document's unit.
    """

    width: float
    height: float
    formulas: tuple[FoundFormula, ...]


class UploadedDocument(Protocol):
    """A PDF, or a picture as a document of one page. Pages and formulas count from 1.

    Its methods are called from one thread, and raise InputError if the page cannot be drawn.
    """

    @property
    def pages(self) -> int:
        """Number of pages."""

    @property
    def unit(self) -> Unit:
        """Of all boxes and sizes."""

    @property
    def one_formula(self) -> bool:
        """Whether it is a picture on which nothing but one formula stands."""

    def picture(self, page: int) -> bytes:
        """The page as a PNG file."""

    def find(self, page: int) -> FoundPage:
        """Look for formulas on the page."""

    def formula(self, page: int, number: int) -> Part:
        """The formula of this number among those that `find` gives."""

    def part(self, page: int, box: str) -> Part:
        """A part of the page.

        Args:
            page: its number.
            box: left, top, right and bottom in the document's unit, separated by commas.

        Raises:
            UsageError: `box` is no box.
            InputError: it lies outside of the page.
        """


Open = Callable[[bytes, str], UploadedDocument]
"""Opens an upload of this Content-Type; raises InputError. Called from one thread."""
