"""Encoders: the classic six convolutions, a residual stem, and an LSTM over rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from im2latex_cli.errors import SettingsError
from im2latex_cli.network.encoder_output import cover

CLASSIC_POOLS = ((2, 2), (2, 2), None, (2, 1), (1, 2), None)
RESIDUAL_STAGES = 3


class Block(nn.Module):
    """3x3 convolution, batch normalisation, ReLU; optionally a stride or a max pooling."""

    def __init__(
        self,
        inner: int,
        outer: int,
        *,
        stride: tuple[int, int] = (1, 1),
        pool: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outer)
        self.pool = pool
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """Map (B, inner, H, W) to (B, outer, H', W')."""
        features = F.relu(self.norm(self.convolution(features)))
        if self.pool is not None:
            features = F.max_pool2d(features, self.pool)
        return cover(features, mask)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Block(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.kaiming_normal_(self.second.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """Keep (B, channels, H, W)."""
        inner = self.norm(self.second(self.first(features, mask)))
        return cover(F.relu(features + inner), mask)


class ClassicEncoder(nn.Module):
    """Six convolution layers with four poolings; cells of 8 x 8 pixels.

    Layers and poolings as in Deng et al. 2017 (table of the encoder); batch normalisation after
    every layer, where they have it after three.
    """

    stride = (8, 8)

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        _demand_count(channels, len(CLASSIC_POOLS), "convolution")
        inner = (1, *channels[:-1])
        self.stages = nn.ModuleList(
            Block(i, o, pool=pool)
            for i, o, pool in zip(inner, channels, CLASSIC_POOLS, strict=True)
        )
        self.width = self.glyph_channels = channels[-1]

    def forward(self, images: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, 1, H, W) to grid features (B, D, H / 8, W / 8) and the same as glyph features."""
        features = images
        for stage in self.stages:
            features = stage(features, mask)
        return features, features


class ResidualEncoder(nn.Module):
    """Strided convolutions and residual blocks; cells 8 pixels wide and 8 or 16 high."""

    def __init__(self, channels: Sequence[int], width: int, *, blocks: int, cell: int) -> None:
        super().__init__()
        _demand_count(channels, RESIDUAL_STAGES, "residual")
        first, second, third = channels
        stem: list[nn.Module] = [
            Block(1, first, stride=(2, 2)),
            Block(first, second, stride=(2, 2)),
            *(ResidualBlock(second) for _ in range(blocks)),
            Block(second, third, stride=(2, 2)),
            *(ResidualBlock(third) for _ in range(blocks)),
        ]
        self.stages = nn.ModuleList(stem)
        self.last = Block(third, width, stride=(cell // 8, 1))
        self.stride = (cell, 8)
        self.width = width
        self.glyph_channels = third

    def forward(self, images: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, 1, H, W) to grid (B, D, H / cell, W / 8), glyph (B, C, H / 8, W / 8) features."""
        features = images
        for stage in self.stages:
            features = stage(features, mask)
        return self.last(features, mask), features


def _demand_count(channels: Sequence[int], count: int, encoder: str) -> None:
    """Check that each stage has its channels; only a preset and the user together decide that."""
    if len(channels) != count:
        raise SettingsError(
            [f"model.channels: the {encoder} encoder has {count} stages, not {len(channels)}."],
            hint="Give one number for each stage, or another model.encoder.",
        )


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
