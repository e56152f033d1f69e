"""Grey pictures become one batch tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UNIT = (16, 8)
"""Batches are padded to multiples of this height and width: the largest cell of any encoder."""


def to_batch(pictures: Sequence[NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Stack grey pictures, each at the top left, with paper around them.

    Args:
        pictures: (H, W) each, 255 is paper; at least one.

    Returns:
        images: (B, 1, H, W) float32, ink from 0 (paper) to 1 (black).
        sizes: (B, 2) int64, height and width of each picture in pixels.
    """
    sizes = torch.tensor([picture.shape for picture in pictures], dtype=torch.int64)
    largest = sizes.max(dim=0).values.tolist()
    height, width = (-(-most // unit) * unit for most, unit in zip(largest, UNIT, strict=True))
    batch = np.full((len(pictures), 1, height, width), 255, dtype=np.uint8)
    for slot, picture in zip(batch, pictures, strict=True):
        slot[0, : picture.shape[0], : picture.shape[1]] = picture
    return to_ink(torch.from_numpy(batch)), sizes


def to_ink(grey: Tensor) -> Tensor:
    """Map uint8 grey (255 is paper) to float32 ink (1 is black)."""
    return (255 - grey).float() / 255
