"""One training under way: the learner, its data, its evaluations and what to remember of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.latex.vocab import UNK, Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import choose_device, fast_in_bfloat16
from im2latex_cli.settings.sections import RuntimeSettings, Settings
from im2latex_cli.train.batches import Batch, BatchStream
from im2latex_cli.train.diagnosis import Finding, RunStatistics, diagnose, measure, nonfinite, skew
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup
from im2latex_cli.train.loop import Learner, StepReport, fit
from im2latex_cli.train.losses import GlyphClasses, GlyphHead, find_classes
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.run_state import History, RunState, begin_from, bound, capture, restore
from im2latex_cli.train.time_budget import batch_work, first_guess
from im2latex_cli.train.validation import (
    Evaluation,
    attention_map,
    choose,
    evaluate,
    label_losses,
)
from im2latex_cli.vision.augment import Augmenter
from im2latex_cli.vision.prepare import Preprocessing

EVALUATIONS = 10
"""Most evaluations of a run whose settings do not say when to evaluate."""

NONFINITE = 5
"""Steps in a row without a finite loss after which a run stops."""


def open_device(runtime: RuntimeSettings, processes: ProcessGroup = SINGLE_PROCESS) -> torch.device:
    """Choose the device, and set threads and seed; each process of a machine gets its own GPU.

    Raises:
        UsageError: the device asked for is not here.
    """
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    torch.manual_seed(runtime.seed)
    device = choose_device(runtime.device)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        device = torch.device("cuda", processes.local)
        torch.cuda.set_device(device)
    return device


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a run learns from.

    Attributes:
        train: the split to learn from.
        val: the split to evaluate on.
        vocab: the tokens.
        preprocessing: what the pictures went through.
    """

    train: PackedSplit
    val: PackedSplit
    vocab: Vocab
    preprocessing: Preprocessing


@dataclass
class Throughput:
    """Sums over the steps of this process, not of the whole run."""

    seconds: float = 0.0
    waited: float = 0.0
    pictures: int = 0

    def add(self, report: StepReport) -> None:
        """Count a step."""
        self.seconds += report.seconds
        self.waited += report.waited
        self.pictures += report.pictures

    @property
    def pictures_per_second(self) -> float:
        """Training speed, 0 before the first step."""
        return self.pictures / self.seconds if self.seconds else 0.0

    @property
    def loader_share(self) -> float:
        """Percent of the time that was spent waiting for batches."""
        return 100.0 * self.waited / self.seconds if self.seconds else 0.0


class TrainingRun:
    """One training; `begin` and `resume` make it.

    Attributes:
        settings: with the preset already in.
        data: what it learns from.
        learner: what learns.
        classes: the glyph classes, or None if no glyphs are taught.
        record: what the run remembers, but for the learner's progress.
        processes: who trains along; every process has a run, and all take the same steps.
        throughput: of this process.
        warnings: what a person should know of the run's speed; one line each.
    """

    def __init__(
        self,
        settings: Settings,
        data: TrainingData,
        learner: Learner,
        *,
        classes: GlyphClasses | None,
        record: RunState,
        processes: ProcessGroup,
    ) -> None:
        self.settings, self.data, self.learner = settings, data, learner
        self.classes, self.record, self.processes = classes, record, processes
        self.device = learner.device
        self.throughput = Throughput()
        self.warnings: list[str] = []
        if settings.train.precision == "bfloat16" and not fast_in_bfloat16(self.device):
            self.warnings.append(
                f"train.precision=bfloat16 is slow on this {self.device.type.upper()}, which has "
                "no instructions for it: leave it at auto, which is float32 here."
            )
        self.chosen = choose(data.val, settings.train.evaluate_limit, seed=settings.runtime.seed)
        self._norms: list[float] = []
        self._bad = 0

    @classmethod
    def begin(
        cls,
        settings: Settings,
        data: TrainingData,
        *,
        start: Mapping[str, Tensor] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> TrainingRun:
        """Begin a run.

        Args:
            settings: with the preset already in.
            data: what to learn from.
            start: the weights to begin with, whose tokens are the first of the vocabulary.
            processes: who trains along.
        """
        device = open_device(settings.runtime, processes)
        classes = find_classes(data.train) if _teaches_glyphs(settings) else None
        learner = _new_learner(settings, data, device, classes, start=start, processes=processes)
        if start and learner.average:
            learner.average.forget_new_rows(start)
        record = RunState(
            settings=bound(settings),
            data=data.train.key,
            epochs=settings.train.epochs,
            max_minutes=settings.train.max_minutes,
            glyph_classes=classes.names if classes else None,
        )
        run = cls(settings, data, learner, classes=classes, record=record, processes=processes)
        learner.steps = run._planned_steps()
        run._draw_apart()
        return run

    @classmethod
    def resume(
        cls,
        settings: Settings,
        data: TrainingData,
        tensors: Mapping[str, Tensor],
        record: RunState,
        *,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> TrainingRun:
        """Go on with a run.

        Args:
            settings: those it began with, but for what `run_state.bound` leaves free.
            data: the same as ever.
            tensors: of the state file.
            record: of the state file.
            processes: who trains along; may be others than before.

        Raises:
            CheckpointError: the tensors belong to another network.
        """
        device = open_device(settings.runtime, processes)
        classes = None
        if _teaches_glyphs(settings) and record.glyph_classes:
            classes = GlyphClasses(record.glyph_classes, ()).for_kinds(data.train.kinds)
        learner = _new_learner(settings, data, device, classes, processes=processes)
        restore(learner, tensors, record.progress)
        run = cls(settings, data, learner, classes=classes, record=record, processes=processes)
        lengths = (settings.train.epochs, settings.train.max_minutes)
        if lengths != (record.epochs, record.max_minutes):
            learner.steps = max(run._planned_steps(), learner.step)
            record.epochs, record.max_minutes = lengths
            record.history.finished = False
        run._draw_apart()
        return run

    @property
    def history(self) -> History:
        """What the run remembers of its losses and evaluations."""
        return self.record.history

    @cached_property
    def epoch_steps(self) -> int:
        """Steps of one pass over the whole split."""
        batches = self._stream().epoch_batches()
        return math.ceil(batches / self.settings.train.accumulate)

    @property
    def every(self) -> int:
        """Steps between evaluations."""
        interval = self.settings.train.evaluate_every
        return interval or max(self.epoch_steps, math.ceil(self.learner.steps / EVALUATIONS))

    def steps(self) -> Iterator[StepReport]:
        """Train on, yielding after each step.

        Raises:
            FloatingPointError: the loss is no longer a number.
        """
        stream = self._stream()
        for report in fit(self.learner, self._count_work(stream)):
            self.throughput.add(report)
            if report.covers:
                self._take_note(report)
            self._keep_pace(report, stream)
            yield report

    def _take_note(self, report: StepReport) -> None:
        self._bad = 0 if report.finite else self._bad + 1
        if self._bad >= NONFINITE:
            raise FloatingPointError(nonfinite(report.step, report.learning_rate))
        self._norms.append(report.grad_norm)
        if self.history.first_loss is None:
            self.history.first_loss = report.loss
        if report.step * 10 <= self.learner.steps and report.finite:
            self.history.early_peak = max(self.history.early_peak, report.loss)
        if report.step * 20 > self.learner.steps:
            best = self.history.best_loss
            self.history.best_loss = min(best or report.smoothed, report.smoothed)

    def evaluate(self, packed: PackedSplit | None = None) -> Evaluation:
        """Read the chosen validation pictures, or as many of another split."""
        limit, seed = self.settings.train.evaluate_limit, self.settings.runtime.seed
        return evaluate(
            self.learner.best_network,
            packed or self.data.val,
            choose(packed, limit, seed=seed) if packed else self.chosen,
            vocab=self.data.vocab,
            pixels=self.settings.decode.batch_pixels,
            max_tokens=self.settings.decode.max_tokens,
            device=self.device,
            processes=self.processes,
        )

    def label_losses(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Losses of labels of the train split that have known tokens only.

        Returns:
            (N,) indices into the split, and (N,) cross-entropy per token in nats.
        """
        train = self.data.train
        selection = choose(train, self.settings.train.check_labels, seed=self.settings.runtime.seed)
        known_only = [int(index) for index in selection if UNK not in train.formula(int(index))]
        indices = np.array(known_only, np.int64)
        pixels = self.settings.decode.batch_pixels
        network = self.learner.best_network
        losses = label_losses(network, train, indices, pixels=pixels, device=self.device)
        return indices, losses

    def examine(self, evaluation: Evaluation) -> tuple[RunStatistics, list[Finding]]:
        """Take the vital figures after an evaluation and say what is wrong."""
        stream = self._stream(SINGLE_PROCESS)  # every process looks at the whole batch
        indices, cursor = next(iter(stream.order()))
        statistics = measure(
            self.learner,
            stream.build(indices, cursor),
            evaluation,
            best_loss=self.history.best_loss or self.learner.smoothed,
            grad_norms=tuple(self._norms),
            history=tuple(self.history.losses),
            vocab_size=len(self.data.vocab),
            skew=self._skew,
            first_loss=self.history.first_loss or 0.0,
            early_peak=self.history.early_peak,
        )
        self._norms.clear()
        return statistics, diagnose(statistics)

    @cached_property
    def _skew(self) -> float:
        return skew(self.data.train)

    def remember(self, evaluation: Evaluation) -> bool:
        """Take note of an evaluation; whether it is the best so far."""
        self.history.losses.append(evaluation.loss)
        rank = list(evaluation.rank)
        last = self.settings.train.choose == "last"
        better = last or not self.history.best_rank or rank > self.history.best_rank
        self.history.since_best = 0 if better else self.history.since_best + 1
        fitted = evaluation.calibration
        self.history.calibration = fitted.to_json() if fitted else None
        if better:
            self.history.best_rank = rank
            self.history.best = {"step": self.learner.step, **evaluation.row()}
        return better

    def model(self, info: Mapping[str, Any]) -> ModelFile:
        """The model file of this moment."""
        tensors = self.learner.best_network.state_dict()
        return ModelFile(
            self.settings.model, self.data.vocab, self.data.preprocessing, dict(tensors), dict(info)
        )

    def state(self) -> tuple[dict[str, Tensor], RunState]:
        """Everything that going on needs: tensors, and the record with the learner's progress."""
        tensors, progress = capture(self.learner)
        return tensors, replace(self.record, progress=progress)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """(H, W) one validation picture, for the log."""
        return self.data.val.picture(index)

    def attention(self, index: int) -> NDArray[np.uint8]:
        """(3, H, W) where the network looks for one validation formula, for the log."""
        formula = self.data.val.formula(index)
        return attention_map(
            self.learner.best_network, self.picture(index), formula, device=self.device
        )

    def tensors(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weights by name, and the last gradients, for the log."""
        parameters = dict(self.learner.network.named_parameters())
        gradients = {name: p.grad for name, p in parameters.items() if p.grad is not None}
        return {name: p.detach() for name, p in parameters.items()}, gradients

    def _count_work(self, stream: BatchStream) -> Iterator[Batch]:
        """The stream's batches, their work counted."""
        for batch in stream:
            self.record.pace.work += batch_work(batch)
            yield batch

    def _keep_pace(self, report: StepReport, stream: BatchStream) -> None:
        minutes = self.settings.train.max_minutes
        self.record.pace.seconds += report.seconds
        if minutes:
            self.record.pace.correct(self.learner, self._stream(), minutes)
            stream.steps = self.learner.steps = self.processes.broadcast(self.learner.steps)

    def _planned_steps(self) -> int:
        settings = self.settings.train
        total = settings.epochs * self.epoch_steps
        if settings.max_minutes is None:
            return total
        self.learner.steps = max(total, 1)
        plan = first_guess(self.learner, self._stream(), settings.max_minutes)
        if plan.speed:
            self.warnings += plan.speed.warnings(settings)
        return plan.steps

    def _draw_apart(self) -> None:
        """Let every process but the first drop other activations."""
        if self.processes.rank:
            seed = self.settings.runtime.seed + 7919 * self.processes.rank
            torch.manual_seed(seed + self.learner.step)

    def _stream(self, processes: ProcessGroup | None = None) -> BatchStream:
        return BatchStream(
            self.data.train,
            self.settings.train,
            seed=self.settings.runtime.seed,
            steps=self.learner.steps,
            cursor=self.learner.cursor,
            classes=self.classes,
            augment=Augmenter(self.data.preprocessing) if self.settings.train.augment else None,
            workers=1 if self.device.type == "cpu" else 8,
            processes=processes or self.processes,
            device=self.device.type,
        )


def _teaches_glyphs(settings: Settings) -> bool:
    return bool(settings.train.glyph_weight or settings.train.attention_weight)


def _new_learner(
    settings: Settings,
    data: TrainingData,
    device: torch.device,
    classes: GlyphClasses | None,
    *,
    start: Mapping[str, Tensor] | None = None,
    processes: ProcessGroup,
) -> Learner:
    network = Network(settings.model, len(data.vocab))
    if start:
        begin_from(network, start)
    head = None
    if classes and settings.train.glyph_weight:
        head = GlyphHead(network.glyph_channels, len(classes))
    return Learner(network, settings.train, steps=1, device=device, head=head, processes=processes)
