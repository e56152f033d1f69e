"""What is known of a picture's ink is computed once, and is what each piece alone would say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from im2latex_cli.vision import ink
from im2latex_cli.vision.foreign import SIDE, _sample, describe, is_foreign, may_be_formula
from im2latex_cli.vision.ink import Ink, find_pieces, ink_threshold
from im2latex_cli.vision.layout import examine, without_number


def noise(seed: int, *, size: tuple[int, int] = (70, 260)) -> np.ndarray:
    """Blots and strokes of all greys, some of them touching."""
    rng = np.random.default_rng(seed)
    page = np.full(size, 255, np.uint8)
    for _ in range(rng.integers(1, 60)):
        top, left = rng.integers(0, size[0] - 2), rng.integers(0, size[1] - 2)
        high, wide = rng.integers(1, 25, 2)
        shape = page[top : top + high, left : left + wide].shape
        page[top : top + high, left : left + wide] = rng.integers(0, 255, shape)
    return page


def described_alone(picture: np.ndarray) -> np.ndarray:
    """The features of each piece as they were defined, from its own cut of the picture."""
    own = Ink(picture)
    mask, em = picture < ink_threshold(picture), own.em
    pieces = _sample(ink.find_pieces(mask), em)
    shade = np.minimum((255 - picture.astype(np.int32)) * 255 // (256 - int(picture.min())), 255)
    grey = shade.astype(np.uint8)
    rows = []
    for at in range(len(pieces)):
        box = np.s_[pieces.top[at] : pieces.bottom[at], pieces.left[at] : pieces.right[at]]
        small = Image.fromarray(grey[box]).resize((SIDE, SIDE), Image.Resampling.BOX)
        part = mask[box]
        height, width = part.shape
        across = (np.diff(part, axis=1, prepend=False) & part).sum(axis=1)
        down = (np.diff(part, axis=0, prepend=False) & part).sum(axis=0)
        sizes = (np.log(height / em), np.log(width / em), np.log(height / width))
        strokes = (across.mean(), across.max(), down.mean(), down.max())
        thickness = part.sum() / max(1, int(across.sum())) / em
        cells = np.asarray(small).ravel() / 128 - 1
        rows.append(np.array([*cells, *sizes, *strokes, 5 * thickness]))
    return np.array(rows, np.float32).reshape(-1, SIDE * SIDE + 8)


@given(st.integers(0, 10**9))
@settings(deadline=None, max_examples=60)
def test_pieces_are_described_as_if_each_were_alone(seed: int) -> None:
    picture = noise(seed)
    assert np.array_equal(describe(Ink(picture)), described_alone(picture))


def test_ink_is_labelled_once_for_everything_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    find = ink.find_pieces

    def counted(mask: np.ndarray) -> ink.Pieces:
        calls.append(mask.shape)
        return find(mask)

    monkeypatch.setattr(ink, "find_pieces", counted)
    own = Ink(noise(3))
    examine(own)
    may_be_formula(own)
    is_foreign(own)
    without_number(own)
    assert calls == [(70, 260)]


def test_ink_knows_threshold_mask_pieces_and_size() -> None:
    page = np.full((40, 60), 255, np.uint8)
    page[5:25, 10:12] = page[5:25, 40:44] = 55
    own = Ink(page)
    assert own.threshold == 195
    assert int(own.mask.sum()) == 120
    assert len(own.pieces) == 2
    assert own.em == pytest.approx(own.scale * ink.EM)


def test_paper_alone_has_no_ink() -> None:
    own = Ink(np.full((20, 20), 255, np.uint8))
    assert (len(own.pieces), own.scale) == (0, 1.0)


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
