"""A page as the finder sees it: dark ink on white, text of one size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.vision.ink import Pieces, find_pieces, ink_threshold
from im2latex_cli.vision.prepare import normalise_levels

TEXT_HEIGHT = 2.8
"""Pixels of the height of an x in the finder's pictures: 10 points at 47 dots per inch."""
MOST_PIXELS = 4_000_000
"""A page of more is shrunk before anything is looked for."""
MOST_FINDER_PIXELS = 1_500_000
MOST_MAGNIFIED = 2.0
_LEAST_HEIGHT = 3

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PagePicture:
    """A page, its pieces of ink, and its picture for the finder.

    Attributes:
        grey: (H, W), dark ink on white; the page, shrunk by a whole number if it is very large.
        shrunk: how many pixels of the page are one of `grey` on a side.
        pieces: connected pieces of ink of `grey`.
        text_height: height of an x in pixels of `grey`.
        small: (h, w), the picture for the finder.
        factor: pixels of `small` per pixel of `grey`.
    """

    grey: Grey
    shrunk: int
    pieces: Pieces
    text_height: float
    small: Grey
    factor: float


def page_picture(page: Grey, *, text_height: float = TEXT_HEIGHT) -> PagePicture:
    """Bring a page to what the finder was trained on.

    Args:
        page: (H, W) grey, any size, colours either way round.
        text_height: height of an x in the finder's picture, in pixels.
    """
    shrunk = max(1, math.ceil(math.sqrt(page.size / MOST_PIXELS)))
    grey = page if shrunk == 1 else np.asarray(Image.fromarray(page).reduce(shrunk))
    grey = normalise_levels(grey)
    pieces = find_pieces(grey < ink_threshold(grey))
    height = measure_text(pieces)
    factor = min(text_height / height, MOST_MAGNIFIED, math.sqrt(MOST_FINDER_PIXELS / grey.size))
    rows, columns = (max(1, round(side * factor)) for side in grey.shape)
    small = np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BILINEAR))
    return PagePicture(grey, shrunk, pieces, height, small, factor)


def measure_text(pieces: Pieces) -> float:
    """Height of an x, in pixels: the median height of pieces that may be letters."""
    heights = pieces.height[(pieces.height >= _LEAST_HEIGHT) & (pieces.area >= _LEAST_HEIGHT)]
    if not len(heights):
        return TEXT_HEIGHT
    middle = float(np.median(heights))
    letters = heights[(heights >= 0.5 * middle) & (heights <= 3 * middle)]
    return float(np.median(letters)) if len(letters) else middle
