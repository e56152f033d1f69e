"""Whether a picture can be a formula at all, from the number of its pieces of ink.

A formula is small pieces close together: 2 159 pictures of real formulas have 0.74 to 7 pieces on
1000 pixels, and at most 160. Photographs and drawings have fewer and larger ones, textures and
pages of text have many more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.vision.components import find_pieces
from im2latex_cli.vision.scale import ink_threshold

MOST_PIECES = 400
FEWEST_PER_PIXEL = 0.65 / 1000
SMALL = 20_000
"""Pixels of a picture that is too small to tell: a few symbols far apart."""


def may_be_formula(picture: NDArray[np.uint8]) -> bool:
    """Whether nothing speaks against a formula.

    Args:
        picture: (H, W) from `prepare`: cropped to its ink, at the network's size of text.
    """
    pieces = len(find_pieces(picture < ink_threshold(picture)))
    sparse = picture.size > SMALL and pieces < FEWEST_PER_PIXEL * picture.size
    return not sparse and pieces <= MOST_PIECES
