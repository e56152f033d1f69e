"""Keys and values for onnxruntime: each state sees its own nodes, whatever other states wrote."""

from __future__ import annotations

import numpy as np
import pytest

from im2latex_cli.onnx.tree import BLOCK, OnnxTree

HEADS, SIZE, LAYERS, CELLS = 2, 3, 2, 4


def begun(batch: int) -> OnnxTree:
    memory = {
        "mask": np.ones((batch, CELLS), bool),
        "memory_0_key": np.zeros((batch, HEADS, CELLS, SIZE), np.float32),
    }
    return OnnxTree.begin(memory, layers=LAYERS)


def read(state: OnnxTree, names: np.ndarray) -> OnnxTree:
    """One more token in each row: its keys and values are its number."""
    filled = names.astype(np.float32)[:, None, :, None] * np.ones((1, HEADS, 1, SIZE), np.float32)
    return state.grown([filled.swapaxes(2, 3)] * LAYERS, [filled] * LAYERS)


def history(state: OnnxTree) -> list[list[list[int]]]:
    """The numbers that each row of each picture sees; keys and values must agree."""
    seen = state.inputs()["seen"]
    width = seen.shape[1]
    assert np.array_equal(
        seen[:, :, -width:] == 0,
        np.broadcast_to(np.eye(width, dtype=bool), seen[:, :, -width:].shape),
    )
    rows = []
    for picture, masks in enumerate(seen[:, :, :-width]):
        rows.append([])
        for mask in masks:
            (nodes,) = np.nonzero(mask == 0)
            keys = state.keys[:, picture][..., nodes]
            values = state.values[:, picture][:, :, nodes]
            assert np.array_equal(keys.swapaxes(2, 3), values)
            assert np.ptp(values, axis=(0, 1, 3)).max(initial=0) == 0
            rows[-1].append(sorted(values[0, 0, :, 0].astype(int).tolist()))
    return rows


@pytest.mark.parametrize("steps", [3, 5 * BLOCK])
def test_rows_see_what_they_have_read(steps: int) -> None:
    """As lists of Python would, over more steps than the first room is for."""
    rng = np.random.default_rng(steps)
    batch, width = 3, 4
    state = read(begun(batch), np.arange(1, batch + 1)[:, None]).repeat(width)
    expected = [[[one + 1]] * width for one in range(batch)]
    number = 100
    for _ in range(steps):
        names = number + np.arange(batch * width).reshape(batch, width)
        number += batch * width
        state = read(state, names)
        parents = rng.integers(0, width, (batch, width))
        state = state.reorder((np.arange(batch)[:, None] * width + parents).reshape(-1))
        grown = [
            [[*row, int(name)] for row, name in zip(rows, own, strict=True)]
            for rows, own in zip(expected, names, strict=True)
        ]
        expected = [
            [rows[at] for at in chosen] for rows, chosen in zip(grown, parents, strict=True)
        ]
        assert history(state) == expected
    assert state.position == steps + 1


def test_two_steps_from_one_state_do_not_meet() -> None:
    first = read(begun(1), np.array([[1]])).repeat(2)
    one, other = read(first, np.array([[2, 3]])), read(first, np.array([[4, 5]]))
    assert history(first) == [[[1], [1]]]
    assert history(one) == [[[1, 2], [1, 3]]]
    assert history(other) == [[[1, 4], [1, 5]]]


def test_some_pictures_go_on() -> None:
    state = read(begun(3), np.array([[1], [2], [3]])).select(np.array([2, 0]))
    assert history(read(state, np.array([[7], [8]]))) == [[[3, 7]], [[1, 8]]]
    assert len(state.memory["mask"]) == 2
