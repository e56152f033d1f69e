"""A step of the transformer against teacher forcing, whatever a beam does in between."""

from __future__ import annotations

import random
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.decoding.torch_ops import Tensors
from im2latex_cli.network.network import Network
from im2latex_cli.network.transformer import BLOCK, POSITIONS
from im2latex_cli.settings.sections import ModelSettings

SIZE, BATCH = 11, 3
ORDERS = ["same", "mix", "one"]
"""Which hypotheses survive a step."""


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(3)
    dims = ModelSettings(
        encoder="residual", channels=(4, 8, 16), decoder="transformer", width=16, heads=2,
        feedforward=24, decoder_layers=2,
    )  # fmt: skip
    return Network(dims, SIZE).eval()


@pytest.fixture(scope="module")
def memory(network: Network):
    with torch.no_grad():
        sizes = torch.tensor([[32, 64], [16, 40], [20, 64]])
        return network.encode(torch.rand(BATCH, 1, 32, 64), sizes)


def forced(network: Network, memory, owners: list[int], rows: list[list[int]]) -> torch.Tensor:
    """Logits (R, V) after each row, of the picture that it belongs to."""
    mine = type(memory)(
        memory.features[owners], memory.mask[owners], memory.grid, True, memory.glyphs[owners]
    )
    return network.decoder.decode(mine, torch.tensor(rows)).logits[:, -1]


@settings(deadline=None, max_examples=25)
@given(
    st.randoms(use_true_random=False), st.sampled_from([1, 2, 5]), st.sampled_from(ORDERS),
)  # fmt: skip
def test_a_step_says_what_teacher_forcing_says(network, memory, draw, width, order):
    with patch.object(Tensors, "waits", return_value=draw.random() < 0.5):  # as on a GPU
        walk(network, memory, draw, width=width, order=order)


def walk(network: Network, memory, draw: random.Random, *, width: int, order: str) -> None:
    """Random ids and survivors; pictures leave on the way."""
    owners = list(range(BATCH))
    with torch.no_grad():
        state = network.decoder.start(memory)
        rows = [[1] for _ in owners]
        logits, state = network.decoder.step(torch.tensor([1] * BATCH), state)
        state, rows = state.repeat(width), [list(row) for row in rows for _ in range(width)]
        for taken in range(POSITIONS + 2):
            last = [draw.randrange(SIZE) for _ in rows]
            rows = [[*row, one] for row, one in zip(rows, last, strict=True)]
            logits, state = network.decoder.step(torch.tensor(last), state)
            if order != "same" and width > 1:
                few = range(width) if order == "mix" else [draw.randrange(width)]
                parents = [
                    at * width + draw.choice(few) for at in range(len(owners)) for _ in range(width)
                ]
                rows = [rows[at] for at in parents]
                logits = logits[parents]
                state = state.reorder(torch.tensor(parents))
            if taken == BLOCK:
                kept = [2, 0]
                rows = [row for at in kept for row in rows[at * width : (at + 1) * width]]
                logits = logits.view(BATCH, width, -1)[kept].flatten(0, 1)
                owners, state = kept, state.select(torch.tensor(kept))
            if taken % 7 == 0 or taken > POSITIONS:
                mine = [owner for owner in owners for _ in range(width)]
                expected = forced(network, memory, mine, rows)
                torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_states_that_begin_alike_do_not_write_over_each_other(network, memory):
    step = network.decoder.step
    with torch.no_grad():
        state = network.decoder.start(memory)
        _, state = step(torch.tensor([1] * BATCH), state)
        doubled = state.repeat(2)
        _, left = step(torch.tensor([2] * BATCH), state)
        _, right = step(torch.tensor([3] * BATCH), state)
        _, both = step(torch.tensor([4, 5] * BATCH), doubled)
        for after, ids in ((left, [2]), (right, [3]), (both, [4, 5])):
            logits, _ = step(torch.tensor([6] * len(ids) * BATCH), after)
            rows = [[1, one, 6] for _ in range(BATCH) for one in ids]
            mine = [owner for owner in range(BATCH) for _ in ids]
            expected = forced(network, memory, mine, rows)
            torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_what_nobody_sees_any_longer_makes_room(network, memory):
    width, steps = 4, 6 * BLOCK
    with torch.no_grad():
        state = network.decoder.start(memory)
        _, state = network.decoder.step(torch.tensor([1] * BATCH), state)
        state = state.repeat(width)
        for _ in range(steps):
            _, state = network.decoder.step(torch.tensor([2] * BATCH * width), state)
            first = torch.arange(BATCH).repeat_interleave(width) * width
            state = state.reorder(first)
    assert state.tree.nodes.shape[2] < steps + 2 * BLOCK * width
