"""Grey pictures of different sizes on one canvas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNIT = (16, 8)
"""Batches are padded to multiples of this height and width: the largest cell of any encoder."""


def padded(shape: Sequence[int]) -> tuple[int, int]:
    """Height and width rounded up to whole units."""
    height, width = (-(-side // unit) * unit for side, unit in zip(shape, UNIT, strict=True))
    return height, width


def stack(pictures: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Stack grey pictures, each at the top left, with paper around them.

    Args:
        pictures: (H, W) each, 255 is paper; at least one.

    Returns:
        canvas: (B, 1, H, W), and sizes: (B, 2), height and width of each picture in pixels.
    """
    sizes = np.array([picture.shape for picture in pictures], dtype=np.int64)
    canvas = np.full((len(pictures), 1, *padded(sizes.max(axis=0).tolist())), 255, dtype=np.uint8)
    for slot, picture in zip(canvas, pictures, strict=True):
        slot[0, : picture.shape[0], : picture.shape[1]] = picture
    return canvas, sizes
