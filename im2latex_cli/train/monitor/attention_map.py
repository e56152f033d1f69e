"""Where the taught head looks while it writes a known formula, as one picture for the log."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import to_batch
from im2latex_cli.train.input.batches import pad_ids

MOST = 12
"""Tokens shown; the others of a longer formula are left out evenly."""

_GAP = 2


@torch.no_grad()
def attention_map(
    network: Network, picture: NDArray[np.uint8], formula: list[int], *, device: torch.device
) -> NDArray[np.uint8]:
    """Draw the picture once for each token, with the attention of the head in red.

    Args:
        network: left in evaluation mode.
        picture: (H, W) grey.
        formula: its token ids, without begin and end.
        device: that of the network.

    Returns:
        (3, rows * (H + 2), W) RGB, one row for each token, from top to bottom.
    """
    network.eval()
    images, sizes = to_batch([picture])
    memory = network.encode(images.to(device), sizes)
    decoded = network.decode(memory, pad_ids([formula]).to(device)[:, :-1])
    logits = decoded.attention[0].float().nan_to_num()  # of a network that has broken down
    weights = logits.softmax(-1).view(-1, *memory.grid).cpu().numpy()
    steps = np.unique(np.linspace(0, len(formula), min(MOST, len(formula) + 1)).astype(int))
    return np.concatenate([_overlay(picture, weights[at], network.stride) for at in steps], axis=1)


def _overlay(
    picture: NDArray[np.uint8], weights: NDArray[np.float32], cell: tuple[int, int]
) -> NDArray[np.uint8]:
    """(3, H + 2, W): the picture on red of the strength of the weights, the strongest full."""
    height, width = picture.shape
    wide = np.kron(weights / max(float(weights.max()), 1e-9), np.ones(cell, np.float32))
    paper = 1.0 - wide[:height, :width]
    grey = picture.astype(np.float32)
    overlay = np.stack([grey, grey * paper, grey * paper]).astype(np.uint8)
    return np.pad(overlay, ((0, 0), (0, _GAP), (0, 0)), constant_values=128)
