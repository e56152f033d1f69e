"""One training under way: the learner, its data, its evaluations and what to remember of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.model.device import choose_device
from im2latex_cli.model.network import Network
from im2latex_cli.settings.sections import RuntimeSettings
from im2latex_cli.settings.tree import Settings
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup
from im2latex_cli.train.input.augmentation import Distorter
from im2latex_cli.train.input.batches import Batch, BatchStream
from im2latex_cli.train.input.glyph_targets import GlyphClasses, find_classes
from im2latex_cli.train.input.pack import Packed
from im2latex_cli.train.learner_state import capture, restore
from im2latex_cli.train.loop import Learner, StepReport, fit
from im2latex_cli.train.losses import GlyphHead
from im2latex_cli.train.monitor import diagnosis
from im2latex_cli.train.monitor.attention_map import attention_map
from im2latex_cli.train.monitor.run_statistics import RunStatistics, measure, skew
from im2latex_cli.train.monitor.validation import Evaluation, choose, evaluate
from im2latex_cli.train.run.time_budget import Pace, batch_work, first_guess
from im2latex_cli.train.run.warm_start import begin_from
from im2latex_cli.vision.prepare import Preprocessing

EVALUATIONS = 10
"""Most evaluations of a run whose settings do not say when to evaluate."""

NONFINITE = 5
"""Steps in a row without a finite loss after which a run stops."""


@dataclass
class Memory:
    """What a run remembers of its evaluations; JSON-ready, kept in the state."""

    best: dict[str, Any] = field(default_factory=dict)
    best_rank: list[float] = field(default_factory=list)
    since_best: int = 0
    losses: list[float] = field(default_factory=list)
    best_loss: float | None = None
    first_loss: float | None = None
    early_peak: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    recalled: dict[str, Any] | None = None
    calibration: dict[str, float] | None = None
    finished: bool = False


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


class TrainingRun:
    """One training.

    Args:
        settings: with the preset already in.
        train: the split to learn from.
        val: the split to evaluate on.
        vocab: the tokens.
        preprocessing: what the pictures went through.
        state: what an interrupted run left, to go on from.
        start: the weights to begin with, whose tokens are the first of `vocab`.
        processes: who trains along; every process has a session, and all take the same steps.
    """

    def __init__(
        self,
        settings: Settings,
        train: Packed,
        val: Packed,
        *,
        vocab: Vocab,
        preprocessing: Preprocessing,
        state: tuple[Mapping[str, Tensor], Mapping[str, Any]] | None = None,
        start: Mapping[str, Tensor] | None = None,
        processes: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.settings, self.train, self.val = settings, train, val
        self.vocab, self.preprocessing = vocab, preprocessing
        self.processes = processes
        self.device = open_device(settings.runtime, processes)
        self.classes = self._glyph_classes(state[1] if state else {})
        network = Network(settings.model, len(vocab))
        if start:
            begin_from(network, start)
        head = None
        if self.classes and settings.train.glyph_weight:
            head = GlyphHead(network.glyph_channels, len(self.classes))
        self.learner = Learner(
            network, settings.train, steps=1, device=self.device, head=head, processes=processes
        )
        self.memory, self.pace = Memory(), Pace()
        self.chosen = choose(val, settings.train.evaluate_limit, seed=settings.runtime.seed)
        self._norms: list[float] = []
        self._bad = 0
        if start and self.learner.average:
            self.learner.average.forget_new_rows(start)
        if state:
            restore(self.learner, *state)
            self.memory, self.pace = Memory(**state[1]["memory"]), Pace(**state[1]["pace"])
            self._plan_on(state[1])
        else:
            self.learner.steps = self._planned_steps()
        if processes.rank:  # others drop other activations
            torch.manual_seed(settings.runtime.seed + 7919 * processes.rank + self.learner.step)

    @cached_property
    def epoch_steps(self) -> int:
        """Steps of one pass over the whole split."""
        batches = self._stream().epoch_batches()
        return math.ceil(batches / self.settings.train.accumulate)

    @property
    def every(self) -> int:
        """Steps between evaluations."""
        wanted = self.settings.train.evaluate_every
        return wanted or max(self.epoch_steps, math.ceil(self.learner.steps / EVALUATIONS))

    def steps(self) -> Iterator[StepReport]:
        """Train on, yielding after each step.

        Raises:
            FloatingPointError: the loss is no longer a number.
        """
        stream = self._stream()
        for report in fit(self.learner, self._counted(stream)):
            if report.covers:
                self._take_note(report)
            self._keep_pace(report, stream)
            yield report

    def _take_note(self, report: StepReport) -> None:
        self._bad = 0 if report.finite else self._bad + 1
        if self._bad >= NONFINITE:
            raise FloatingPointError(diagnosis.nonfinite(report.step, report.learning_rate))
        self._norms.append(report.grad_norm)
        if self.memory.first_loss is None:
            self.memory.first_loss = report.loss
        if report.step * 10 <= self.learner.steps and report.finite:
            self.memory.early_peak = max(self.memory.early_peak, report.loss)
        if report.step * 20 > self.learner.steps:
            best = self.memory.best_loss
            self.memory.best_loss = min(best or report.smoothed, report.smoothed)

    def evaluate(self, packed: Packed | None = None) -> Evaluation:
        """Read the chosen validation pictures, or as many of another split."""
        limit, seed = self.settings.train.evaluate_limit, self.settings.runtime.seed
        return evaluate(
            self.learner.best_network,
            packed or self.val,
            choose(packed, limit, seed=seed) if packed else self.chosen,
            vocab=self.vocab,
            pixels=self.settings.decode.batch_pixels,
            max_tokens=self.settings.decode.max_tokens,
            device=self.device,
            processes=self.processes,
        )

    def examine(self, evaluation: Evaluation) -> tuple[RunStatistics, list[diagnosis.Finding]]:
        """Take the vital figures after an evaluation and say what is wrong."""
        stream = self._stream(SINGLE_PROCESS)  # every process looks at the whole batch
        indices, cursor = next(iter(stream.order()))
        statistics = measure(
            self.learner,
            stream.build(indices, cursor),
            evaluation,
            best_loss=self.memory.best_loss or self.learner.smoothed,
            grad_norms=tuple(self._norms),
            history=tuple(self.memory.losses),
            vocab_size=len(self.vocab),
            skew=self._skew,
            first_loss=self.memory.first_loss or 0.0,
            early_peak=self.memory.early_peak,
        )
        self._norms.clear()
        return statistics, diagnosis.diagnose(statistics)

    @cached_property
    def _skew(self) -> float:
        return skew(self.train)

    def remember(self, evaluation: Evaluation) -> bool:
        """Take note of an evaluation; whether it is the best so far."""
        self.memory.losses.append(evaluation.loss)
        rank = list(evaluation.rank)
        last = self.settings.train.choose == "last"
        better = last or not self.memory.best_rank or rank > self.memory.best_rank
        self.memory.since_best = 0 if better else self.memory.since_best + 1
        fitted = evaluation.calibration
        self.memory.calibration = fitted.to_json() if fitted else None
        if better:
            self.memory.best_rank = rank
            self.memory.best = {"step": self.learner.step, **evaluation.row()}
        return better

    def model(self, info: Mapping[str, Any]) -> ModelFile:
        """The model file of this moment."""
        tensors = self.learner.best_network.state_dict()
        return ModelFile(
            self.settings.model, self.vocab, self.preprocessing, dict(tensors), dict(info)
        )

    def state(self, extra: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that going on needs."""
        tensors, header = capture(self.learner)
        header |= {
            "memory": asdict(self.memory),
            "pace": asdict(self.pace),
            "epochs": self.settings.train.epochs,
            "max_minutes": self.settings.train.max_minutes,
            "glyph_classes": self.classes.names if self.classes else None,
            **extra,
        }
        return tensors, header

    def picture(self, index: int) -> NDArray[np.uint8]:
        """(H, W) one validation picture, for the log."""
        return self.val.picture(index)

    def attention(self, index: int) -> NDArray[np.uint8]:
        """(3, H, W) where the network looks for one validation formula, for the log."""
        formula = self.val.formula(index)
        return attention_map(
            self.learner.best_network, self.picture(index), formula, device=self.device
        )

    def tensors(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weights by name, and the last gradients, for the log."""
        named = dict(self.learner.network.named_parameters())
        gradients = {name: p.grad for name, p in named.items() if p.grad is not None}
        return {name: p.detach() for name, p in named.items()}, gradients

    def _counted(self, stream: BatchStream) -> Iterator[Batch]:
        """The stream's batches, their work counted."""
        for batch in stream:
            self.pace.work += batch_work(batch)
            yield batch

    def _keep_pace(self, report: StepReport, stream: BatchStream) -> None:
        minutes = self.settings.train.max_minutes
        self.pace.seconds += report.seconds
        if minutes:
            self.pace.correct(self.learner, self._stream(), minutes)
            stream.steps = self.learner.steps = self.processes.broadcast(self.learner.steps)

    def _planned_steps(self) -> int:
        wanted = self.settings.train
        whole = wanted.epochs * self.epoch_steps
        if wanted.max_minutes is None:
            return whole
        self.learner.steps = max(whole, 1)
        return first_guess(self.learner, self._stream(), wanted.max_minutes)

    def _plan_on(self, header: Mapping[str, Any]) -> None:
        """Keep the number of steps, unless the run is now asked to be longer or shorter."""
        asked = self.settings.train.epochs, self.settings.train.max_minutes
        if asked != (header["epochs"], header["max_minutes"]):
            self.learner.steps = max(self._planned_steps(), self.learner.step)

    def _glyph_classes(self, header: Mapping[str, Any]) -> GlyphClasses | None:
        wanted = self.settings.train.glyph_weight or self.settings.train.attention_weight
        if not wanted:
            return None
        stored = header.get("glyph_classes")
        if stored:
            names = tuple((font, code) for font, code in stored)
            return GlyphClasses(names, ()).for_kinds(self.train.kinds)
        return find_classes(self.train)

    def _stream(self, processes: ProcessGroup | None = None) -> BatchStream:
        return BatchStream(
            self.train,
            self.settings.train,
            seed=self.settings.runtime.seed,
            steps=self.learner.steps,
            cursor=self.learner.cursor,
            classes=self.classes,
            distort=Distorter(self.preprocessing) if self.settings.train.augment else None,
            workers=1 if self.device.type == "cpu" else 8,
            processes=processes or self.processes,
            device=self.device.type,
        )
