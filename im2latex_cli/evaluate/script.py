"""The edit script that python-Levenshtein chose when the field's figures were published.

Many scripts are equally short, and Harvard's match rule depends on which one is taken. The
library of 2016 (0.12) preferred, from the end backwards: to go on inserting or deleting where it
just did, then an equal or a replaced symbol, then to begin an insertion, then a deletion. Since
2022 python-Levenshtein takes rapidfuzz's choice, by which more wrong pages pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

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
    for at in range(length):
        if left[at] != right[at]:
            return at
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
