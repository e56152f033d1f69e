"""The vital figures of a training, taken from a learner after an evaluation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from im2latex_cli.network.recurrent import RecurrentDecoder
from im2latex_cli.train.input.batches import Batch
from im2latex_cli.train.input.pack import Packed
from im2latex_cli.train.loop import Learner
from im2latex_cli.train.monitor.validation import Evaluation


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
    network, moved = learner.network.eval(), batch.to(learner.device)
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
        network.decode(network.encode(moved.images, moved.sizes), moved.ids[:, :-1])
    finally:
        for handle in handles:
            handle.remove()
    return Activations(variances, silent, saturated[0])


def skew(packed: Packed) -> float:
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
