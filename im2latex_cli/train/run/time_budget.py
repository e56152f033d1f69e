"""How many steps fit into a given time.

A few steps of a copy of the learner give the seconds per unit of work; what the rest of the run
will cost follows from the plan of its batches. `Pace` corrects the count while the run is young,
from the steps it really did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from im2latex_cli.train.input.batches import Batch, BatchStream, Cursor, Indices
from im2latex_cli.train.input.pack import Packed
from im2latex_cli.train.loop import Learner, fit
from im2latex_cli.train.run.speed import Speed, measure_speed
from im2latex_cli.vision.canvas import UNIT

RESERVE = 0.1
"""Share of the time kept for evaluations and for saving."""

TOKEN = 140
"""Pixels that cost a network of the preset fast about as much as one token."""

CORRECTIONS = (0.05, 0.15, 0.3)
"""Shares of the time after which the number of steps is corrected; then it is fixed."""

_SHARE = 0.05
_MOST_SECONDS = 60.0
_MOST_STEPS = 40
_WARM, _TIMED = 2, 3


def batch_work(batch: Batch) -> int:
    """Work of a batch in pixels, padding included; tokens count as `TOKEN` pixels each."""
    count, _, height, width = batch.images.shape
    return count * (height * width + TOKEN * (batch.ids.shape[1] - 1))


def planned_work(packed: Packed, indices: Indices) -> int:
    """About the same before the batch is built."""
    height, width = -(-packed.sizes[indices].max(axis=0) // UNIT) * UNIT
    longest = packed.lengths[indices].max() + 1
    return int(len(indices) * (height * width + TOKEN * longest))


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
class Plan:
    """How long a run of given minutes will be.

    Attributes:
        steps: of the whole run.
        speed: of the steps that were tried; None on a GPU and for several processes.
    """

    steps: int
    speed: Speed | None


def first_guess(learner: Learner, stream: BatchStream, minutes: float) -> Plan:
    """Steps that a run of `minutes` should have, its learner being at its beginning.

    The learner stays as it is, and so do random generators.
    """
    random = np.random.default_rng(0)
    plans = stream.sample()
    accumulate = learner.settings.accumulate
    chosen = random.permutation(len(plans))[: _MOST_STEPS * accumulate]
    while len(chosen) < (_WARM + _TIMED) * accumulate:
        chosen = np.concatenate([chosen, chosen])
    batches = [stream.build(plans[i], Cursor()) for i in chosen]
    batches = batches[: len(batches) // accumulate * accumulate]
    budget = min(_SHARE * minutes * 60, _MOST_SECONDS)
    measurable = learner.device.type == "cpu" and learner.processes.size == 1
    devices = [learner.device] if learner.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        tried = learner.copy()
        speed = measure_speed(tried, batches[:accumulate]) if measurable else None
        rate = seconds_per_work(tried, batches, budget=budget)
    left = minutes * 60 * (1 - RESERVE) - budget
    return Plan(learner.step + steps_in(learner, stream, left, rate=rate), speed)


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
