"""Batch normalisation over the pictures of all processes, as if one had the whole batch.

torch's own SyncBatchNorm works on GPUs only; this one also trains, and is tested, on CPUs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _Sum(torch.autograd.Function):
    """Sum over processes; the gradient of every process's part is the sum of all gradients."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SyncNorm(nn.BatchNorm2d):
    """`BatchNorm2d` whose statistics are those of all processes while training."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (B, C, H, W); B may differ between processes."""
        if not self.training:
            return super().forward(features)
        exact = features.float()
        shift = self._buffer("running_mean")[:, None, None].clone()  # against cancellation
        moved, channels = exact - shift, features.shape[1]
        count = moved.new_full((1,), moved.numel() / channels)
        sums = [moved.sum((0, 2, 3)), moved.square().sum((0, 2, 3)), count]
        total: Tensor = _Sum.apply(torch.cat(sums))  # type: ignore[no-untyped-call]
        number = total[-1].detach()
        mean, square = total[:channels] / number, total[channels:-1] / number
        variance = (square - mean.square()).clamp(min=0.0)
        self._remember(mean.detach() + shift.flatten(), variance.detach(), number)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normal = (moved - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]
        return normal.to(features.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, number: Tensor) -> None:
        unbiased = variance * number / (number - 1)
        self._buffer("running_mean").lerp_(mean, self.momentum or 0.1)
        self._buffer("running_var").lerp_(unbiased, self.momentum or 0.1)
        self._buffer("num_batches_tracked").add_(1)

    def _buffer(self, name: str) -> Tensor:
        return self.get_buffer(name)


def synchronise(network: nn.Module) -> None:
    """Let every batch normalisation of a network take its statistics over all processes.

    Names and values of parameters and buffers stay as they are.
    """
    for part in network.modules():
        for name, child in list(part.named_children()):
            if type(child) is nn.BatchNorm2d:
                shared = SyncNorm(child.num_features, eps=child.eps, momentum=child.momentum)
                shared.load_state_dict(child.state_dict())
                part.add_module(name, shared)
