"""A page as a sequence of symbols, one per pixel column: the field's way to compare pictures.

A pixel is ink if its grey value is at most 128. Pages are aligned at the top; a column is
the set of its ink pixels, however tall the page below it.

The edit script that python-Levenshtein chose when the field's figures were published.

Many scripts are equally short, and Harvard's match rule depends on which one is taken. The
library of 2016 (0.12) preferred, from the end backwards: to go on inserting or deleting where it
just did, then an equal or a replaced symbol, then to begin an insertion, then a deletion. Since
2022 python-Levenshtein takes rapidfuzz's choice, by which more wrong pages pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

EQUAL, REPLACE, INSERT, DELETE = range(4)


def blocks(left: Sequence[int], right: Sequence[int]) -> list[tuple[int, int, int]]:
    """The script as runs of one kind, in order.

    Args:
        left: symbols of the reference.
        right: symbols of the hypothesis.

    Returns:
        Kind, symbols of the reference and symbols of the hypothesis covered.
    """
    head = _common(left, right)
    tail = _common(left[head:][::-1], right[head:][::-1])
    inner = left[head : len(left) - tail], right[head : len(right) - tail]
    kinds = [EQUAL] * head + list(_backwards(*inner))[::-1] + [EQUAL] * tail
    grouped: list[tuple[int, int, int]] = []
    for kind in kinds:
        step = kind, int(kind != INSERT), int(kind != DELETE)
        if grouped and grouped[-1][0] == kind:
            _, first, second = grouped.pop()
            step = kind, first + step[1], second + step[2]
        grouped.append(step)
    return grouped


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of the common beginning."""
    length = min(len(left), len(right))
    for position in range(length):
        if left[position] != right[position]:
            return position
    return length


def costs(left: Sequence[int], right: Sequence[int]) -> NDArray[np.int32]:
    """Levenshtein distances of all beginnings, `(len(left) + 1, len(right) + 1)`."""
    other = np.array(right, dtype=np.int64)
    ramp = np.arange(len(right) + 1, dtype=np.int32)
    table = np.empty((len(left) + 1, len(right) + 1), dtype=np.int32)
    table[0] = ramp
    for row, symbol in enumerate(left, start=1):
        above, here = table[row - 1], table[row]
        here[0] = row
        np.minimum(above[1:] + 1, above[:-1] + (other != symbol), out=here[1:])
        # Insertions run along the row: the least cost left of a cell, plus its distance.
        np.add(np.minimum.accumulate(here - ramp), ramp, out=here)
    return table


def _backwards(left: Sequence[int], right: Sequence[int]) -> Iterator[int]:
    """The kinds of all steps, last first."""
    cost = costs(left, right).item
    i, j, going = len(left), len(right), EQUAL
    while i or j:
        here = cost(i, j)
        inserts = bool(j) and cost(i, j - 1) + 1 == here
        deletes = bool(i) and cost(i - 1, j) + 1 == here
        if (going == INSERT and inserts) or (going == DELETE and deletes):
            pass
        elif i and j and cost(i - 1, j - 1) + (left[i - 1] != right[j - 1]) == here:
            going = EQUAL if left[i - 1] == right[j - 1] else REPLACE
        else:
            going = INSERT if inserts else DELETE
        i -= going != INSERT
        j -= going != DELETE
        yield going


Grey = NDArray[np.uint8]

INK = 128
"""Greatest grey value that counts as ink."""
TOLERANCE = 5
"""Pixels by which columns must differ, and columns by which pages must differ, to matter."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The ink of one page, column by column; small enough to keep or send by the thousand.

    Attributes:
        bits: `(W, ceil(H / 8))` uint8, one bit a pixel from the top, 1 is ink.
    """

    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, page: Grey) -> Columns:
        """The columns of a grey page `(H, W)`."""
        return cls(np.packbits((page <= INK).T, axis=1))

    def __len__(self) -> int:
        return len(self.bits)

    def without_blank(self) -> Columns:
        """The columns that have ink."""
        return Columns(self.bits[self.bits.any(axis=1)])

    def crop(self) -> Columns:
        """The columns from the first to the last with ink, from the first inked row on."""
        rows = np.flatnonzero(self.bits.any(axis=1))
        if not len(rows):
            return Columns(self.bits[:0])
        pixels = np.unpackbits(self.bits[rows[0] : rows[-1] + 1], axis=1)
        top = int(np.flatnonzero(pixels.any(axis=0))[0])
        return Columns(np.packbits(pixels[:, top:], axis=1))

    def rows(self, depth: int) -> list[bytes]:
        """The columns as bytes, paper added at the bottom."""
        rows: list[bytes] = self.padded_bits(depth).view(f"V{depth}").ravel().tolist()
        return rows

    def padded_bits(self, depth: int) -> NDArray[np.uint8]:
        """The bits with paper added at the bottom, `(W, depth)`."""
        missing = depth - self.bits.shape[1]
        bits = np.pad(self.bits, ((0, 0), (0, missing))) if missing else self.bits
        return np.ascontiguousarray(bits)


def symbols(reference: Columns, hypothesis: Columns) -> tuple[list[int], list[int]]:
    """Both pages as numbers: equal columns, top aligned, get equal numbers.

    Not the columns' own integers: rapidfuzz compares hashes of large integers, which collide.
    """
    depth = _depth(reference, hypothesis)
    numbers: dict[bytes, int] = {}
    left, right = (
        [numbers.setdefault(row, len(numbers)) for row in side.rows(depth)]
        for side in (reference, hypothesis)
    )
    return left, right


def _depth(reference: Columns, hypothesis: Columns) -> int:
    return max(int(reference.bits.shape[1]), int(hypothesis.bits.shape[1]), 1)


def distance(reference: Columns, hypothesis: Columns) -> int:
    """Levenshtein distance over columns, no tolerance."""
    left, right = symbols(reference, hypothesis)
    return int(Levenshtein.distance(left, right))


def cluster(reference: Columns, hypothesis: Columns) -> tuple[list[int], list[int]]:
    """Both pages as numbers; columns that nearly agree have the same number.

    Going through the reference's columns, then the hypothesis's, a column joins the first
    earlier founder it differs from in fewer than `TOLERANCE` pixels, else it founds a new
    cluster.
    """
    left, right = symbols(reference, hypothesis)
    founders = _founders(_distinct(reference, hypothesis, left, right))
    return [founders[number] for number in left], [founders[number] for number in right]


def _distinct(
    reference: Columns, hypothesis: Columns, left: Sequence[int], right: Sequence[int]
) -> NDArray[np.uint64]:
    """The distinct columns in the order of their numbers, 64 pixels a word, `(words, U)`."""
    depth = -(-_depth(reference, hypothesis) // 8) * 8
    table = np.zeros((max([*left, *right], default=-1) + 1, depth), dtype=np.uint8)
    for side, numbers in ((hypothesis, right), (reference, left)):
        if numbers:
            table[np.array(numbers)] = side.padded_bits(depth)
    return np.ascontiguousarray(table.view(np.uint64).T)


def _founders(table: NDArray[np.uint64]) -> list[int]:
    """For each distinct column in order, the number of its cluster's founder."""
    count = table.shape[1]
    distances = np.zeros((count, count), dtype=np.uint16)
    for word in table:
        distances += np.bitwise_count(word[:, None] ^ word[None, :])
    near = distances < TOLERANCE
    founder = np.arange(count)
    free = np.ones(count, dtype=bool)
    for number in range(count):
        if free[number]:
            members = free & near[number]
            founder[members] = number
            free &= ~members
    numbers: list[int] = founder.tolist()
    return numbers


def matches(left: Sequence[int], right: Sequence[int]) -> tuple[bool, bool]:
    """Harvard's rule on clustered columns, and the strict one.

    Harvard: no block of the edit script replaces or deletes 5 reference columns. Inserted
    columns are forgiven, however many: an insertion covers no reference column. Strict: no
    block inserts 5 hypothesis columns either.
    """
    if Levenshtein.distance(left, right, score_cutoff=TOLERANCE) < TOLERANCE:
        return True, True
    edits = [(lost, added) for kind, lost, added in blocks(left, right) if kind]
    tolerant = all(lost < TOLERANCE for lost, _ in edits)
    return tolerant, tolerant and all(added < TOLERANCE for _, added in edits)


def alignment(reference: Columns, hypothesis: Columns) -> list[tuple[bool, slice, slice]]:
    """The blocks of the edit script: whether equal, reference columns, hypothesis columns."""
    return [
        (
            block.tag == "equal",
            slice(block.src_start, block.src_end),
            slice(block.dest_start, block.dest_end),
        )
        for block in Levenshtein.opcodes(*symbols(reference, hypothesis))
    ]
