"""How a step changes the weights: AdamW and Muon, the learning rate, and the moving average.

The average may be held near the weights that a fine-tuning began with, which keeps what they knew
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from im2latex_cli.network.torch_engine import fast_in_bfloat16
from im2latex_cli.settings.sections import TrainSettings

BETAS = (0.9, 0.98)
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration (Jordan et al. 2024, "Muon")."""
ITERATIONS = 5
RMS = 0.2
"""Root mean square of a Muon update, like that of AdamW, so that both take one learning rate
(Liu et al. 2025, "Muon is scalable for LLM training")."""

SEED_DECAY_FROM = 6 / 15
SEED_DECAY_TO = 13 / 15
"""Shares of the run between which the seed's schedule decays."""


def build_optimizer(
    network: nn.Module, head: nn.Module | None, settings: TrainSettings
) -> HybridOptimizer:
    """The optimiser of a run: decays matrices and leaves biases, norms and scales alone.

    With `train.optimizer` "muon" the weights of the network's linear layers and convolutions take
    Muon's step; embeddings, vectors, the first convolution and the head take that of AdamW.
    """
    matrices = _matrices(network) if settings.optimizer == "muon" else []
    muon_ids = {id(p) for p in matrices}
    modules = [network, head] if head else [network]
    others = [p for module in modules for p in module.parameters() if id(p) not in muon_ids]
    rate, decay = settings.learning_rate, settings.weight_decay
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    # Only the fused kind can leave out an update without asking the device whether to.
    adamw = torch.optim.AdamW(groups, lr=rate, betas=BETAS, fused=True)
    return HybridOptimizer(adamw, Muon(matrices, lr=rate, weight_decay=decay) if matrices else None)


def _matrices(network: nn.Module) -> list[nn.Parameter]:
    """Weights of linear layers and of convolutions over more than one channel."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    return [
        cast("nn.Parameter", layer.weight)
        for layer in layers
        if isinstance(layer, nn.Linear) or layer.in_channels > 1
    ]


class HybridOptimizer:
    """AdamW for some parameters and Muon for the others, stepping together.

    Args:
        adamw: fused.
        muon: for the matrices, or None.
    """

    def __init__(self, adamw: torch.optim.AdamW, muon: Muon | None = None) -> None:
        self._adamw = adamw
        self._muon = muon
        self._of_muon = (
            {id(p) for group in muon.param_groups for p in group["params"]} if muon else ()
        )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters with their learning rates: AdamW's, then Muon's."""
        return [*self._adamw.param_groups, *(self._muon.param_groups if self._muon else ())]

    @property
    def learning_rate(self) -> float:
        """The learning rate, which all groups share."""
        return float(self._adamw.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for group in self.param_groups:
            group["lr"] = rate

    def parameters(self) -> list[nn.Parameter]:
        """Every trained parameter, in the order of the groups."""
        return [p for group in self.param_groups for p in group["params"]]

    def moments(self, parameter: nn.Parameter) -> Mapping[str, Tensor]:
        """What the optimiser remembers of a parameter's gradients, by name; the live tensors."""
        state: Mapping[str, Tensor] = self._owner(parameter).state[parameter]
        return state

    def set_moments(self, parameter: nn.Parameter, moments: Mapping[str, Tensor]) -> None:
        """Go on from what an optimiser remembered."""
        self._owner(parameter).state[parameter] = dict(moments)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def step(self, *, broken: Tensor | None = None) -> None:
        """Move the parameters along their gradients.

        Args:
            broken: 0-dimensional, True if the gradients are not finite; nothing changes then. On
                a GPU this needs no answer from the device.
        """
        if broken is not None and broken.device.type == "cpu":
            if not broken:
                self.step_all(None)
        else:
            self.step_all(broken)

    def step_all(self, broken: Tensor | None) -> None:
        """One step of both; `broken` is looked at by the device alone."""
        # `found_inf` is how torch.amp.GradScaler tells a fused optimizer to leave out its update.
        self._adamw.found_inf = None if broken is None else broken.float()  # type: ignore[attr-defined]
        self._adamw.step()
        if self._muon:
            self._muon.step(broken=broken)

    def _owner(self, parameter: nn.Parameter) -> torch.optim.Optimizer:
        return self._muon if self._muon and id(parameter) in self._of_muon else self._adamw


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised as a matrix (out, rest); kernels are flattened to matrices.

    Args:
        parameters: matrices and kernels.
        lr: learning rate.
        weight_decay: decoupled.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, *, broken: Tensor | None = None) -> None:  # type: ignore[override]
        """One step of every parameter that has a gradient.

        Args:
            broken: 0-dimensional, True if the step must change nothing.
        """
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    short, long = sorted(parameter.flatten(1).shape)
                    by_shape[short, long].append(parameter)
            for parameters in by_shape.values():
                self._step_shape(parameters, group, broken)

    def _step_shape(
        self, weights: list[nn.Parameter], group: Mapping[str, Any], broken: Tensor | None
    ) -> None:
        """One step of parameters of one shape, transposed or not, in common products.

        Many small products cost a CPU more than few large ones: its threads meet after each.
        """
        gradients = [cast("Tensor", weight.grad) for weight in weights]
        for weight, gradient in zip(weights, gradients, strict=True):
            if "momentum" not in self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(gradient)
        momenta = [self.state[weight]["momentum"] for weight in weights]
        before = [m.clone() for m in (*momenta, *weights)] if broken is not None else []
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        ahead = [g.lerp(m, MOMENTUM) for g, m in zip(gradients, momenta, strict=True)]
        directions = orthogonalise(torch.stack([_wide(matrix.flatten(1)) for matrix in ahead]))
        rate, longest = group["lr"], directions.shape[-1]
        tensors = cast("list[Tensor]", weights)
        torch._foreach_mul_(tensors, 1 - rate * group["weight_decay"])
        torch._foreach_add_(
            tensors,
            [
                (direction if weight.shape[0] == direction.shape[0] else direction.mT).reshape(
                    weight.shape
                )
                for direction, weight in zip(directions.to(weights[0].dtype), weights, strict=True)
            ],
            alpha=-rate * RMS * math.sqrt(longest),
        )
        for tensor, old in zip((*momenta, *weights) if before else (), before, strict=True):
            tensor.copy_(torch.where(cast("Tensor", broken), old, tensor))


def _wide(matrix: Tensor) -> Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT


def orthogonalise(matrices: Tensor) -> Tensor:
    """Bring all singular values of each of (B, m, n), m at most n, near 1 (0.7 to 1.2).

    In bfloat16 where that is fast. Elsewhere in float32: without instructions for bfloat16 a CPU
    multiplies such matrices in a plain loop on one core, ten times slower than a whole step.
    """
    fast = fast_in_bfloat16(matrices.device)
    x = matrices.bfloat16() if fast else matrices.float()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    wide = matrices.shape[-1] >= 2 * matrices.shape[-2]
    return _iterated_in_square(x) if wide and not fast else _iterated(x)


def _iterated(x: Tensor) -> Tensor:
    """Newton-Schulz iterations of matrices (B, m, n)."""
    a, b, c = NEWTON_SCHULZ
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def _iterated_in_square(x: Tensor) -> Tensor:
    """The same in products of (B, m, m), which are cheaper where n is at least 2 m.

    Every factor is a polynomial of the first Gram matrix, so all of them commute. Directions whose
    singular value is almost 0 come out to 2e-3 in float32, and not at all in bfloat16.
    """
    a, b, c = NEWTON_SCHULZ
    gram = product = x @ x.mT
    for step in range(ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        product = factor @ product if step else factor
        if step < ITERATIONS - 1:
            gram = factor @ (gram @ factor)
    return product @ x


class MovingAverage:
    """A shadow of a network that trails its weights; evaluated and saved in its place.

    Args:
        network: what it trails.
        decay: share of the shadow that one step keeps.
        raw: the first weights are worth nothing, so the first steps keep less of them.
        keep: share of the first weights in what the shadow trails.

    Attributes:
        network: the shadow, in evaluation mode.
        anchor: the first weights where a share of them is kept; NaN where nothing is to keep.
    """

    def __init__(
        self, network: nn.Module, decay: float, *, raw: bool = True, keep: float = 0.0
    ) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.anchor = copy.deepcopy(self.network) if keep else None
        self._decay = decay
        self._raw = raw
        self._keep = keep

    @torch.no_grad()
    def forget_new_rows(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep nothing of rows, such as those of new tokens, that the first model did not have.

        Args:
            tensors: of the first model, by name; some with fewer rows.
        """
        for name, value in self.anchor.state_dict().items() if self.anchor else ():
            if value.shape != tensors[name].shape:
                value[len(tensors[name]) :] = math.nan

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the shadow towards `network`; faster in the first steps where weights were raw.

        Buffers, such as the statistics of batch normalisation, are copied.
        """
        decay = min(self._decay, (1 + step) / (10 + step)) if self._raw else self._decay
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(network.parameters())
        buffers: list[Tensor] = list(network.buffers())
        if self.anchor:
            theirs = list(map(self._anchored, theirs, self.anchor.parameters()))
            buffers = list(map(self._anchored, buffers, self.anchor.buffers()))
        torch._foreach_lerp_(mine, theirs, 1.0 - decay)
        for shadow, real in zip(self.network.buffers(), buffers, strict=True):
            shadow.copy_(real)

    def _anchored(self, real: Tensor, first: Tensor) -> Tensor:
        if not real.is_floating_point():
            return real
        mixed = real.lerp(first, self._keep)
        return torch.where(mixed.isnan(), real, mixed)


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
