"""Grey pictures become one batch tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.vision.canvas import stack


def to_batch(pictures: Sequence[NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Stack grey pictures, each at the top left, with paper around them.

    Args:
        pictures: (H, W) each, 255 is paper; at least one.

    Returns:
        images: (B, 1, H, W) float32, ink from 0 (paper) to 1 (black).
        sizes: (B, 2) int64, height and width of each picture in pixels.
    """
    canvas, sizes = stack(pictures)
    return to_ink(torch.from_numpy(canvas)), torch.from_numpy(sizes)


def to_ink(grey: Tensor) -> Tensor:
    """Map uint8 grey (255 is paper) to float32 ink (1 is black)."""
    return (255 - grey).float() / 255
