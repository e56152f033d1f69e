import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from im2latex_cli.vision.components import find_pieces


def flooded(ink):
    """Boxes and areas by filling from each pixel."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(ink), strict=True)}
    found = []
    while left:
        piece, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            piece.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge += near
        ys, xs = zip(*piece, strict=True)
        found.append((min(ys), max(ys) + 1, min(xs), max(xs) + 1, len(piece)))
    return sorted(found)


def listed(pieces):
    columns = (pieces.top, pieces.bottom, pieces.left, pieces.right, pieces.area)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@settings(deadline=None, max_examples=200)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=14)))
def test_equals_flooding(ink):
    assert listed(find_pieces(ink)) == flooded(ink)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.sampled_from([0.1, 0.35, 0.6]))
def test_equals_flooding_on_larger_noise(seed, share):
    ink = np.random.default_rng(seed).random((40, 50)) < share
    assert listed(find_pieces(ink)) == flooded(ink)


def test_a_spiral_is_one_piece():
    ink = np.zeros((9, 9), bool)
    ink[0, :] = ink[:, 8] = ink[8, :] = ink[2:, 0] = ink[2, :7] = ink[2:7, 6] = ink[6, 2:7] = True
    assert len(find_pieces(ink)) == 1


def test_neighbouring_rows_do_not_wrap():
    ink = np.zeros((2, 5), bool)
    ink[0, 4] = ink[1, 0] = True
    assert len(find_pieces(ink)) == 2


def test_nothing():
    assert len(find_pieces(np.zeros((5, 5), bool))) == 0


def test_where():
    ink = np.zeros((9, 9), bool)
    ink[0, 0] = True
    ink[4:8, 4:6] = True
    pieces = find_pieces(ink)
    large = pieces.where(pieces.area > 1)
    assert (large.height.tolist(), large.width.tolist()) == ([4], [2])


@pytest.mark.parametrize("diagonal", [np.eye(6, dtype=bool), np.eye(6, dtype=bool)[::-1]])
def test_corners_touch(diagonal):
    assert len(find_pieces(diagonal)) == 1
