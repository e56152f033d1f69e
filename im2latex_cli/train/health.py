"""Says in words what goes wrong in a training, why it probably does, and which setting to change.

`measure` takes the figures from a learner; `diagnose` is a pure function of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from im2latex_cli.train.batches import Batch
from im2latex_cli.train.loop import Learner
from im2latex_cli.train.validate import Evaluation

CONSTANT_SHARE = 60.0
"""Percent of identical readings that counts as a constant output."""

_EARLY = 0.25
_DEAD_VARIANCE = 1e-6
_HUGE_VARIANCE = 1e6
_CLIPPED = 0.9


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know about a training.

    Attributes:
        code: short stable name.
        message: what is seen, the likely cause, the setting to change.
        serious: whether training on as it is will probably not help.
    """

    code: str
    message: str
    serious: bool = True


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known about a training at one evaluation.

    Attributes:
        done: share of the steps that are done.
        loss: smoothed training loss.
        best_loss: lowest smoothed training loss so far.
        uniform: loss of a network that knows nothing, log V.
        rate: learning rate.
        clip: largest gradient norm allowed.
        grad_norms: gradient norms since the last evaluation.
        parts: gradient norm of each part of the network.
        variances: variance of the activations after each encoder stage.
        evaluation: the figures of the evaluation.
    """

    done: float
    loss: float
    best_loss: float
    uniform: float
    rate: float
    clip: float
    grad_norms: Sequence[float]
    parts: Mapping[str, float]
    variances: Mapping[str, float]
    evaluation: Evaluation
    history: Sequence[float] = field(default=())


def diagnose(vitals: Vitals) -> list[Finding]:
    """Findings, the gravest first; empty for a healthy training."""
    checks = (_variance, _diverged, _constant, _clipping, _overfitted, _unfinished)
    return [finding for check in checks if (finding := check(vitals))]


def nonfinite(step: int, rate: float) -> str:
    """The message for losses or gradients that are no numbers any more."""
    return (
        f"Training stopped at step {step}: loss or gradient is no longer a number. "
        f"Likely cause: a learning rate of {rate:.2g} is too high, or there is too little warm-up."
    )


def _variance(vitals: Vitals) -> Finding | None:
    for name, variance in vitals.variances.items():
        if variance < _DEAD_VARIANCE:
            return Finding(
                "dead-activations",
                f"The activations after {name} have almost no variance ({variance:.1e}): the "
                "pictures do not get through. Likely cause: bad initial weights or a learning "
                "rate that killed them; lower train.learning_rate and begin anew with --force.",
            )
        if variance > _HUGE_VARIANCE or not math.isfinite(variance):
            return Finding(
                "huge-activations",
                f"The activations after {name} have a huge variance ({variance:.1e}). Likely "
                "cause: a learning rate that is too high; lower train.learning_rate or raise "
                "train.warmup.",
            )
    return None


def _diverged(vitals: Vitals) -> Finding | None:
    if vitals.loss < vitals.best_loss + max(0.5, 0.3 * vitals.best_loss):
        return None
    return Finding(
        "diverging",
        f"The loss rose to {vitals.loss:.2f} after it had been {vitals.best_loss:.2f}. Likely "
        f"cause: a learning rate of {vitals.rate:.2g} is too high; lower train.learning_rate, "
        "raise train.warmup or lower train.clip.",
    )


def _constant(vitals: Vitals) -> Finding | None:
    seen = vitals.evaluation
    share = 100.0 / max(seen.distinct_references, 1)
    if seen.pictures < 8 or seen.identical < max(CONSTANT_SHARE, 2 * share):
        return None
    what = f"{seen.identical:.0f} % of the readings are one and the same formula"
    if vitals.done < _EARLY:
        return Finding(
            "constant-so-far",
            f"{what}: the network does not look at the pictures yet. Normal in the first steps; "
            "train.short_first and taught attention (build.glyphs) shorten this phase.",
            serious=False,
        )
    if vitals.loss > 0.5 * vitals.uniform:
        return Finding(
            "constant",
            f"{what}, and the loss is still {vitals.loss:.2f}. Likely cause: too few steps or a "
            f"learning rate of {vitals.rate:.2g} that is too high or too low; raise train.epochs, "
            "set train.short_first, try another train.learning_rate.",
        )
    return Finding(
        "language-only",
        f"{what}, though the loss fell to {vitals.loss:.2f}: the network learns the language and "
        "ignores the pictures. Likely cause: pictures and formulas that do not belong together, "
        "or attention that has not formed; look at the data set, set train.short_first.",
    )


def _clipping(vitals: Vitals) -> Finding | None:
    norms = vitals.grad_norms
    if len(norms) < 10 or vitals.done < _EARLY:
        return None
    clipped = sum(norm > vitals.clip for norm in norms) / len(norms)
    if clipped < _CLIPPED or sorted(norms)[len(norms) // 2] < 10 * vitals.clip:
        return None
    return Finding(
        "clipped",
        f"{100 * clipped:.0f} % of the gradients are cut down to train.clip = {vitals.clip:g}, "
        "half of them more than tenfold. Likely cause: a learning rate that is too high; lower "
        "train.learning_rate.",
    )


def _overfitted(vitals: Vitals) -> Finding | None:
    losses = vitals.history
    if len(losses) < 4 or vitals.loss > 0.5 * min(losses):
        return None
    if losses[-1] < 1.3 * min(losses) or vitals.evaluation.edit_similarity > 95.0:
        return None
    return Finding(
        "over-fitted",
        f"The validation loss rose from {min(losses):.2f} to {losses[-1]:.2f} while the training "
        f"loss fell to {vitals.loss:.2f}: the network memorises. More formulas, train.augment or "
        "model.dropout help; the best network is kept.",
        serious=False,
    )


def _unfinished(vitals: Vitals) -> Finding | None:
    losses = vitals.history
    if vitals.done < 1.0 or len(losses) < 3 or vitals.evaluation.edit_similarity > 95.0:
        return None
    if losses[-1] > min(losses) or losses[-1] > 0.99 * losses[-2]:
        return None
    return Finding(
        "under-fitted",
        f"The validation loss was still falling at the end ({losses[-2]:.2f} to "
        f"{losses[-1]:.2f}): the network is still under-fitted. Train longer: raise train.epochs "
        "or --max-minutes and continue with --resume.",
        serious=False,
    )


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """Norm of the last gradient of each direct part of a network."""
    norms = {}
    for name, part in network.named_children():
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        if gradients:
            norms[name] = float(torch.stack([g.norm() for g in gradients]).norm())
    return norms


@torch.no_grad()
def activation_variances(learner: Learner, batch: Batch) -> dict[str, float]:
    """Variance of the activations after each encoder stage, on one batch."""
    network = learner.network.eval()
    variances: dict[str, float] = {}

    def watch(name: str) -> object:
        def hook(_module: nn.Module, _given: object, output: Tensor) -> None:
            variances[name] = float(output.float().var())

        return hook

    stages = list(network.encoder.get_submodule("stages").named_children())
    handles = [
        stage.register_forward_hook(watch(f"encoder stage {int(name) + 1}"))
        for name, stage in stages
    ]
    try:
        moved = batch.to(learner.device)
        network.encode(moved.images, moved.sizes)
    finally:
        for handle in handles:
            handle.remove()
    return variances


def measure(
    learner: Learner,
    batch: Batch,
    evaluation: Evaluation,
    *,
    best_loss: float,
    rate: float,
    grad_norms: Sequence[float],
    history: Sequence[float],
    vocab_size: int,
) -> Vitals:
    """Take the figures of a learner after an evaluation."""
    return Vitals(
        done=learner.step / learner.steps,
        loss=learner.smoothed,
        best_loss=best_loss,
        uniform=math.log(vocab_size),
        rate=rate,
        clip=learner.settings.clip,
        grad_norms=grad_norms,
        parts=gradient_norms(learner.network),
        variances=activation_variances(learner, batch),
        evaluation=evaluation,
        history=history,
    )
