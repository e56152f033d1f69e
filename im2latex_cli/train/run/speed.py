"""How fast a CPU computes training steps, beside how fast it multiplies matrices."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from im2latex_cli.network.device import fast_in_bfloat16
from im2latex_cli.settings.training import TrainSettings
from im2latex_cli.train.input.batches import Batch
from im2latex_cli.train.loop import Learner, fit

LOW_EFFICIENCY = 0.2
"""Share of the matrix rate below which something is wrong. On two AVX2 cores at load 10, `fast`
has 0.73, `seed` 0.59 and `small` 0.43; Muon with bfloat16 and no instructions for it, 0.05."""

LOW_CPU_SHARE = 0.5
"""Share of its cores below which a training should say that it does not get them."""

MATRIX_SECONDS = 0.3
_SIDE = 1024


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
                f"the time than should. Likely cause: {_cause(settings, self.threads)}."
            )
        if self.cpu_share < LOW_CPU_SHARE:
            lines.append(
                f"The {self.threads} threads of this training got {100 * self.cpu_share:.0f} % of "
                "their processor time while its speed was measured. Likely cause: other programs, "
                "or a container with fewer cores than threads (`threads`). The number of steps is "
                "corrected three times in the first third of the time."
            )
        return lines


def _cause(settings: TrainSettings, threads: int) -> str:
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
    began, busy = clock(), time.process_time()
    next(fit(learner, batches))
    wall, busy = clock() - began, time.process_time() - busy
    threads = torch.get_num_threads()
    return Speed(
        efficiency=operations / max(busy, 1e-9) / matrix_rate(torch.float32),
        cpu_share=min(busy / max(wall * threads, 1e-9), 1.0),
        threads=threads,
    )


def matrix_rate(dtype: torch.dtype, *, seconds: float = MATRIX_SECONDS) -> float:
    """Operations per second of processor time of a large matrix product on the CPU."""
    left, right = (torch.randn(_SIDE, _SIDE, dtype=dtype) for _ in range(2))
    left @ right
    began, count = time.process_time(), 0
    while count == 0 or time.process_time() - began < seconds:
        left @ right
        count += 1
    return 2 * _SIDE**3 * count / max(time.process_time() - began, 1e-9)
