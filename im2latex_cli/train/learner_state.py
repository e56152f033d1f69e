"""The state from which a learner goes on exactly: tensors and its progress, both ways."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from im2latex_cli.errors import CheckpointError
from im2latex_cli.train.input.batches import Cursor
from im2latex_cli.train.loop import Learner


@dataclass(frozen=True, slots=True)
class LearnerProgress:
    """How far a learner is; JSON-ready.

    Attributes:
        steps: of the whole run.
        step: steps done.
        pictures: pictures seen.
        seconds: time spent in steps.
        smoothed: smoothed loss, or None before the first step.
        cursor: position in the stream of batches.
    """

    steps: int = 0
    step: int = 0
    pictures: int = 0
    seconds: float = 0.0
    smoothed: float | None = None
    cursor: Cursor = field(default_factory=Cursor)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LearnerProgress:
        """Read what `dataclasses.asdict` made of it; other fields are ignored.

        Raises:
            KeyError, TypeError, ValueError: it is broken.
        """
        smoothed = values["smoothed"]
        return cls(
            steps=int(values["steps"]),
            step=int(values["step"]),
            pictures=int(values["pictures"]),
            seconds=float(values["seconds"]),
            smoothed=None if smoothed is None else float(smoothed),
            cursor=Cursor(**values["cursor"]),
        )


def capture(learner: Learner) -> tuple[dict[str, Tensor], LearnerProgress]:
    """Everything that the next step depends on.

    Returns:
        Tensors (weights, averages, moments, random generators) and the progress. The tensors are
        the learner's own: write or clone them before the next step.
    """
    tensors = {"random.cpu": torch.get_rng_state()}
    if learner.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(learner.device)
    for part, module in _modules(learner).items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    for number, parameter in enumerate(learner.optimizer.parameters()):
        for name, value in learner.optimizer.moments(parameter).items():
            tensors[f"optimizer.{number}.{name}"] = value
    progress = LearnerProgress(
        steps=learner.steps,
        step=learner.step,
        pictures=learner.pictures,
        seconds=learner.seconds,
        smoothed=None if math.isnan(learner.smoothed) else learner.smoothed,
        cursor=learner.cursor,
    )
    return tensors, progress


def restore(learner: Learner, tensors: Mapping[str, Tensor], progress: LearnerProgress) -> None:
    """Put a captured state into a learner made from the same settings.

    Raises:
        CheckpointError: the state belongs to another network.
    """
    try:
        for part, module in _modules(learner).items():
            module.load_state_dict(_part(tensors, f"{part}."))
        for number, parameter in enumerate(learner.optimizer.parameters()):
            moments = _part(tensors, f"optimizer.{number}.")
            learner.optimizer.set_moments(
                parameter, {name: _like(parameter, value) for name, value in moments.items()}
            )
        torch.set_rng_state(tensors["random.cpu"])
        if learner.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], learner.device)
    except (KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"The saved training state does not fit this network ({reason}).",
            hint="Resume with the settings it began with, or begin anew with `force`.",
        ) from error
    learner.cursor, learner.steps, learner.step = progress.cursor, progress.steps, progress.step
    learner.pictures, learner.seconds = progress.pictures, progress.seconds
    learner.smoothed = math.nan if progress.smoothed is None else progress.smoothed


def _modules(learner: Learner) -> dict[str, nn.Module]:
    modules: dict[str, nn.Module] = {"network": learner.network}
    if learner.average:
        modules["average"] = learner.average.network
        if learner.average.anchor:
            modules["anchor"] = learner.average.anchor
    if learner.head:
        modules["head"] = learner.head
    return modules


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """Give a moment the device and memory layout of its parameter: fused kernels rely on both."""
    if value.shape != parameter.shape:
        return value.clone().to(parameter.device)
    return torch.empty_like(parameter).copy_(value)
