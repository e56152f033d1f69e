"""Connected pieces of ink, found from runs of pixels without a loop over pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
