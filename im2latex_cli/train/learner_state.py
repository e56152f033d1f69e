"""The state from which a training goes on exactly: tensors and a JSON header, both ways."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from im2latex_cli.errors import CheckpointError
from im2latex_cli.train.input.batches import Cursor
from im2latex_cli.train.loop import Learner

FORMAT = 1


def capture(learner: Learner) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Everything that the next step depends on.

    Returns:
        Tensors (weights, averages, moments, random generators) and a JSON-ready header. The
        tensors are the learner's own: write or clone them before the next step.
    """
    tensors = {"random.cpu": torch.get_rng_state()}
    if learner.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(learner.device)
    for part, module in _modules(learner).items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    for number, parameter in enumerate(learner.optimizer.parameters()):
        for name, value in learner.optimizer.moments(parameter).items():
            tensors[f"optimizer.{number}.{name}"] = value
    header = {
        "kind": "state",
        "format": FORMAT,
        "steps": learner.steps,
        "step": learner.step,
        "pictures": learner.pictures,
        "seconds": learner.seconds,
        "smoothed": None if math.isnan(learner.smoothed) else learner.smoothed,
        "cursor": asdict(learner.cursor),
    }
    return tensors, header


def restore(learner: Learner, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
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
        learner.cursor = Cursor(**header["cursor"])
        learner.steps, learner.step = int(header["steps"]), int(header["step"])
        learner.pictures, learner.seconds = int(header["pictures"]), float(header["seconds"])
        smoothed = header["smoothed"]
        learner.smoothed = math.nan if smoothed is None else float(smoothed)
        torch.set_rng_state(tensors["random.cpu"])
        if learner.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], learner.device)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"The saved training state does not fit this network ({reason}).",
            hint="Resume with the settings it began with, or begin anew with --force.",
        ) from error


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
