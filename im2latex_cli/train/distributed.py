"""Several processes that train one network together, started by torchrun; mostly there is one.

A group of one does nothing at all, so the same code trains alone and together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from im2latex_cli.errors import UsageError

PATIENCE = timedelta(hours=2)
"""Longest time that one process waits for another: packing a large data set takes long."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process among those that train together.

    Attributes:
        rank: number of this process; 0 leads: it alone writes and speaks.
        size: number of processes.
        local: number of this process on its machine; its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks to people."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of everybody's tensor, on its device; no gradient."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def broadcast(self, value: T) -> T:
        """What the leader says, for decisions that hang on clocks and signals."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return cast("T", box[0])

    def gather(self, value: T) -> list[T]:
        """Everybody's value, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    @contextmanager
    def local_main_first(self) -> Iterator[None]:
        """Let one process of each machine do the work that the others then find done."""
        if self.local:
            self._meet()
        yield
        if not self.local:
            self._meet()

    def wrap(self, module: nn.Module, device: torch.device) -> nn.Module:
        """A module whose gradients are averaged over the processes."""
        if self.size == 1:
            return module
        own = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=own, broadcast_buffers=False)

    def _meet(self) -> None:
        if self.size > 1:
            self.gather(None)


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def join(device: str) -> Iterator[ProcessGroup]:
    """Join the processes that torchrun started; a process started otherwise is alone.

    Args:
        device: the device wanted; GPUs talk through NCCL, everything else through gloo.

    Raises:
        UsageError: there are more processes than GPUs on this machine.
    """
    if not dist.is_torchelastic_launched():
        yield SINGLE_PROCESS
        return
    cuda = device in {"auto", "cuda"} and torch.cuda.is_available()
    local, cards = dist.get_node_local_rank(), torch.cuda.device_count()
    if cuda and local >= cards:
        raise UsageError(
            f"There is no GPU for process {local + 1} of this machine, which has {cards}.",
            hint=f"Take torchrun --nproc-per-node={cards}, or `device` cpu.",
        )
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=PATIENCE)
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size(), local)
    finally:
        dist.destroy_process_group()


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
    """`BatchNorm2d` whose statistics are those of all processes while training.

    torch's own SyncBatchNorm works on GPUs only; this one also trains, and is tested, on CPUs.
    """

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
