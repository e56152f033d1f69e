"""Averaged weights: an exponential moving average of a network's parameters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """A shadow of a network that trails its weights; evaluated and saved in its place.

    Args:
        network: what it trails.
        decay: share of the shadow that one step keeps.
        raw: the first weights are worth nothing, so the first steps keep less of them.

    Attributes:
        network: the shadow, in evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float, *, raw: bool = True) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._decay = decay
        self._raw = raw

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the shadow towards `network`; faster in the first steps where weights were raw.

        Buffers, such as the statistics of batch normalisation, are copied.
        """
        decay = min(self._decay, (1 + step) / (10 + step)) if self._raw else self._decay
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(mine, theirs, 1.0 - decay)
        for shadow, real in zip(self.network.buffers(), network.buffers(), strict=True):
            shadow.copy_(real)
