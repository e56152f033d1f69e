"""The training loop: one optimiser step after another, and nothing else.

`fit` is a generator; whoever consumes it evaluates, logs, saves and stops between the steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn

from im2latex_cli.model.network import Network
from im2latex_cli.settings.training import TrainSettings
from im2latex_cli.train.average import Average
from im2latex_cli.train.batches import Batch, Cursor
from im2latex_cli.train.losses import GlyphHead, Losses, attention_loss, text_loss
from im2latex_cli.train.schedule import learning_rate

BETAS = (0.9, 0.98)
SMOOTHING = 0.98
"""Weight of the past in the smoothed loss."""


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
        optimizer: AdamW over network and head.
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
    ) -> None:
        self.settings = settings
        self.device = device
        self.network = network.to(device)
        self.head = head.to(device) if head else None
        raw = settings.init is None
        self.average = Average(self.network, settings.ema, raw=raw) if settings.ema else None
        self.optimizer = _optimizer([self.network, self.head], settings)
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

    def parameters(self) -> list[nn.Parameter]:
        """Every trained parameter."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def losses(self, batch: Batch) -> Losses:
        """Forward pass of one batch."""
        with self._autocast():
            memory = self.network.encode(batch.images, batch.sizes)
            decoded = self.network.decode(memory, batch.ids[:, :-1])
            text = text_loss(
                decoded.logits, batch.ids[:, 1:], smoothing=self.settings.label_smoothing
            )
            if batch.glyphs is None:
                return Losses(text)
            frame = torch.tensor(batch.images.shape[-2:], device=text.device)
            attention = glyph = None
            if self.settings.attention_weight:
                attention = attention_loss(
                    decoded.attention, memory.mask, batch.glyphs, grid=memory.grid, frame=frame
                )
            if self.head is not None:
                glyph = self.head(memory.glyphs, batch.glyphs, frame)
            return Losses(text, glyph, attention)

    def total(self, losses: Losses) -> Tensor:
        """The weighted sum of the losses."""
        return losses.total(
            glyph_weight=self.settings.glyph_weight,
            attention_weight=self.settings.attention_weight,
        )

    def _autocast(self) -> AbstractContextManager[object]:
        wanted = self.settings.precision
        if wanted == "bfloat16" or (wanted == "auto" and self.device.type == "cuda"):
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()


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
            learner.network.train()
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
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.optimizer.zero_grad(set_to_none=True)
    sums: dict[str, Tensor] = {}
    waited, pictures, fetching = 0.0, 0, clock()
    for batch in islice(stream, settings.accumulate):
        waited += clock() - fetching
        losses = learner.losses(batch.to(learner.device))
        (learner.total(losses) / settings.accumulate).backward()  # type: ignore[no-untyped-call]
        for name in ("text", "glyph", "attention"):
            value = getattr(losses, name)
            if value is not None:
                sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()
        pictures += len(batch)
        learner.cursor = batch.cursor
        fetching = clock()
    norm = nn.utils.clip_grad_norm_(learner.parameters(), settings.clip)
    parts = {name: float(value) / settings.accumulate for name, value in sums.items()}
    loss = parts.pop("text")
    if math.isfinite(loss) and math.isfinite(float(norm)):
        learner.optimizer.step()
        if learner.average:
            learner.average.update(learner.network, learner.step)
    learner.step += 1
    learner.pictures += pictures
    learner.smoothed = (
        loss
        if math.isnan(learner.smoothed)
        else SMOOTHING * learner.smoothed + (1 - SMOOTHING) * loss
    )
    seconds = clock() - began
    learner.seconds += seconds
    return StepReport(
        step=learner.step,
        epoch=learner.cursor.epoch,
        loss=loss,
        smoothed=learner.smoothed,
        parts=parts,
        learning_rate=rate,
        grad_norm=float(norm),
        pictures=pictures,
        seconds=seconds,
        waited=waited,
    )


def _optimizer(modules: list[nn.Module | None], settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves biases, norms and scales alone."""
    parameters = [p for module in modules if module for p in module.parameters()]
    groups = [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    device = parameters[0].device.type
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, betas=BETAS, fused=device in {"cpu", "cuda"}
    )
