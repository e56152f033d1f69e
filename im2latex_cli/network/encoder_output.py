"""What encoders, decoders and the search hand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

MASKED = -1e4
"""Attention logit of a padding cell: its weight is exactly 0 in every precision."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Encoded pictures.

    Attributes:
        features: (B, S, D), the cells of the grid row by row.
        mask: (B, S), True where a cell lies on its picture.
        grid: rows and columns, S = rows * columns.
        padded: whether any cell may be padding; False lets attention skip the mask.
        glyphs: (B, C, H / 8, W / 8), features before they are mixed over the picture: for
            teaching the encoder which glyph stands in which cell of 8 x 8 pixels.
    """

    features: Tensor
    mask: Tensor
    grid: tuple[int, int]
    padded: bool
    glyphs: Tensor


def joined(pictures: Sequence[Tensor]) -> Memory:
    """One memory of pictures that were encoded apart, (S, D) each: for decoding only.

    The cells of a picture are padded to the largest number of cells, not to rows and columns.
    """
    features = torch.nn.utils.rnn.pad_sequence(list(pictures), batch_first=True)
    counts = torch.tensor([len(cells) for cells in pictures], device=features.device)
    cells = features.shape[1]
    mask = torch.arange(cells, device=features.device)[None] < counts[:, None]
    return Memory(features, mask, (1, cells), not bool(mask.all()), features.new_empty(0))


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a teacher-forced decoder says.

    Attributes:
        logits: (B, T, V), the next token after each given one.
        attention: (B, T, S), attention logits over the cells while predicting that token;
            of one head of one layer where there are several. Padding cells have `MASKED`.
    """

    logits: Tensor
    attention: Tensor


def cell_mask(sizes: Tensor, grid: tuple[int, int], stride: tuple[int, int]) -> Tensor:
    """Cells that lie on their picture, (B, rows, columns).

    Args:
        sizes: (B, 2) heights and widths in pixels.
        grid: rows and columns of the batch.
        stride: height and width of a cell in pixels.
    """
    rows, columns = (torch.arange(count, device=sizes.device) for count in grid)
    inside = [
        first[None] * step < sizes[:, axis, None]
        for axis, (first, step) in enumerate(zip((rows, columns), stride, strict=True))
    ]
    return inside[0][:, :, None] & inside[1][:, None, :]


def cover(features: Tensor, mask: Tensor | None) -> Tensor:
    """Blank padding, so that a picture's features do not depend on its neighbours in the batch.

    A convolution sees zeros past the edge of a picture alone in its batch; zeros must also stand
    there in a larger batch, after every layer, since bias and normalisation write into padding.

    Args:
        features: (B, C, H, W), H and W multiples of the mask's.
        mask: (B, rows, columns), or None where nothing is padded.
    """
    if mask is None:
        return features
    shade = F.interpolate(mask[:, None].to(features.dtype), size=features.shape[-2:])
    return features * shade


def pad_to(images: Tensor, stride: Sequence[int]) -> Tensor:
    """Pad (B, 1, H, W) below and to the right with paper to multiples of the stride."""
    height, width = images.shape[-2:]
    below, right = -height % stride[0], -width % stride[1]
    return F.pad(images, (0, right, 0, below)) if below or right else images
