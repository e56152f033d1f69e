"""Whether the ink can be a formula, and whether it is something else than a printed one.

A formula is small pieces close together: 2 159 pictures of real formulas have 0.74 to 7 pieces on
1000 pixels, and at most 160. Photographs and drawings have fewer and larger ones, textures and
pages of text have many more.

For handwriting, CJK and drawings a small network looks at each connected piece of ink alone, its
shape, its size and how many strokes a line across it meets, and says how foreign it is to printed
formulas. It was fitted by `tests/bench/fit_foreign_ink.py`; docs/explanation/pictures.md says what
it recognises and what not.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.vision.ink import Ink, Pieces

SIDE = 10
"""A piece is seen as SIDE x SIDE shares of ink."""
LEAST, MOST = 0.35, 4.0
"""In em: smaller pieces are dots and strokes of any writing, larger ones brackets and roots."""
THIN = 0.12
"""Pieces thinner than this are bars."""
MOST_PIECES = 200
"""Largest number of pieces examined; of more, an even sample from left to right."""
SURE = 0.9
FEWEST, SHARE = 2, 0.2
"""A picture is foreign if at least this many pieces are, and this share of those examined."""

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


def is_foreign(ink: Ink) -> bool:
    """Whether a picture has much ink of a kind that no printed formula has.

    Args:
        ink: of a picture from `prepare`.
    """
    probabilities = judge(describe(ink))
    foreign = int((probabilities > SURE).sum())
    return foreign >= FEWEST and foreign >= SHARE * len(probabilities)


def judge(features: Floats) -> Floats:
    """How likely each piece is foreign, 0 to 1.

    Args:
        features: (N, features) from `describe`.
    """
    values = features
    layers = _layers()
    for weight, bias in layers[:-1]:
        values = np.maximum(values @ weight + bias, 0)
    weight, bias = layers[-1]
    probabilities: Floats = 1 / (1 + np.exp(-(values @ weight + bias)[:, 0]))
    return probabilities


def describe(ink: Ink) -> Floats:
    """Shape, size and strokes of each piece examined, (N, SIDE * SIDE + 8)."""
    pieces = _sample(ink.pieces, ink.em)
    if not len(pieces):
        return np.zeros((0, SIDE * SIDE + 8), np.float32)
    height, width = pieces.height, pieces.width
    sizes = np.log(np.stack((height / ink.em, width / ink.em, height / width)))
    across, down, area = _strokes(ink.mask, pieces)
    strokes = (across[0] / height, across[1], down[0] / width, down[1])
    thickness = area / np.maximum(1, across[0]) / ink.em
    columns = (*_shapes(ink.picture, pieces).T, *sizes, *strokes, 5 * thickness)
    return np.stack(columns, axis=1).astype(np.float32)


def _sample(pieces: Pieces, em: float) -> Pieces:
    longer = np.maximum(pieces.height, pieces.width) / em
    shorter = np.minimum(pieces.height, pieces.width) / em
    candidates = pieces.where((longer >= LEAST) & (longer <= MOST) & (shorter >= THIN))
    if len(candidates) <= MOST_PIECES:
        return candidates
    order = np.argsort(candidates.left, kind="stable")
    sample = order[np.linspace(0, len(candidates) - 1, MOST_PIECES).astype(np.int64)]
    return candidates.where(np.isin(np.arange(len(candidates)), sample))


def _shapes(picture: Grey, pieces: Pieces) -> NDArray[np.float64]:
    """Shares of ink in SIDE x SIDE cells of each piece, -1 to 1; (N, SIDE * SIDE)."""
    shade = np.minimum((255 - picture.astype(np.int32)) * 255 // (256 - int(picture.min())), 255)
    image = Image.fromarray(shade.astype(np.uint8))
    corners = np.stack((pieces.left, pieces.top, pieces.right, pieces.bottom), axis=1).tolist()
    small = [
        image.crop(tuple(box)).resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()
        for box in corners
    ]
    cells = np.frombuffer(b"".join(small), np.uint8).reshape(len(corners), -1)
    return cells / 128 - 1


def _strokes(
    mask: NDArray[np.bool_], pieces: Pieces
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """How many strokes the rows and the columns of each piece's box meet, and the ink in it.

    Returns:
        For the rows (2, N): the sum and the most of one row; the same for the columns; (N,) pixels
        of ink.
    """
    starts_across, starts_down = _count_starts(mask), _count_starts(mask.T)
    across, down, area = [], [], []
    for index in range(len(pieces)):
        top, bottom = int(pieces.top[index]), int(pieces.bottom[index])
        left, right = int(pieces.left[index]), int(pieces.right[index])
        rows = _crossings(starts_across, mask, slice(top, bottom), (left, right))
        columns = _crossings(starts_down, mask.T, slice(left, right), (top, bottom))
        across.append((rows.sum(), rows.max()))
        down.append((columns.sum(), columns.max()))
        area.append(np.count_nonzero(mask[top:bottom, left:right]))
    return np.array(across).T, np.array(down).T, np.array(area)


def _count_starts(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many strokes begin in each row up to each column, that column included."""
    begins = mask.copy()
    begins[:, 1:] &= ~mask[:, :-1]
    return np.cumsum(begins, axis=1, dtype=np.int32)


def _crossings(
    starts: NDArray[np.int32], mask: NDArray[np.bool_], rows: slice, columns: tuple[int, int]
) -> NDArray[np.int32]:
    """How many strokes each row of a box crosses; a stroke that the box cuts begins at its edge."""
    first, end = columns
    inside: NDArray[np.int32] = starts[rows, end - 1] - starts[rows, first]
    return inside + mask[rows, first]


@lru_cache(maxsize=1)
def _layers() -> tuple[tuple[Floats, Floats], ...]:
    with (files("im2latex_cli.vision") / "foreign_ink.npz").open("rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        values = [archive[f"arr_{index}"].astype(np.float32) for index in range(len(archive.files))]
    return tuple(zip(values[::2], values[1::2], strict=True))


MOST_PIECES_OF_FORMULA = 400
FEWEST_PER_PIXEL = 0.65 / 1000
SMALL = 20_000
"""Pixels of a picture that is too small to tell: a few symbols far apart."""


def may_be_formula(ink: Ink) -> bool:
    """Whether nothing speaks against a formula.

    Args:
        ink: of a picture from `prepare`: cropped to its ink, at the network's size of text.
    """
    pieces, size = len(ink.pieces), ink.picture.size
    sparse = size > SMALL and pieces < FEWEST_PER_PIXEL * size
    return not sparse and pieces <= MOST_PIECES_OF_FORMULA
