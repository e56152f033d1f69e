"""A page as a sequence of symbols, one per pixel column: the field's way to compare pictures.

A pixel is ink where its grey value is at most 128. Pages are aligned at the top; a column is
the set of its ink pixels, however tall the page below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

Grey = NDArray[np.uint8]

INK = 128
"""Greatest grey value that counts as ink."""
TOLERANCE = 5
"""Pixels by which columns must differ, and columns by which pages must differ, to matter."""


class Columns:
    """The ink of one page, column by column.

    Attributes:
        ink: `(W, H)` bool, True is ink.
    """

    __slots__ = ("ink",)

    def __init__(self, ink: NDArray[np.bool_]) -> None:
        self.ink = ink

    @classmethod
    def of(cls, page: Grey) -> Columns:
        """The columns of a grey page `(H, W)`."""
        return cls(np.ascontiguousarray((page <= INK).T))

    def __len__(self) -> int:
        return len(self.ink)

    def without_blank(self) -> Columns:
        """The columns that have ink."""
        return Columns(self.ink[self.ink.any(axis=1)])


def symbols(reference: Columns, hypothesis: Columns) -> tuple[list[int], list[int]]:
    """Both pages as numbers: equal columns, top aligned, get equal numbers.

    Not the columns' own integers: rapidfuzz compares hashes of large integers, which collide.
    """
    height = max(reference.ink.shape[1], hypothesis.ink.shape[1])
    numbers: dict[bytes, int] = {}
    sides = (_packed(reference, height), _packed(hypothesis, height))
    left, right = ([numbers.setdefault(key, len(numbers)) for key in side] for side in sides)
    return left, right


def _packed(columns: Columns, height: int) -> list[bytes]:
    missing = height - columns.ink.shape[1]
    padded = np.pad(columns.ink, ((0, 0), (0, missing))) if missing else columns.ink
    packed = np.packbits(padded, axis=1)
    return [row.tobytes() for row in packed]


def distance(reference: Columns, hypothesis: Columns) -> int:
    """Levenshtein distance over columns, no tolerance."""
    left, right = symbols(reference, hypothesis)
    return int(Levenshtein.distance(left, right))


def clustered(reference: Columns, hypothesis: Columns) -> tuple[list[int], list[int]]:
    """Both pages as numbers, where columns that nearly agree get the same one.

    Going through the reference's columns, then the hypothesis's, a column joins the first
    earlier founder it differs from in fewer than `TOLERANCE` pixels, else it founds a new
    cluster.
    """
    left, right = symbols(reference, hypothesis)
    founders = _founders(_distinct(reference, hypothesis, left, right))
    return [founders[number] for number in left], [founders[number] for number in right]


def _distinct(
    reference: Columns, hypothesis: Columns, left: Sequence[int], right: Sequence[int]
) -> NDArray[np.float32]:
    """The distinct columns in the order of their numbers, `(U, H)` of 0 and 1."""
    height = max(reference.ink.shape[1], hypothesis.ink.shape[1])
    count = max([*left, *right], default=-1) + 1
    table = np.zeros((count, height), dtype=np.float32)
    for side, numbers in ((hypothesis, right), (reference, left)):
        if numbers:
            table[np.array(numbers), : side.ink.shape[1]] = side.ink
    return table


def _founders(table: NDArray[np.float32]) -> list[int]:
    """For each distinct column in order, the number of its cluster's founder."""
    ink = table.sum(axis=1)
    near = ink[:, None] + ink[None, :] - 2 * (table @ table.T) < TOLERANCE - 0.5
    founder = np.arange(len(table))
    free = np.ones(len(table), dtype=bool)
    for number in range(len(table)):
        if free[number]:
            joined = free & near[number]
            founder[joined] = number
            free &= ~joined
    return [int(value) for value in founder]


def edits(left: Sequence[int], right: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Reference and hypothesis columns covered by each block that is not equal.

    Blocks are those of python-Levenshtein's and rapidfuzz's opcodes.
    """
    for block in Levenshtein.opcodes(left, right):
        if block.tag != "equal":
            yield block.src_end - block.src_start, block.dest_end - block.dest_start


def match_tolerant(left: Sequence[int], right: Sequence[int]) -> bool:
    """Harvard's rule on clustered columns: no block replaces or deletes 5 reference columns.

    Inserted columns are forgiven, however many: an insertion covers no reference column.
    """
    return all(replaced < TOLERANCE for replaced, _ in edits(left, right))


def match_strict(left: Sequence[int], right: Sequence[int]) -> bool:
    """The same rule, and no block inserts 5 hypothesis columns either."""
    return all(
        replaced < TOLERANCE and inserted < TOLERANCE for replaced, inserted in edits(left, right)
    )
