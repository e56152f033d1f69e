"""Diagnoses a training in words: the symptom, the likely cause, and the setting to change.

`measure` takes the figures from a learner; `diagnose` is a pure function of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from im2latex_cli.network.recurrent import RecurrentDecoder
from im2latex_cli.train.batches import Batch
from im2latex_cli.train.loop import Learner
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.validation import Evaluation

CONSTANT_SHARE = 60.0
"""Percent of identical readings that counts as a constant output."""

_EARLY = 0.25
_FEW = 8
_SILENT = 0.75
_SATURATED = 0.5
_SKEWED = 40.0
_BLIND = 0.02
_SPIKE = 1.5
_DEAD_VARIANCE = 1e-6
_HUGE_VARIANCE = 1e6
_CLIPPED = 0.9


@dataclass(frozen=True, slots=True)
class RunStatistics:
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
        history: losses of all evaluations.
        silent: share of channels that are 0 on all pictures, after each encoder stage.
        saturated: share of a recurrent decoder's outputs beyond 0.99 of tanh; 0 for others.
        skew: percent of the training formulas that are the commonest one.
        first_loss: loss of the first step.
        early_peak: highest loss in the first tenth of the steps.
        warmup: share of the steps that warm up.
        peak_rate: highest learning rate.
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
    history: Sequence[float] = ()
    silent: Mapping[str, float] = field(default_factory=dict)
    saturated: float = 0.0
    skew: float = 0.0
    first_loss: float = 0.0
    early_peak: float = 0.0
    warmup: float = 0.1
    peak_rate: float = 1e-3


@dataclass(frozen=True, slots=True)
class Activations:
    """What flows through a network on one batch.

    Attributes:
        variances: of the activations after each encoder stage.
        silent: share of channels that are 0 on all pictures, after each encoder stage.
        saturated: share of a recurrent decoder's outputs beyond 0.99 of tanh; 0 for others.
    """

    variances: Mapping[str, float]
    silent: Mapping[str, float]
    saturated: float


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """Norm of the last gradient of each direct part of a network."""
    norms = {}
    for name, part in network.named_children():
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        if gradients:
            norms[name] = float(torch.stack([g.norm() for g in gradients]).norm())
    return norms


@torch.no_grad()
def activations(learner: Learner, batch: Batch) -> Activations:
    """Look at the activations of one batch."""
    network, on_device = learner.network.eval(), batch.to(learner.device)
    variances: dict[str, float] = {}
    silent: dict[str, float] = {}
    saturated = [0.0]

    def watch(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            variances[name] = float(output.float().var())
            silent[name] = float((output.abs().amax((0, 2, 3)) == 0).float().mean())

        return hook

    def watch_outputs(_module: nn.Module, inputs: tuple[Tensor]) -> None:
        saturated[0] = float((inputs[0].abs() > 0.99).float().mean())

    stages = list(network.encoder.get_submodule("stages").named_children())
    handles = [
        stage.register_forward_hook(watch(f"encoder stage {int(name) + 1}"))
        for name, stage in stages
    ]
    if isinstance(network.decoder, RecurrentDecoder):
        handles.append(network.decoder.logits.register_forward_pre_hook(watch_outputs))
    try:
        network.decode(network.encode(on_device.images, on_device.sizes), on_device.ids[:, :-1])
    finally:
        for handle in handles:
            handle.remove()
    return Activations(variances, silent, saturated[0])


def skew(packed: PackedSplit) -> float:
    """Percent of a split's formulas that are its commonest one; 0 for a handful of pictures."""
    if len(packed) < 8:
        return 0.0
    bounds = zip(packed.id_starts[:-1], packed.id_starts[1:], strict=True)
    counts = Counter(packed.ids[start:end].tobytes() for start, end in bounds)
    return 100.0 * counts.most_common(1)[0][1] / len(packed)


def measure(
    learner: Learner,
    batch: Batch,
    evaluation: Evaluation,
    *,
    best_loss: float,
    grad_norms: Sequence[float],
    history: Sequence[float],
    vocab_size: int,
    skew: float,
    first_loss: float,
    early_peak: float,
) -> RunStatistics:
    """Take the figures of a learner after an evaluation."""
    flow = activations(learner, batch)
    return RunStatistics(
        done=learner.step / learner.steps,
        loss=learner.smoothed,
        best_loss=best_loss,
        uniform=math.log(vocab_size),
        rate=learner.optimizer.learning_rate,
        clip=learner.settings.clip,
        grad_norms=grad_norms,
        parts=gradient_norms(learner.network),
        variances=flow.variances,
        evaluation=evaluation,
        history=history,
        silent=flow.silent,
        saturated=flow.saturated,
        skew=skew,
        first_loss=first_loss,
        early_peak=early_peak,
        warmup=learner.settings.warmup,
        peak_rate=learner.settings.learning_rate,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know about a training.

    Attributes:
        code: short stable name.
        message: the symptom, the likely cause, the setting to change.
        serious: whether training on as it is will probably not help.
    """

    code: str
    message: str
    serious: bool = True


def diagnose(stats: RunStatistics) -> list[Finding]:
    """Findings, the gravest first; empty for a healthy training."""
    checks = (
        _skewed,
        _variance,
        _silent,
        _saturated,
        _rushed,
        _diverged,
        _blind,
        _constant,
        _clipping,
        _overfitted,
        _unfinished,
    )
    return [finding for check in checks if (finding := check(stats))]


def nonfinite(step: int, rate: float) -> str:
    """The message for losses or gradients that are no numbers any more."""
    return (
        f"Training stopped at step {step}: loss or gradient is no longer a number. "
        f"Likely cause: a learning rate of {rate:.2g} is too high, or there is too little warm-up."
    )


def _variance(stats: RunStatistics) -> Finding | None:
    for name, variance in stats.variances.items():
        if variance < _DEAD_VARIANCE:
            return Finding(
                "dead-activations",
                f"The activations after {name} have almost no variance ({variance:.1e}): the "
                "pictures do not get through. Likely cause: bad initial weights or a learning "
                "rate that killed them; lower train.learning_rate and begin anew with `force`.",
            )
        if variance > _HUGE_VARIANCE or not math.isfinite(variance):
            return Finding(
                "huge-activations",
                f"The activations after {name} have a huge variance ({variance:.1e}). Likely "
                "cause: a learning rate that is too high; lower train.learning_rate or raise "
                "train.warmup.",
            )
    return None


def _skewed(stats: RunStatistics) -> Finding | None:
    if stats.skew < _SKEWED:
        return None
    return Finding(
        "skewed-labels",
        f"{stats.skew:.0f} % of the training formulas are one and the same: a network that always "
        "writes it is right that often, and learns little else. Remove its copies from the data "
        "set, or add other formulas.",
    )


def _silent(stats: RunStatistics) -> Finding | None:
    for name, share in stats.silent.items():
        if share > _SILENT:
            return Finding(
                "silent-channels",
                f"{100 * share:.0f} % of the channels after {name} are 0 on every picture and "
                "learn no more. Likely cause: a learning rate that killed them, or bad initial "
                "weights; lower train.learning_rate, raise train.warmup, begin anew with `force`.",
            )
    return None


def _saturated(stats: RunStatistics) -> Finding | None:
    if stats.saturated < _SATURATED:
        return None
    return Finding(
        "saturated",
        f"{100 * stats.saturated:.0f} % of the decoder's activations are saturated (beyond 0.99 "
        "of tanh): gradients hardly get through. Likely cause: weights that are too large, from "
        "their start or from a learning rate that is too high; lower train.learning_rate, raise "
        "train.warmup or train.weight_decay, begin anew with `force`.",
    )


def _rushed(stats: RunStatistics) -> Finding | None:
    start = max(stats.first_loss, stats.uniform)
    if stats.early_peak < _SPIKE * start:
        return None
    missing = stats.warmup < 0.01
    cause = (
        "there is no warm-up; set train.warmup=0.05"
        if missing
        else f"a learning rate of {stats.peak_rate:.2g} is too high; lower train.learning_rate"
    )
    return Finding(
        "no-warm-up" if missing else "rushed",
        f"In the first steps the loss shot up from {start:.1f} to {stats.early_peak:.1f}. "
        f"Likely cause: {cause}.",
    )


def _blind(stats: RunStatistics) -> Finding | None:
    gain, loss = stats.evaluation.gain, stats.loss
    if stats.done < _EARLY or math.isnan(gain) or stats.evaluation.pictures < _FEW:
        return None
    if gain > _BLIND * stats.uniform:
        return None
    if loss > 0.9 * stats.uniform:
        return None  # it has not even learnt the language
    symptom = f"A wrong picture explains a formula as well as its own ({gain:+.2f} nats a token)"
    if loss < 0.5 * stats.evaluation.loss:
        return Finding(
            "mismatched",
            f"{symptom}, though the training loss fell to {loss:.2f}: the network learns its "
            "pictures by heart and nothing that holds for others. Likely cause: pictures and "
            "formulas that do not belong together; look at some pairs of the data set.",
        )
    return Finding(
        "language-only",
        f"{symptom}: the network learns the language and ignores the pictures. Likely cause: "
        "pictures and formulas that do not belong together, or attention that has not formed; "
        "look at some pairs of the data set, set train.short_first, raise train.epochs.",
    )


def _diverged(stats: RunStatistics) -> Finding | None:
    if stats.loss < stats.best_loss + max(0.5, 0.3 * stats.best_loss):
        return None
    return Finding(
        "diverging",
        f"The loss rose to {stats.loss:.2f} after it had been {stats.best_loss:.2f}. Likely "
        f"cause: a learning rate of {stats.rate:.2g} is too high; lower train.learning_rate, "
        "raise train.warmup or lower train.clip.",
    )


def _constant(stats: RunStatistics) -> Finding | None:
    evaluation = stats.evaluation
    share = 100.0 / max(evaluation.distinct_references, 1)
    if evaluation.pictures < _FEW or evaluation.identical < max(CONSTANT_SHARE, 2 * share):
        return None
    symptom = f"{evaluation.identical:.0f} % of the readings are one and the same formula"
    if stats.done < _EARLY:
        return Finding(
            "constant-so-far",
            f"{symptom}: the network does not look at the pictures yet. Normal in the first steps; "
            "train.short_first and taught attention (build.glyphs) shorten this phase.",
            serious=False,
        )
    if stats.loss > 0.5 * stats.uniform:
        return Finding(
            "constant",
            f"{symptom}, and the loss is still {stats.loss:.2f}. Likely cause: too few steps or a "
            f"learning rate of {stats.peak_rate:.2g} that is too high or too low"
            f"{' without warm-up' if stats.warmup < 0.01 else ''}; raise train.epochs, set "
            "train.short_first and train.warmup, try another train.learning_rate.",
        )
    return Finding(
        "language-only",
        f"{symptom}, though the loss fell to {stats.loss:.2f}: the network learns the language and "
        "ignores the pictures. Likely cause: pictures and formulas that do not belong together, "
        "or attention that has not formed; look at the data set, set train.short_first.",
    )


def _clipping(stats: RunStatistics) -> Finding | None:
    norms = stats.grad_norms
    if len(norms) < 10 or stats.done < _EARLY:
        return None
    clipped = sum(norm > stats.clip for norm in norms) / len(norms)
    if clipped < _CLIPPED or sorted(norms)[len(norms) // 2] < 10 * stats.clip:
        return None
    return Finding(
        "clipped",
        f"{100 * clipped:.0f} % of the gradients are cut down to train.clip = {stats.clip:g}, "
        "half of them more than tenfold. Likely cause: a learning rate that is too high; lower "
        "train.learning_rate.",
    )


def _overfitted(stats: RunStatistics) -> Finding | None:
    losses = stats.history
    if len(losses) < 4 or stats.loss > 0.5 * min(losses):
        return None
    if losses[-1] < 1.3 * min(losses) or stats.evaluation.edit_similarity > 95.0:
        return None
    return Finding(
        "over-fitted",
        f"The validation loss rose from {min(losses):.2f} to {losses[-1]:.2f} while the training "
        f"loss fell to {stats.loss:.2f}: the network memorises. More formulas, train.augment or "
        "model.dropout help; the best network is kept.",
        serious=False,
    )


def _unfinished(stats: RunStatistics) -> Finding | None:
    losses = stats.history
    if stats.done < 1.0 or len(losses) < 3 or stats.evaluation.edit_similarity > 95.0:
        return None
    if losses[-1] > min(losses) or losses[-1] > 0.99 * losses[-2]:
        return None
    return Finding(
        "under-fitted",
        f"The validation loss was still falling at the end ({losses[-2]:.2f} to "
        f"{losses[-1]:.2f}): the network is still under-fitted. Train longer: raise train.epochs "
        "or `max_minutes`, and continue with `resume`.",
        serious=False,
    )
