"""How many steps fit into a given time, and whether steps are as fast as the machine allows.

A few steps of a copy of the learner give the seconds per unit of work; what the rest of the run
will cost follows from the plan of its batches. `Pace` corrects the count while the run is young,
from the steps it really did.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from im2latex_cli.network.torch_engine import fast_in_bfloat16
from im2latex_cli.settings.sections import TrainSettings
from im2latex_cli.train.batches import Batch, BatchStream, Cursor, Indices
from im2latex_cli.train.loop import Learner, fit
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.vision.prepare import UNIT

RESERVE = 0.1
"""Share of the time kept for evaluations and for saving."""

TOKEN = 140
"""Pixels that cost a network of the preset fast about as much as one token."""

CORRECTIONS = (0.05, 0.15, 0.3)
"""Shares of the time after which the number of steps is corrected; then it is fixed."""

LOW_EFFICIENCY = 0.2
"""Share of the matrix rate below which something is wrong. On two AVX2 cores at load 10, `fast`
has 0.73, `seed` 0.59 and `small` 0.43; Muon with bfloat16 and no instructions for it, 0.05."""

LOW_CPU_SHARE = 0.5
"""Share of its cores below which a training should say that it does not get them."""

_SHARE = 0.05
_MOST_SECONDS = 60.0
_MOST_STEPS = 40
_WARM, _TIMED = 2, 3
_MATRIX_SECONDS, _MATRIX_SIDE = 0.3, 1024

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def batch_work(batch: Batch) -> int:
    """Work of a batch in pixels, padding included; tokens count as `TOKEN` pixels each."""
    count, _, height, width = batch.images.shape
    return count * (height * width + TOKEN * (batch.ids.shape[1] - 1))


def planned_work(packed: PackedSplit, indices: Indices) -> int:
    """About the same before the batch is built."""
    height, width = -(-packed.sizes[indices].max(axis=0) // UNIT) * UNIT
    longest = packed.lengths[indices].max() + 1
    return int(len(indices) * (height * width + TOKEN * longest))


@dataclass(frozen=True, slots=True)
class Speed:
    """What some training steps on a CPU came to.

    Attributes:
        efficiency: operations per second of processor time, as a share of the same figure of a
            large float32 matrix product. Other programs hardly change it.
        cpu_share: processor time as a share of what the threads could have had.
        threads: threads that compute.
    """

    efficiency: float
    cpu_share: float
    threads: int

    def warnings(self, settings: TrainSettings) -> list[str]:
        """What a person should know, with likely causes."""
        lines = []
        if self.efficiency < LOW_EFFICIENCY:
            lines.append(
                f"Training computes at {100 * self.efficiency:.0f} % of this machine's matrix "
                f"rate; {100 * LOW_EFFICIENCY:.0f} % and more are usual, so fewer steps fit into "
                f"the time than should. Likely cause: {_likely_cause(settings, self.threads)}."
            )
        if self.cpu_share < LOW_CPU_SHARE:
            lines.append(
                f"The {self.threads} threads of this training got {100 * self.cpu_share:.0f} % of "
                "their processor time while its speed was measured. Likely cause: other programs, "
                "or a container with fewer cores than threads (`threads`). The number of steps is "
                "corrected three times in the first third of the time."
            )
        return lines


def _likely_cause(settings: TrainSettings, threads: int) -> str:
    if settings.precision == "bfloat16" and not fast_in_bfloat16(torch.device("cpu")):
        return "train.precision=bfloat16 on a CPU without instructions for it; take auto"
    return (
        f"{threads} threads that wait for each other (try another value of `threads`), very small "
        "batches (train.batch_size, train.batch_pixels), or a torch built without a fast matrix "
        "library"
    )


def measure_speed(
    learner: Learner, batches: Sequence[Batch], *, clock: Callable[[], float] = time.perf_counter
) -> Speed:
    """Take two steps on the same batches: the first counts operations, the second is timed.

    Args:
        learner: on a CPU, alone; it learns, so give a copy.
        batches: those of one step.
        clock: seconds.
    """
    learner.steps = learner.step + 2
    with FlopCounterMode(display=False) as counter:
        next(fit(learner, batches))
    operations = counter.get_total_flops()
    began, cpu_seconds = clock(), time.process_time()
    next(fit(learner, batches))
    wall, cpu_seconds = clock() - began, time.process_time() - cpu_seconds
    threads = torch.get_num_threads()
    return Speed(
        efficiency=operations / max(cpu_seconds, 1e-9) / matrix_rate(torch.float32),
        cpu_share=min(cpu_seconds / max(wall * threads, 1e-9), 1.0),
        threads=threads,
    )


def matrix_rate(dtype: torch.dtype, *, seconds: float = _MATRIX_SECONDS) -> float:
    """Operations per second of processor time of a large matrix product on the CPU."""
    left, right = (torch.randn(_MATRIX_SIDE, _MATRIX_SIDE, dtype=dtype) for _ in range(2))
    left @ right
    began, count = time.process_time(), 0
    while count == 0 or time.process_time() - began < seconds:
        left @ right
        count += 1
    return 2 * _MATRIX_SIDE**3 * count / max(time.process_time() - began, 1e-9)


def seconds_per_work(
    learner: Learner,
    batches: Sequence[Batch],
    *,
    budget: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Time of one unit of work.

    Args:
        learner: it learns, so give a copy.
        batches: batches like those of the whole run; the first ones only warm up.
        budget: seconds to spend, five steps at least.
        clock: seconds.
    """
    each = learner.settings.accumulate
    learner.steps = learner.step + len(batches) // each  # a fast machine may use them all
    learner.interval = 1  # a GPU that nobody waits for has no time of a step
    rates, began = [], clock()
    for number, report in enumerate(fit(learner, batches, clock=clock)):
        work = sum(map(batch_work, batches[number * each : (number + 1) * each]))
        rates.append(report.seconds / work)
        enough = len(rates) >= _WARM + _TIMED and clock() - began > budget
        if learner.processes.broadcast(enough):
            break
    return learner.processes.broadcast(float(np.median(rates[_WARM:] or rates)))


@dataclass(frozen=True, slots=True)
class TimePlan:
    """How long a run of given minutes will be.

    Attributes:
        steps: of the whole run.
        speed: of the steps that were tried; None on a GPU and for several processes.
    """

    steps: int
    speed: Speed | None


def first_guess(learner: Learner, stream: BatchStream, minutes: float) -> TimePlan:
    """Steps that a run of `minutes` should have in all, those before a pause included.

    The learner stays as it is, and so do random generators.
    """
    random = np.random.default_rng(0)
    plans = stream.sample()
    accumulate = learner.settings.accumulate
    selection = random.permutation(len(plans))[: _MOST_STEPS * accumulate]
    while len(selection) < (_WARM + _TIMED) * accumulate:
        selection = np.concatenate([selection, selection])
    batches = [stream.build(plans[i], Cursor()) for i in selection]
    batches = batches[: len(batches) // accumulate * accumulate]
    budget = min(_SHARE * minutes * 60, _MOST_SECONDS)
    measurable = learner.device.type == "cpu" and learner.processes.size == 1
    devices = [learner.device] if learner.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        trial = learner.copy()
        speed = measure_speed(trial, batches[:accumulate]) if measurable else None
        rate = seconds_per_work(trial, batches, budget=budget)
    left = minutes * 60 * (1 - RESERVE) - budget - learner.seconds
    return TimePlan(learner.step + steps_in(learner, stream, left, rate=rate), speed)


def steps_in(learner: Learner, stream: BatchStream, seconds: float, *, rate: float) -> int:
    """Steps that fit into `seconds` at `rate` seconds per unit of work; at least 1."""
    works = [planned_work(stream.packed, indices) for indices in stream.sample()]
    each = float(np.mean(works)) * learner.settings.accumulate * rate
    return max(int(seconds / each), 1)


@dataclass
class Pace:
    """What a run of fixed time has done so far; JSON-ready.

    Attributes:
        work: work done.
        seconds: time that it took.
        corrections: corrections made.
    """

    work: int = 0
    seconds: float = 0.0
    corrections: int = 0

    def correct(self, learner: Learner, stream: BatchStream, minutes: float) -> bool:
        """Set the learner's steps to what the time left allows, when it is time to do so."""
        if self.corrections == len(CORRECTIONS) or not self.work:
            return False
        if learner.seconds < CORRECTIONS[self.corrections] * minutes * 60:
            return False
        self.corrections += 1
        left = minutes * 60 * (1 - RESERVE) - learner.seconds
        if left <= 0:
            return False
        rate = self.seconds / self.work
        learner.steps = learner.step + steps_in(learner, stream, left, rate=rate)
        return True


class StopRequest:
    """Within it the first SIGINT or SIGTERM only sets `requested`; the second acts as ever.

    Does nothing outside the main thread, where signals cannot be caught.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
