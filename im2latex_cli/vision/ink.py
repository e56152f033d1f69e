"""The ink of a picture: its mask, its connected pieces, and the size of its text."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.vision.components import Pieces, find_pieces
from im2latex_cli.vision.scale import estimate_scale, ink_threshold

EM = 1200 / 72.27
"""Pixels of an em at scale 1: 12 pt at 100 dots per inch."""


class Ink:
    """A picture and the properties of its ink, each computed once, on first use.

    Args:
        picture: (H, W) uint8, dark ink on white paper; it must not be changed afterwards.
    """

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self.picture = picture

    @cached_property
    def threshold(self) -> int:
        """The grey below which a pixel is ink."""
        return ink_threshold(self.picture)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W), True for ink."""
        mask: NDArray[np.bool_] = self.picture < self.threshold
        return mask

    @cached_property
    def pieces(self) -> Pieces:
        """The connected pieces."""
        return find_pieces(self.mask)

    @cached_property
    def scale(self) -> float:
        """How large the text is: 1 is 12 pt at 100 dots per inch."""
        return estimate_scale(self.pieces)

    @property
    def em(self) -> float:
        """Pixels of an em of the text."""
        return EM * self.scale
