"""Averaged weights: an exponential moving average of a network's parameters.

The average may be held near the weights that a fine-tuning began with, which keeps what they knew
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """A shadow of a network that trails its weights; evaluated and saved in its place.

    Args:
        network: what it trails.
        decay: share of the shadow that one step keeps.
        raw: the first weights are worth nothing, so the first steps keep less of them.
        keep: share of the first weights in what the shadow trails.

    Attributes:
        network: the shadow, in evaluation mode.
        anchor: the first weights where a share of them is kept; NaN where nothing is to keep.
    """

    def __init__(
        self, network: nn.Module, decay: float, *, raw: bool = True, keep: float = 0.0
    ) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.anchor = copy.deepcopy(self.network) if keep else None
        self._decay = decay
        self._raw = raw
        self._keep = keep

    @torch.no_grad()
    def forget_new_rows(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep nothing of rows, such as those of new tokens, that the first model did not have.

        Args:
            tensors: of the first model, by name; some with fewer rows.
        """
        for name, value in self.anchor.state_dict().items() if self.anchor else ():
            if value.shape != tensors[name].shape:
                value[len(tensors[name]) :] = math.nan

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the shadow towards `network`; faster in the first steps where weights were raw.

        Buffers, such as the statistics of batch normalisation, are copied.
        """
        decay = min(self._decay, (1 + step) / (10 + step)) if self._raw else self._decay
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(network.parameters())
        buffers: list[Tensor] = list(network.buffers())
        if self.anchor:
            theirs = list(map(self._held, theirs, self.anchor.parameters()))
            buffers = list(map(self._held, buffers, self.anchor.buffers()))
        torch._foreach_lerp_(mine, theirs, 1.0 - decay)
        for shadow, real in zip(self.network.buffers(), buffers, strict=True):
            shadow.copy_(real)

    def _held(self, real: Tensor, first: Tensor) -> Tensor:
        if not real.is_floating_point():
            return real
        mixed = real.lerp(first, self._keep)
        return torch.where(mixed.isnan(), real, mixed)
