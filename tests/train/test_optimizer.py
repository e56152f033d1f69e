"""The optimisers: Muon's step, and that a step of no numbers changes nothing."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from im2latex_cli.network.torch_engine import fast_in_bfloat16
from im2latex_cli.settings.sections import TrainSettings
from im2latex_cli.train.optimizer import (
    ITERATIONS,
    MOMENTUM,
    NEWTON_SCHULZ,
    RMS,
    HybridOptimizer,
    allowed_length,
    build_optimizer,
    learning_rate,
    orthogonalise,
)

SEED = {"steps": 150, "peak": 1e-3, "warmup": 2 / 15, "final": 0.1, "kind": "seed"}
COSINE = {"steps": 100, "peak": 2.0, "warmup": 0.1, "final": 0.05, "kind": "cosine"}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.second = nn.Conv2d(4, 8, 3)
        self.embedding = nn.Embedding(5, 8)
        self.linear = nn.Linear(8, 5)


def muon(**changes: object) -> tuple[Small, HybridOptimizer]:
    torch.manual_seed(0)
    module = Small()
    settings = TrainSettings(optimizer="muon", weight_decay=0.1, learning_rate=0.01)
    return module, build_optimizer(module, None, settings.model_copy(update=changes))


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return {id(p) for p in one} == {id(p) for p in other}


def fill(module: nn.Module) -> None:
    for parameter in module.parameters():
        parameter.grad = torch.randn_like(parameter)


@pytest.mark.parametrize("shape", [(8, 8), (4, 32), (256, 256)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    matrices = (
        torch.randn(3, *shape, generator=generator) * torch.tensor([1e-4, 1, 30])[:, None, None]
    )
    values = torch.linalg.svdvals(orthogonalise(matrices).float())
    assert values.max() < 1.35
    assert (values.median(dim=1).values > 0.6).all()


@pytest.mark.parametrize("wide", [2, 9])
def test_wide_matrices_come_out_as_by_plain_iterations_in_float64(wide: int) -> None:
    generator = torch.Generator().manual_seed(1)
    falling = torch.logspace(0, -4, 32 * wide)  # some singular values are almost 0
    matrices = torch.randn(3, 32, 32 * wide, generator=generator) * falling
    a, b, c = NEWTON_SCHULZ
    exact = matrices.double()
    exact = exact / exact.norm(dim=(-2, -1), keepdim=True)
    for _ in range(ITERATIONS):
        gram = exact @ exact.mT
        exact = a * exact + (b * gram + c * gram @ gram) @ exact
    fast = fast_in_bfloat16(matrices.device)
    error = (orthogonalise(matrices).double() - exact).abs().max()
    assert error < (0.05 if fast else 1e-3)


def test_singular_vectors_stay() -> None:
    u, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(2)))
    v, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(3)))
    turned = orthogonalise((u @ torch.diag(torch.linspace(1, 3, 16)) @ v.T)[None])[0].float()
    inner = u.T @ turned @ v
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 0.05


def test_who_takes_which_step() -> None:
    module, optimizer = muon()
    embeddings, vectors, matrices = optimizer.param_groups
    assert same(matrices["params"], [module.second.weight, module.linear.weight])
    assert same(embeddings["params"], [module.first.weight, module.embedding.weight])
    assert all(p.ndim == 1 for p in vectors["params"])
    assert vectors["weight_decay"] == 0.0


def test_every_parameter_moves_by_about_the_rate() -> None:
    module, optimizer = muon(weight_decay=0.0)
    before = {name: p.clone() for name, p in module.named_parameters()}
    fill(module)
    optimizer.step()
    for name, parameter in module.named_parameters():
        moved = (parameter - before[name]).square().mean().sqrt().item()
        assert 0.0005 < moved < 0.0125, name


@pytest.mark.parametrize("device", ["cpu", "elsewhere"])
def test_no_number_no_step(device: str) -> None:
    module, optimizer = muon()
    fill(module)
    optimizer.step(broken=torch.tensor(data=False))
    before = {name: p.clone() for name, p in module.named_parameters()}
    momentum = optimizer.moments(module.linear.weight)["momentum"].clone()
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    broken = torch.tensor(data=True)
    if device == "cpu":
        optimizer.step(broken=broken)
    else:  # no GPU is at hand: the steps of both, which never look at the flag
        optimizer.step_all(broken)
    assert all(torch.equal(p, before[name]) for name, p in module.named_parameters())
    assert torch.equal(optimizer.moments(module.linear.weight)["momentum"], momentum)


def test_matrices_of_one_shape_step_as_each_alone() -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList(
        [nn.Linear(8, 16), nn.Linear(16, 8), nn.Conv2d(4, 8, (2, 2)), nn.Linear(8, 8)]
    )
    wanted = TrainSettings(optimizer="muon", weight_decay=0.1, learning_rate=0.01)
    twins = [copy.deepcopy(layer) for layer in layers]
    together, alone = (
        build_optimizer(layers, None, wanted),
        [build_optimizer(nn.ModuleList([twin]), None, wanted) for twin in twins],
    )
    for _ in range(3):
        fill(layers)
        for layer, twin in zip(layers, twins, strict=True):
            for mine, other in zip(layer.parameters(), twin.parameters(), strict=True):
                assert mine.grad is not None
                other.grad = mine.grad.clone()
        together.step()
        for optimizer in alone:
            optimizer.step()
    for layer, twin in zip(layers, twins, strict=True):
        assert torch.allclose(layer.weight, twin.weight, atol=1e-6)


def test_a_matrix_moves_along_its_orthogonalised_momentum() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(6, 4, bias=False)
    before, rate, decay = linear.weight.detach().clone(), 0.01, 0.1
    optimizer = build_optimizer(
        linear, None, TrainSettings(optimizer="muon", weight_decay=decay, learning_rate=rate)
    )
    fill(linear)
    gradient = linear.weight.grad
    assert gradient is not None
    optimizer.step()
    momentum = (1 - MOMENTUM) * gradient
    ahead = gradient + MOMENTUM * (momentum - gradient)
    direction = orthogonalise(ahead[None])[0].float()
    wanted = before * (1 - rate * decay) - rate * RMS * math.sqrt(6) * direction
    assert torch.allclose(linear.weight, wanted, atol=1e-6)


def test_without_muon_it_is_adamw() -> None:
    module, optimizer = muon(optimizer="adamw")
    twin = Small()
    twin.load_state_dict(module.state_dict())
    plain = torch.optim.AdamW(
        [
            {"params": [p for p in twin.parameters() if p.ndim >= 2], "weight_decay": 0.1},
            {"params": [p for p in twin.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=0.01,
        betas=(0.9, 0.98),
        fused=True,
    )
    for _ in range(3):
        fill(module)
        for mine, other in zip(module.parameters(), twin.parameters(), strict=True):
            other.grad = mine.grad.clone() if mine.grad is not None else None
        optimizer.step()
        plain.step()
    for mine, other in zip(module.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 1e-4), (19, 1e-4), (20, 1e-3), (60, 1e-3), (95, 10**-3.5), (130, 1e-4), (149, 1e-4)],
)
def test_seed_warms_up_holds_decays_and_holds(step: int, rate: float) -> None:
    assert learning_rate(step, **SEED) == pytest.approx(rate)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.2), (4, 1.0), (9, 2.0), (10, 2.0), (100, 0.1)])
def test_cosine_warms_up_and_falls_to_the_final_rate(step: int, rate: float) -> None:
    assert learning_rate(step, **COSINE) == pytest.approx(rate)


def test_cosine_is_half_way_between_in_the_middle() -> None:
    assert learning_rate(55, **COSINE) == pytest.approx((2.0 + 0.1) / 2)


@given(
    step=st.integers(0, 1000),
    steps=st.integers(1, 1000),
    warmup=st.floats(0, 1),
    final=st.floats(0, 1),
    kind=st.sampled_from(["seed", "cosine"]),
)
def test_rate_stays_between_nothing_and_the_peak(
    step: int, steps: int, warmup: float, final: float, kind: str
) -> None:
    rate = learning_rate(step, steps=steps, peak=1.0, warmup=warmup, final=final, kind=kind)
    assert math.isfinite(rate)
    assert 0.0 <= rate <= 1.0 + 1e-9


def test_allowed_length_grows_from_short_to_all() -> None:
    lengths = [
        allowed_length(step, steps=100, short_first=0.5, shortest=5, longest=55)
        for step in (0, 25, 49, 50, 99)
    ]
    assert lengths == [5, 30, 54, 55, 55]


def test_without_curriculum_all_lengths_are_allowed_at_once() -> None:
    assert allowed_length(0, steps=9, short_first=0.0, shortest=5, longest=55) == 55
