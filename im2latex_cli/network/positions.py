"""Sinusoidal positions in one and two dimensions (Vaswani et al. 2017, section 3.5)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Positions (N,) as sines and cosines (N, width), interleaved; `width` must be even."""
    angles = positions[:, None].float() * frequencies(width, positions.device)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def frequencies(width: int, device: torch.device) -> Tensor:
    """Radians a position, (width / 2,)."""
    steps = torch.arange(0, width, 2, device=device, dtype=torch.float32)
    return torch.exp(steps * (-math.log(1e4) / width))


def grid_sinusoids(rows: int, columns: int, width: int, *, device: torch.device) -> Tensor:
    """Positions of a grid's cells, (rows * columns, width): first half the row, then the column.

    `width` must be a multiple of 4.
    """
    row = sinusoids(torch.arange(rows, device=device), width // 2)
    column = sinusoids(torch.arange(columns, device=device), width // 2)
    both = [row[:, None].expand(rows, columns, -1), column[None].expand(rows, columns, -1)]
    return torch.cat(both, dim=-1).flatten(0, 1)
