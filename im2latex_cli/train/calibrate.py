"""How many steps fit into a given time: a few real steps, timed and then undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from im2latex_cli.train.batches import Batch, BatchStream, Cursor
from im2latex_cli.train.loop import Learner, fit
from im2latex_cli.train.state import capture, restore

RESERVE = 0.1
"""Share of the time kept for evaluations and for saving."""

_SHARE = 0.05
_MOST_SECONDS = 60.0
_MOST_STEPS = 40
_WARM = 2


def seconds_per_step(
    learner: Learner,
    batches: Sequence[Batch],
    *,
    budget: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Mean time of a step; the learner is afterwards as it was before.

    Args:
        learner: measured with its real steps.
        batches: batches like those of the whole run; the first ones only warm up.
        budget: seconds to spend, a few steps at least.
        clock: seconds.
    """
    live, header = capture(learner)
    tensors = {name: value.clone() for name, value in live.items()}
    learner.steps = max(learner.steps, learner.step + len(batches))
    times: list[float] = []
    began = clock()
    for report in fit(learner, batches, clock=clock):
        times.append(report.seconds)
        if len(times) > _WARM and clock() - began > budget:
            break
    restore(learner, tensors, header)
    return float(np.mean(times[_WARM:] or times))


def steps_in(
    learner: Learner, stream: BatchStream, minutes: float, *, done_seconds: float = 0.0
) -> int:
    """Steps of a run of `minutes`, of which `done_seconds` are spent already."""
    random = np.random.default_rng(0)
    plans = [indices for indices, _ in stream.sample()]
    accumulate = learner.settings.accumulate
    chosen = random.permutation(len(plans))[: _MOST_STEPS * accumulate]
    while len(chosen) < (_WARM + 3) * accumulate:
        chosen = np.concatenate([chosen, chosen])
    batches = [stream.build(plans[i], Cursor()) for i in chosen]
    budget = min(_SHARE * minutes * 60, _MOST_SECONDS)
    each = seconds_per_step(
        learner, batches[: len(batches) // accumulate * accumulate], budget=budget
    )
    left = max(minutes * 60 * (1 - RESERVE) - budget - done_seconds, each)
    return learner.step + max(int(left / each), 1)
