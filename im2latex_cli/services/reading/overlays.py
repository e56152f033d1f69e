"""Pages with the boxes of what was found on them, as PNG files or one PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli import files
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.pages.regions import FoundFormula, Rectangle

STEM = "{stem}"
KINDS = (".png", ".pdf")
COLOUR, NUMBER_COLOUR = (200, 30, 30), (20, 90, 200)
PDF_DPI = 100.0
_LABEL = 14


class Overlay:
    """Draws pages into a file.

    Args:
        target: .png, which needs {stem} in its name for several pages, or .pdf for all pages.

    Raises:
        UsageError: the file is of another kind.
    """

    def __init__(self, target: Path) -> None:
        if target.suffix.lower() not in KINDS:
            raise UsageError(f"`overlay` writes .png or .pdf files, not {target.name}.")
        self._target = target
        self._count = 0

    def add(self, stem: str, page: NDArray[np.uint8], formulas: Sequence[FoundFormula]) -> None:
        """Draw one page (H, W) with its formulas, numbered as they are read.

        Raises:
            UsageError: it is the second page for a PNG file without {stem}.
            InputError: the file cannot be written.
        """
        self._count += 1
        image = drawn(page, formulas)
        try:
            if self._target.suffix.lower() == ".pdf":
                self._add_to_pdf(image)
                return
            if self._count > 1 and STEM not in self._target.name:
                raise UsageError(
                    f"`overlay`: several pages would all be drawn into {self._target}.",
                    hint=f"Put {STEM} into the name, as in {STEM}.png, or write a .pdf.",
                )
            content = io.BytesIO()
            image.save(content, "PNG")
            target = self._target.with_name(self._target.name.replace(STEM, stem))
            files.write_bytes(target, content.getvalue())
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self._target} cannot be written ({reason}).") from error

    def _add_to_pdf(self, image: Image.Image) -> None:
        """Append a page; the file is whole after each."""
        self._target.parent.mkdir(parents=True, exist_ok=True)
        image.save(self._target, "PDF", resolution=PDF_DPI, append=self._count > 1)


def drawn(page: NDArray[np.uint8], formulas: Sequence[FoundFormula]) -> Image.Image:
    """A page (H, W) in colour with boxes around its formulas and their equation numbers."""
    image = Image.fromarray(page).convert("RGB")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(_LABEL)
    for at, one in enumerate(formulas, start=1):
        _frame(pen, one.box, COLOUR)
        for number in one.numbers:
            _frame(pen, number, NUMBER_COLOUR)
        pen.text(
            (max(0, one.box.left - 4), one.box.top), str(at), fill=COLOUR, font=font, anchor="ra"
        )
    return image


def _frame(pen: ImageDraw.ImageDraw, box: Rectangle, colour: tuple[int, int, int]) -> None:
    pen.rectangle((box.left - 3, box.top - 3, box.right + 2, box.bottom + 2), None, colour, 2)
