"""The training loop: one optimiser step after another, and nothing else.

`fit` is a generator; whoever consumes it evaluates, logs, saves and stops between the steps.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn

from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import fast_in_bfloat16
from im2latex_cli.settings.sections import TrainSettings
from im2latex_cli.train.batches import Batch, Cursor
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup, synchronise
from im2latex_cli.train.losses import GlyphHead, Objective
from im2latex_cli.train.optimizer import MovingAverage, build_optimizer, learning_rate

SMOOTHING = 0.98
"""Weight of the past in the smoothed loss."""

NORM_MOMENTUM = 0.02
"""Share of one batch in the running statistics of batch normalisation. A batch holds pictures of
one size, so that the last ten batches, as with torch's 0.1, would say little about all pictures."""

READ_EVERY = 10
"""Steps between two readings of the losses on a GPU, which works on while nobody asks."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did.

    Attributes:
        step: steps done, from 1.
        epoch: passes over the split that are complete.
        loss: cross-entropy of the next token, natural logarithm.
        smoothed: the same, smoothed over the last steps.
        parts: the auxiliary losses by name.
        learning_rate: rate of this step.
        grad_norm: norm of the gradient before clipping.
        pictures: pictures in this step.
        seconds: time of this step.
        waited: part of it spent waiting for a batch.
        covers: steps whose means `loss`, `parts` and `grad_norm` are; 0 where they are those of
            an earlier report, since reading a GPU's numbers at every step would make it wait.
    """

    step: int
    epoch: int
    loss: float
    smoothed: float
    parts: Mapping[str, float]
    learning_rate: float
    grad_norm: float
    pictures: int
    seconds: float
    waited: float
    covers: int = 1

    @property
    def finite(self) -> bool:
        """Whether loss and gradient are numbers."""
        return math.isfinite(self.loss) and math.isfinite(self.grad_norm)

    def row(self) -> dict[str, float | int | str]:
        """The figures by name, for logs; shares in percent."""
        seconds = max(self.seconds, 1e-9)
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "perplexity": math.exp(min(self.loss, 50.0)),
            "smoothed": self.smoothed,
            **self.parts,
            "learning_rate": self.learning_rate,
            "grad_norm": self.grad_norm,
            "pictures_per_second": round(self.pictures / seconds, 1),
            "loader_share": round(100 * self.waited / seconds, 2),
        }


class Learner:
    """A network with all that changes while it learns.

    Attributes:
        network: the network under training.
        average: its averaged shadow, or None.
        head: the glyph classifier, or None.
        objective: the losses of network and head.
        optimizer: over network and head.
        processes: who trains along.
        interval: steps between two readings of the losses.
        steps: steps of the whole run.
        step: steps done.
        pictures: pictures seen.
        seconds: time spent in steps.
        smoothed: smoothed loss, NaN before the first step.
        cursor: the batch stream's place after the last step.
    """

    def __init__(
        self,
        network: Network,
        settings: TrainSettings,
        *,
        steps: int,
        device: torch.device,
        head: GlyphHead | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.settings = settings
        self.device = device
        self.processes = processes
        if processes.size > 1:
            synchronise(network)
        self.network = network.to(device)
        self.head = head.to(device) if head else None
        raw, keep = settings.init is None, settings.keep if settings.init else 0.0
        averaged = settings.ema or keep
        self.average = (
            MovingAverage(self.network, settings.ema, raw=raw, keep=keep) if averaged else None
        )
        self.optimizer = build_optimizer(self.network, self.head, settings)
        self.objective = Objective(self.network, self.head, settings)
        if settings.compile:
            self.objective.compile(dynamic=True)
        self._shared = processes.wrap(self.objective, device)
        self.interval = READ_EVERY if device.type == "cuda" else 1
        self.tally = Tally()
        self.steps = steps
        self.step = 0
        self.pictures = 0
        self.seconds = 0.0
        self.smoothed = math.nan
        self.cursor = Cursor()

    @property
    def best_network(self) -> Network:
        """The network to evaluate and to save: the average where there is one."""
        return cast("Network", self.average.network) if self.average else self.network

    def copy(self) -> Learner:
        """A learner of the same weights at the same step, for trying steps; moments begin anew."""
        learner = Learner(
            copy.deepcopy(self.network),
            self.settings,
            steps=self.steps,
            device=self.device,
            head=copy.deepcopy(self.head),
            processes=self.processes,
        )
        learner.step, learner.cursor = self.step, self.cursor
        return learner

    def prepare_step(self) -> None:
        """Put the network into training mode, with batch normalisation frozen in the last steps.

        A batch holds pictures of like size, so its statistics differ from the running ones, with
        which pictures are read. A network trained with the former alone reads hardly any single
        letter. In its last steps, or in all if it began with a model, it is therefore trained with
        the running statistics.
        """
        self.network.train()
        share = 1.0 if self.settings.init else self.settings.frozen_norm
        frozen = self.step >= (1 - share) * self.steps
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(not frozen)
                module.momentum = max(NORM_MOMENTUM, 1 / (self.step + 1))

    def backward(self, batch: Batch, *, share: float) -> dict[str, Tensor]:
        """Add the gradient of one batch; the losses, over all processes, by name.

        Args:
            batch: this process's share of it.
            share: part of the step's gradient that the batch makes up.
        """
        glyphs = batch.glyphs.tensors() if batch.glyphs else None
        with self._autocast():
            losses = self._shared(batch.images, batch.sizes, batch.ids, glyphs)
        total = torch.zeros((), device=self.device)
        means = {}
        for name, (mean, weight) in losses.items():
            means[name], factor = self._over_processes(mean.detach(), weight)
            total = total + self.objective.weight(name) * factor * mean
        (total * share).backward()  # type: ignore[no-untyped-call]
        return means

    def _over_processes(self, mean: Tensor, weight: Tensor) -> tuple[Tensor, Tensor | float]:
        """Mean over all processes, and what makes this one's mean its part of that mean.

        Gradients are averaged over processes, whatever the number of tokens that each has.
        """
        if self.processes.size == 1:
            return mean, 1.0
        summed, all_weight = self.processes.sum(torch.stack([mean * weight, weight])).unbind()
        all_weight = all_weight.clamp(min=1e-9)
        return summed / all_weight, weight * self.processes.size / all_weight

    def _autocast(self) -> AbstractContextManager[object]:
        precision = self.settings.precision
        if precision == "bfloat16" or (precision == "auto" and fast_in_bfloat16(self.device)):
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()


class Tally:
    """Losses and norms summed where they are, and read when somebody wants to know.

    Attributes:
        last: means over the steps before the last reading, by name.
    """

    def __init__(self) -> None:
        self.last: dict[str, float] = {}
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one step's figures, 0-dimensional tensors."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        self._steps += 1

    def read(self) -> int:
        """Bring the means into `last` and begin anew; how many steps they cover."""
        steps, names = self._steps, list(self._sums)
        values = torch.stack(list(self._sums.values())).tolist()
        self.last = {name: value / steps for name, value in zip(names, values, strict=True)}
        self._sums, self._steps = {}, 0
        return steps


def smooth(before: float, loss: float, steps: int) -> float:
    """The smoothed loss after `steps` more with the mean `loss`; no number changes nothing."""
    if not math.isfinite(loss):
        return before
    weight = SMOOTHING**steps
    return loss if math.isnan(before) else weight * before + (1 - weight) * loss


def fit(
    learner: Learner,
    batches: Iterable[Batch],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[StepReport]:
    """Train from `learner.step` to `learner.steps`, yielding after each step.

    Between two steps the learner is complete: its state then is what a resumed run needs.

    Args:
        learner: what learns.
        batches: batches from the learner's cursor on, endless.
        clock: seconds, for the rates.
    """
    stream = iter(batches)
    try:
        while learner.step < learner.steps:
            learner.prepare_step()
            yield _step(learner, stream, clock)
    finally:
        close = getattr(stream, "close", None)
        if close:
            close()


def _step(learner: Learner, stream: Iterator[Batch], clock: Callable[[], float]) -> StepReport:
    settings, began = learner.settings, clock()
    rate = learning_rate(
        learner.step,
        steps=learner.steps,
        peak=settings.learning_rate,
        warmup=settings.warmup,
        final=settings.final_rate,
        kind=settings.schedule,
    )
    learner.optimizer.learning_rate = rate
    learner.optimizer.zero_grad()
    sums: dict[str, Tensor] = {}
    waited, pictures, fetching = 0.0, 0, clock()
    for batch in islice(stream, settings.accumulate):
        waited += clock() - fetching
        means = learner.backward(batch.to(learner.device), share=1 / settings.accumulate)
        for name, mean in means.items():
            sums[name] = sums.get(name, torch.zeros_like(mean)) + mean / settings.accumulate
        pictures += len(batch) * learner.processes.size
        learner.cursor = batch.cursor
        fetching = clock()
    sums["grad_norm"] = nn.utils.clip_grad_norm_(learner.optimizer.parameters(), settings.clip)
    _update(learner, sums)
    learner.step += 1
    learner.pictures += pictures
    learner.tally.add(sums)
    covers = 0
    first = learner.step == 1 or not learner.tally.last  # of the run, or since it went on
    if learner.step % learner.interval == 0 or first or learner.step == learner.steps:
        covers = learner.tally.read()
        learner.smoothed = smooth(learner.smoothed, learner.tally.last["text"], covers)
    parts = dict(learner.tally.last)
    seconds = clock() - began
    learner.seconds += seconds
    return StepReport(
        step=learner.step,
        epoch=learner.cursor.epoch,
        loss=parts.pop("text"),
        grad_norm=parts.pop("grad_norm"),
        smoothed=learner.smoothed,
        parts=parts,
        learning_rate=rate,
        pictures=pictures,
        seconds=seconds,
        waited=waited,
        covers=covers,
    )


def _update(learner: Learner, sums: Mapping[str, Tensor]) -> None:
    """Move the weights, unless loss or gradient is no number; decided on the device."""
    sound = torch.isfinite(sums["text"]) & torch.isfinite(sums["grad_norm"])
    learner.optimizer.step(broken=~sound)
    if learner.average:
        learner.average.update(learner.network, learner.step)
