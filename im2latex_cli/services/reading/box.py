"""A part of a picture or of a page, as `box` names it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import InputError, UsageError


class Box(NamedTuple):
    """A part of a picture in pixels, or of a PDF page in points (1/72 inch).

    Both count from the upper left corner.
    """

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read `x0,y0,x1,y1`.

        Raises:
            UsageError: it is not of that form, or empty.
        """
        try:
            box = cls(*map(float, text.split(",")))
        except (TypeError, ValueError):
            box = cls(0, 0, 0, 0)
        if not (all(map(math.isfinite, box)) and box.left < box.right and box.top < box.bottom):
            raise UsageError(
                f"`box` {text} is no box.",
                hint="Give x0,y0,x1,y1 from the upper left corner: pixels of a picture, points "
                "of a PDF page.",
            )
        return box

    def cut(self, picture: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
        """The part of a picture; what lies outside of the picture is left out.

        Args:
            picture: (H, W).
            name: how the error message calls it.

        Raises:
            InputError: nothing of the box lies inside.
        """
        height, width = picture.shape
        rows = slice(max(0, math.floor(self.top)), max(0, math.ceil(self.bottom)))
        columns = slice(max(0, math.floor(self.left)), max(0, math.ceil(self.right)))
        part = picture[rows, columns]
        if not part.size:
            raise InputError(
                f"{name}: the box lies outside of the picture ({width} x {height} pixels)."
            )
        return part
