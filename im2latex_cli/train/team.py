"""Several processes that train one network together, started by torchrun; mostly there is one.

A team of one does nothing at all, so the same code trains alone and together.
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
class Team:
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
    def leads(self) -> bool:
        """Whether this process writes files and speaks to people."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of everybody's tensor, on its device; no gradient."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def decide(self, value: T) -> T:
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
    def one_first(self) -> Iterator[None]:
        """Let one process of each machine do the work that the others then find done."""
        if self.local:
            self._meet()
        yield
        if not self.local:
            self._meet()

    def share(self, module: nn.Module, device: torch.device) -> nn.Module:
        """A module whose gradients are averaged over the team."""
        if self.size == 1:
            return module
        own = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=own, broadcast_buffers=False)

    def _meet(self) -> None:
        if self.size > 1:
            self.gather(None)


ALONE = Team()


@contextmanager
def join(device: str) -> Iterator[Team]:
    """Join the processes that torchrun started; a process started otherwise is alone.

    Args:
        device: the device wanted; GPUs talk through NCCL, everything else through gloo.

    Raises:
        UsageError: there are more processes than GPUs on this machine.
    """
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    cuda = device in {"auto", "cuda"} and torch.cuda.is_available()
    local, cards = dist.get_node_local_rank(), torch.cuda.device_count()
    if cuda and local >= cards:
        raise UsageError(
            f"There is no GPU for process {local + 1} of this machine, which has {cards}.",
            hint=f"Take torchrun --nproc-per-node={cards}, or --device cpu.",
        )
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), dist.get_world_size(), local)
    finally:
        dist.destroy_process_group()
