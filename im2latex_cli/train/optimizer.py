"""Optimisers: AdamW, and Muon for the matrices beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast, overload

import torch
from torch import Tensor, nn

from im2latex_cli.network.device import fast_in_bfloat16
from im2latex_cli.settings.training import TrainSettings

BETAS = (0.9, 0.98)
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration (Jordan et al. 2024, "Muon")."""
ITERATIONS = 5
RMS = 0.2
"""Root mean square of a Muon update, like that of AdamW, so that both take one learning rate
(Liu et al. 2025, "Muon is scalable for LLM training")."""


def build_optimizer(network: nn.Module, head: nn.Module | None, settings: TrainSettings) -> Muon:
    """The optimiser of a run: decays matrices and leaves biases, norms and scales alone.

    With `train.optimizer` "muon" the weights of the network's linear layers and convolutions take
    Muon's step; embeddings, vectors, the first convolution and the head take that of AdamW.
    """
    muon = _matrices(network) if settings.optimizer == "muon" else []
    taken = {id(p) for p in muon}
    modules = [network, head] if head else [network]
    rest = [p for module in modules for p in module.parameters() if id(p) not in taken]
    decay = settings.weight_decay
    groups: list[dict[str, Any]] = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    return Muon(groups, muon, lr=settings.learning_rate, weight_decay=decay)


def _matrices(network: nn.Module) -> list[nn.Parameter]:
    """Weights of linear layers and of convolutions over more than one channel."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    return [
        cast("nn.Parameter", layer.weight)
        for layer in layers
        if isinstance(layer, nn.Linear) or layer.in_channels > 1
    ]


class Muon(torch.optim.AdamW):
    """AdamW; and for some parameters momentum, orthogonalised as a matrix (out, rest).

    Args:
        groups: parameters of AdamW.
        muon: parameters of Muon; the last group. Kernels are flattened to matrices.
        lr: learning rate of all.
        weight_decay: decoupled, of Muon's parameters.

    Attributes:
        found_inf: 0-dimensional, 1 where the gradients are no numbers; the step then changes
            nothing, without anybody asking the device.
    """

    found_inf: Tensor | None = None

    def __init__(
        self,
        groups: list[dict[str, Any]],
        muon: list[nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
    ) -> None:
        # Only the fused kind can leave out an update without asking the device whether to.
        super().__init__(groups, lr=lr, betas=BETAS, fused=True)
        self._muon: dict[str, Any] | None = None
        if muon:
            self.add_param_group({"params": muon, "weight_decay": weight_decay})
            self._muon = self.param_groups[-1]

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of every group."""
        every = self.param_groups
        try:
            self.param_groups = [group for group in every if group is not self._muon]
            value: float | None = super().step(closure)
        finally:
            self.param_groups = every
        if self._muon:
            for parameter in self._muon["params"]:
                if parameter.grad is not None:
                    self._orthogonal_step(parameter, parameter.grad, self._muon)
        return value

    def _orthogonal_step(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM).flatten(1)
        turned = orthogonalise(ahead).view_as(weight).to(weight.dtype)
        rate = group["lr"]
        kept = weight * (1 - rate * group["weight_decay"])
        moved = kept - rate * RMS * math.sqrt(max(ahead.shape)) * turned
        if self.found_inf is not None:
            broken = self.found_inf.bool()
            moved = torch.where(broken, weight, moved)
            momentum = torch.where(broken, state["momentum"], momentum)
        weight.copy_(moved)
        state["momentum"].copy_(momentum)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Bring all singular values of (m, n) near 1 (0.7 to 1.2).

    In bfloat16 where that is fast. Elsewhere in float32: without instructions for bfloat16 a CPU
    multiplies such matrices in a plain loop on one core, ten times slower than a whole step.
    """
    a, b, c = NEWTON_SCHULZ
    matrix = matrix.bfloat16() if fast_in_bfloat16(matrix.device) else matrix.float()
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    turned: Tensor = x if matrix.shape[0] <= matrix.shape[1] else x.T
    return turned
