"""Whether the ink is something else than printed formulas: handwriting, CJK, drawings.

A small network looks at each connected piece of ink alone, its shape, its size and how many strokes
a line across it meets, and says how foreign it is to printed formulas. It was fitted by
`tests/bench/fit_foreign_ink.py`; docs/explanation/pictures.md has what it finds and what not.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.vision.components import Pieces, find_pieces
from im2latex_cli.vision.layout import EM
from im2latex_cli.vision.scale import estimate_scale, ink_threshold

SIDE = 10
"""A piece is seen as SIDE x SIDE shares of ink."""
LEAST, MOST = 0.35, 4.0
"""In em: smaller pieces are dots and strokes of any writing, larger ones brackets and roots."""
THIN = 0.12
"""Pieces thinner than this are bars."""
MOST_PIECES = 200
"""So many are looked at, evenly from left to right."""
SURE = 0.9
FEWEST, SHARE = 2, 0.2
"""So many foreign pieces, and such a share of all that are looked at, make a picture foreign."""

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


def is_foreign(picture: Grey) -> bool:
    """Whether a picture holds much that no printed formula does.

    Args:
        picture: (H, W) from `prepare`, 255 is paper.
    """
    seen = judge(describe(picture))
    foreign = int((seen > SURE).sum())
    return foreign >= FEWEST and foreign >= SHARE * len(seen)


def judge(described: Floats) -> Floats:
    """How likely each piece is foreign, 0 to 1.

    Args:
        described: (N, features) from `describe`.
    """
    values = described
    layers = _layers()
    for weight, bias in layers[:-1]:
        values = np.maximum(values @ weight + bias, 0)
    weight, bias = layers[-1]
    told: Floats = 1 / (1 + np.exp(-(values @ weight + bias)[:, 0]))
    return told


def describe(picture: Grey) -> Floats:
    """Shape, size and strokes of each piece that is looked at, (N, SIDE * SIDE + 8)."""
    threshold = ink_threshold(picture)
    em = EM * estimate_scale(picture)
    ink = picture < threshold
    pieces = _chosen(find_pieces(ink), em)
    shade = np.minimum((255 - picture.astype(np.int32)) * 255 // (256 - int(picture.min())), 255)
    grey = shade.astype(np.uint8)
    rows = [_described(grey, ink, pieces, at, em) for at in range(len(pieces))]
    return np.array(rows, np.float32).reshape(-1, SIDE * SIDE + 8)


def _chosen(pieces: Pieces, em: float) -> Pieces:
    longer = np.maximum(pieces.height, pieces.width) / em
    shorter = np.minimum(pieces.height, pieces.width) / em
    kept = pieces.where((longer >= LEAST) & (longer <= MOST) & (shorter >= THIN))
    if len(kept) <= MOST_PIECES:
        return kept
    order = np.argsort(kept.left, kind="stable")
    some = order[np.linspace(0, len(kept) - 1, MOST_PIECES).astype(np.int64)]
    return kept.where(np.isin(np.arange(len(kept)), some))


def _described(
    grey: Grey, ink: NDArray[np.bool_], pieces: Pieces, at: int, em: float
) -> NDArray[np.float64]:
    rows = slice(int(pieces.top[at]), int(pieces.bottom[at]))
    columns = slice(int(pieces.left[at]), int(pieces.right[at]))
    small = Image.fromarray(grey[rows, columns]).resize((SIDE, SIDE), Image.Resampling.BOX)
    part = ink[rows, columns]
    height, width = part.shape
    across = (np.diff(part, axis=1, prepend=False) & part).sum(axis=1)
    down = (np.diff(part, axis=0, prepend=False) & part).sum(axis=0)
    sizes = (np.log(height / em), np.log(width / em), np.log(height / width))
    strokes = (across.mean(), across.max(), down.mean(), down.max())
    thickness = part.sum() / max(1, int(across.sum())) / em
    return np.array([*(np.asarray(small).ravel() / 128 - 1), *sizes, *strokes, 5 * thickness])


@lru_cache(maxsize=1)
def _layers() -> tuple[tuple[Floats, Floats], ...]:
    with (files("im2latex_cli.vision") / "foreign_ink.npz").open("rb") as stream:
        held = np.load(stream, allow_pickle=False)
        values = [held[f"arr_{at}"].astype(np.float32) for at in range(len(held.files))]
    return tuple(zip(values[::2], values[1::2], strict=True))
