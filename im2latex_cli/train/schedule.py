"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math
from typing import Literal

SEED_DECAY_FROM = 6 / 15
SEED_DECAY_TO = 13 / 15
"""Shares of the run between which the seed's schedule decays."""


def learning_rate(
    step: int,
    *,
    steps: int,
    peak: float,
    warmup: float,
    final: float,
    kind: Literal["seed", "cosine"],
) -> float:
    """Learning rate of one step.

    Args:
        step: number of the step, from 0.
        steps: steps of the whole run.
        peak: highest learning rate.
        warmup: share of the steps that warm up.
        final: rate at the end, as a share of `peak`.
        kind: `seed` holds the final rate while warming up, then the peak, decays exponentially
            between 6/15 and 13/15 of the run and holds the final rate; `cosine` warms up
            linearly and follows a half cosine down to the end.
    """
    done = min(step / max(steps, 1), 1.0)
    if kind == "seed":
        return peak * _seed(done, warmup=warmup, final=final)
    warm_steps = math.ceil(warmup * steps)
    if step < warm_steps:
        return peak * (step + 1) / warm_steps
    down = (done - warmup) / max(1.0 - warmup, 1e-9)
    return peak * (final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * down)))


def _seed(done: float, *, warmup: float, final: float) -> float:
    if done < warmup:
        return final
    if done <= SEED_DECAY_FROM:
        return 1.0
    if done >= SEED_DECAY_TO:
        return final
    part = (done - SEED_DECAY_FROM) / (SEED_DECAY_TO - SEED_DECAY_FROM)
    return math.exp(part * math.log(max(final, 1e-6)))


def allowed_length(
    step: int, *, steps: int, short_first: float, shortest: int, longest: int
) -> int:
    """Longest formula, in tokens, that a step may train on: short formulas first.

    Grows linearly from `shortest` to `longest` over the share `short_first` of the steps.
    """
    growing = short_first * steps
    if growing <= 0 or step >= growing:
        return longest
    return round(shortest + (longest - shortest) * step / growing)
