"""Whether a picture can be a formula at all, from the number of its pieces of ink.

A formula is small pieces close together: 2 159 pictures of real formulas have 0.74 to 7 pieces on
1000 pixels, and at most 160. Photographs and drawings have fewer and larger ones, textures and
pages of text have many more.
"""

from __future__ import annotations

from im2latex_cli.vision.ink import Ink

MOST_PIECES = 400
FEWEST_PER_PIXEL = 0.65 / 1000
SMALL = 20_000
"""Pixels of a picture that is too small to tell: a few symbols far apart."""


def may_be_formula(ink: Ink) -> bool:
    """Whether nothing speaks against a formula.

    Args:
        ink: of a picture from `prepare`: cropped to its ink, at the network's size of text.
    """
    pieces, size = len(ink.pieces), ink.picture.size
    sparse = size > SMALL and pieces < FEWEST_PER_PIXEL * size
    return not sparse and pieces <= MOST_PIECES
