"""The ink of a picture: its mask, its connected pieces, and the size of its text.

A table per scale says how often a piece of ink of a formula is so many pixels high and wide. The
scale under which the pieces of a picture are likeliest is the answer: digits, letters, brackets,
minus and equals signs vote together, and the tables of the small scales know how pixels merge. The
tables are counted from renders of real formulas in Computer Modern and in STIX Two, by
`tests/bench/count_glyph_sizes.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

SCALES = (0.5, 0.62, 0.78, 1.0, 1.3, 2.0)
"""Scales with a table of their own; 1 is 12 pt at 100 dots per inch, as in finished pictures."""
STEP = 0.07
SMALLEST = 0.7
CELLS = 61
"""A table's cells: sizes from 0.7 to 50 pixels (at scale 1), each 7 % larger than the last."""

_SEARCH_STEP = 0.03
_SPREAD = math.log(3)  # of the prior: pictures three times as large are not surprising
_BIAS = 1.06  # median estimate for finished pictures
_COMMON = (_BIAS, 2 * _BIAS)  # finished pictures; those of im2latex-100k
_PREFERENCE = 3.0
_NEAR = 0.06
_FLOOR = 0.1  # share of pieces that no table foresees
_BLUR = (0.06, 0.24, 0.4, 0.24, 0.06)  # between neighbouring cells
_MIN_SIDE = 3  # smaller pieces are dots or dirt
_MAX_SIZES = 2000
_FAINT = 0.3

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Connected pieces of ink; all arrays have one entry for each piece.

    Attributes:
        top: first row.
        bottom: row after the last.
        left: first column.
        right: column after the last.
        area: pixels of ink.
    """

    top: Ints
    bottom: Ints
    left: Ints
    right: Ints
    area: Ints

    @property
    def height(self) -> Ints:
        """Heights in pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> Ints:
        """Widths in pixels."""
        return self.right - self.left

    def where(self, mask: NDArray[np.bool_]) -> Pieces:
        """The pieces for which `mask` is True."""
        return Pieces(
            top=self.top[mask],
            bottom=self.bottom[mask],
            left=self.left[mask],
            right=self.right[mask],
            area=self.area[mask],
        )

    def __len__(self) -> int:
        return len(self.top)


def find_pieces(ink: NDArray[np.bool_]) -> Pieces:
    """Find the connected pieces of ink; touching corners connect.

    Args:
        ink: (H, W), True for ink.
    """
    rows, starts, ends = _runs(ink)
    labels = _join(len(rows), *_touching(rows, starts, ends, ink.shape[1]))
    names, piece = np.unique(labels, return_inverse=True)
    count = len(names)
    top, left = np.full(count, ink.shape[0]), np.full(count, ink.shape[1])
    bottom, right, area = (np.zeros(count, np.int64) for _ in range(3))
    np.minimum.at(top, piece, rows)
    np.maximum.at(bottom, piece, rows + 1)
    np.minimum.at(left, piece, starts)
    np.maximum.at(right, piece, ends)
    np.add.at(area, piece, ends - starts)
    return Pieces(top=top, bottom=bottom, left=left, right=right, area=area)


def _runs(ink: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Row, first column and column after the last of each run of ink, in reading order."""
    height, width = ink.shape
    framed = np.zeros((height, width + 2), np.int8)
    framed[:, 1:-1] = ink
    steps = np.diff(framed, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    return rows, starts, ends


def _touching(rows: Ints, starts: Ints, ends: Ints, width: int) -> tuple[Ints, Ints]:
    """Pairs of runs in neighbouring rows that share a column or a corner."""
    stride = width + 4
    begin = rows * stride + starts
    end = rows * stride + ends
    # a run of the row above touches if its end >= our start and its start <= our end
    first = np.searchsorted(end, begin - stride, side="left")
    last = np.searchsorted(begin, end - stride, side="right")
    counts = np.maximum(last - first, 0)
    lower = np.repeat(np.arange(len(rows)), counts)
    offsets = np.arange(len(lower)) - np.repeat(np.cumsum(counts) - counts, counts)
    return lower, np.repeat(first, counts) + offsets


def _join(count: int, lower: Ints, upper: Ints) -> Ints:
    """Give all connected runs the number of their first run."""
    labels = np.arange(count)
    while True:
        a, b = labels[lower], labels[upper]
        if np.array_equal(a, b):
            return labels
        low, high = np.minimum(a, b), np.maximum(a, b)
        np.minimum.at(labels, high, low)
        while not np.array_equal(labels, labels[labels]):
            labels = labels[labels]


def estimate_scale(pieces: Pieces) -> float:
    """Return how large the text is: 1 as in finished pictures (12 pt at 100 dpi), 2 twice that.

    Args:
        pieces: all connected pieces of ink of a picture.

    Returns:
        A factor between 0.25 and 5; 1 if the ink says nothing.
    """
    heights, widths, weights = _voters(pieces)
    if not len(heights):
        return 1.0
    shifts = np.arange(math.log(0.25), math.log(5), _SEARCH_STEP)
    tables = _log_tables()
    nearest = np.abs(shifts[:, None] - np.log(SCALES)).argmin(axis=1)
    row, column = _cells(heights - shifts[:, None]), _cells(widths - shifts[:, None])
    outside = (row < 0) | (row >= CELLS) | (column < 0) | (column >= CELLS)
    row, column = row.clip(0, CELLS - 1), column.clip(0, CELLS - 1)
    votes = np.where(outside, tables.min(), tables[nearest[:, None], row, column])
    likelihood = votes @ weights - 0.5 * (shifts / _SPREAD) ** 2 + _bonus(shifts)
    return float(np.exp(shifts[likelihood.argmax()])) / _BIAS


def _bonus(shifts: NDArray[Any]) -> NDArray[Any]:
    """Prefer the scales that pictures of formulas mostly have, if the pieces leave it open."""
    away = np.abs(shifts[:, None] - np.log(_COMMON)).min(axis=1)
    bonus: NDArray[Any] = _PREFERENCE * np.exp(-0.5 * (away / _NEAR) ** 2)
    return bonus


def _voters(pieces: Pieces) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Logarithms of the heights and widths that occur, and the weight of each.

    A size that occurs n times has the weight of the root of n: the same letter over and over is no
    independent witness.
    """
    large = pieces.where(np.maximum(pieces.height, pieces.width) >= _MIN_SIDE)
    sizes, counts = np.unique(large.height << 32 | large.width, return_counts=True)
    if len(sizes) > _MAX_SIZES:
        sample = np.linspace(0, len(sizes) - 1, _MAX_SIZES).astype(np.int64)
        sizes, counts = sizes[sample], counts[sample]
    return np.log(sizes >> 32), np.log(sizes & 0xFFFFFFFF), np.sqrt(counts)


def ink_threshold(picture: NDArray[np.uint8]) -> int:
    """The grey below which a pixel is ink; thin strokes must not fall to pieces."""
    return 255 - round(_FAINT * (255 - int(picture.min(initial=255))))


def count_sizes(pictures: Iterable[tuple[NDArray[np.uint8], float]]) -> NDArray[np.uint32]:
    """Count the pieces of pictures of known scale, in the table of the nearest of SCALES.

    Args:
        pictures: pictures with the scale of their text.

    Returns:
        (scales, CELLS, CELLS): how often each height and width (at scale 1) occurred.
    """
    counts = np.zeros((len(SCALES), CELLS, CELLS), np.uint32)
    for picture, scale in pictures:
        pieces = find_pieces(picture < ink_threshold(picture))
        row, column = (_cells(sizes) for sizes in _log_sizes(pieces, scale))
        inside = (row >= 0) & (row < CELLS) & (column >= 0) & (column < CELLS)
        table = int(np.abs(np.log(SCALES) - math.log(scale)).argmin())
        np.add.at(counts[table], (row[inside], column[inside]), 1)
    return counts


def save_counts(stream: IO[bytes], counts: NDArray[np.uint32]) -> None:
    """Write tables as a NumPy archive."""
    np.savez_compressed(stream, counts=counts.astype(np.uint16))


@lru_cache(maxsize=1)
def _log_tables() -> NDArray[np.float32]:
    """Smoothed log-probabilities, (scales, CELLS, CELLS)."""
    with (files("im2latex_cli.vision") / "glyph_sizes.npz").open("rb") as stream:
        counts = np.load(stream, allow_pickle=False)["counts"].astype(np.float64)
    for axis in (1, 2):
        counts = sum(
            weight * np.roll(counts, shift - 2, axis=axis) for shift, weight in enumerate(_BLUR)
        )
    shares = counts / counts.sum(axis=(1, 2), keepdims=True)
    logs: NDArray[np.float32] = np.log(shares + _FLOOR / CELLS**2).astype(np.float32)
    return logs


def _log_sizes(pieces: Pieces, scale: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Logarithms of heights and widths at scale 1, without dots."""
    large = np.maximum(pieces.height, pieces.width) >= _MIN_SIDE
    return np.log(pieces.height[large] / scale), np.log(pieces.width[large] / scale)


def _cells(log_sizes: NDArray[Any]) -> NDArray[np.int64]:
    cells: NDArray[np.int64] = np.floor((log_sizes - math.log(SMALLEST)) / STEP).astype(np.int64)
    return cells


EM = 1200 / 72.27
"""Pixels of an em at scale 1: 12 pt at 100 dots per inch."""


class Ink:
    """A picture and the properties of its ink, each computed once, on first use.

    Args:
        picture: (H, W) uint8, dark ink on white paper; it must not be changed afterwards.
    """

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self.picture = picture

    @cached_property
    def threshold(self) -> int:
        """The grey below which a pixel is ink."""
        return ink_threshold(self.picture)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W), True for ink."""
        mask: NDArray[np.bool_] = self.picture < self.threshold
        return mask

    @cached_property
    def pieces(self) -> Pieces:
        """The connected pieces."""
        return find_pieces(self.mask)

    @cached_property
    def scale(self) -> float:
        """How large the text is: 1 is 12 pt at 100 dots per inch."""
        return estimate_scale(self.pieces)

    @property
    def em(self) -> float:
        """Pixels of an em of the text."""
        return EM * self.scale
