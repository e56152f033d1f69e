"""A bidirectional LSTM over every row of the encoder's grid (Deng et al. 2017, section 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RowEncoder(nn.Module):
    """Lets a cell know what stands to its left and right; keeps the width.

    Rows start from zero: the positions added before tell the rows apart. The backward half reads
    each row reversed within its own picture, so padding is never read before a picture.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.onward = nn.LSTM(width, width // 2, batch_first=True)
        self.back = nn.LSTM(width, width // 2, batch_first=True)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (B, S, D) to (B, S, D); mask is (B, rows, columns)."""
        batch, rows, columns = mask.shape
        grid = features.reshape(batch * rows, columns, -1)
        turned = _reversed_columns(mask)[:, None].expand(-1, rows, -1).flatten(0, 1)
        backward = self.back(_take(grid, turned))[0]
        both = torch.cat([self.onward(grid)[0], _take(backward, turned)], dim=-1)
        return both.reshape(batch, rows * columns, -1)


def _reversed_columns(mask: Tensor) -> Tensor:
    """Column order (B, columns) that reverses each picture and leaves its padding in place."""
    width = mask.any(dim=1).sum(dim=1, keepdim=True)
    column = torch.arange(mask.shape[2], device=mask.device)[None]
    return torch.where(column < width, width - 1 - column, column)


def _take(grid: Tensor, columns: Tensor) -> Tensor:
    return grid.gather(1, columns[:, :, None].expand(-1, -1, grid.shape[2]))
