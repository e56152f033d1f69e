"""The order in which the formulas of a page are read: column by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.pages.picture import TEXT_HEIGHT, PagePicture
from im2latex_cli.pages.regions import FoundFormula, Rectangle

MIDDLE = (0.38, 0.62)
"""Share of the page's width between which a gap between two columns lies."""
GAP = 1.6
"""Least width of that gap, in heights of an x."""
CROSSED = 0.35
"""Share of the inked rows that may cross the gap, as titles and wide figures do."""
SIDEWAYS = (12, 4)
"""Least number of lines of text on a page that lies on its side, and how many times as many they
are as those of the page as it is."""
_INK = 200


def column_gap(page: PagePicture) -> Rectangle | None:
    """The gap between two columns of text in pixels of `page.grey`, or None."""
    ink = page.small < _INK
    rows = ink[ink.any(axis=1)]
    width = max(2, round(GAP * TEXT_HEIGHT))
    first, last = (round(share * ink.shape[1]) for share in MIDDLE)
    if not len(rows) or last - first <= width:
        return None
    sums = np.cumsum(rows[:, first:last], axis=1)
    crossed = (sums[:, width:] > sums[:, :-width]).mean(axis=0)
    at = first + int(crossed.argmin()) + 1
    beside = rows[:, :at].any(axis=1).mean(), rows[:, at + width :].any(axis=1).mean()
    if crossed.min() > CROSSED or min(beside) < 2 * CROSSED:
        return None
    return Rectangle(at, 0, at + width, ink.shape[0]).scaled(1 / page.factor)


def reading_order(formulas: Sequence[FoundFormula], gap: Rectangle | None) -> list[FoundFormula]:
    """Sort the formulas of a page: from top to bottom, the left column before the right.

    Args:
        formulas: in any order.
        gap: the gap between two columns of text, or None on a page of one column.
    """
    if gap is None:
        return sorted(formulas, key=lambda one: (one.box.top, one.box.left))
    wide = [one.box for one in formulas if _crosses(one.box, gap)]

    def place(one: FoundFormula) -> tuple[int, int, float, float]:
        above = sum(box.bottom <= one.box.top + 1 for box in wide)
        if one.box in wide:
            return above, 2, one.box.top, one.box.left
        middle = (one.box.left + one.box.right) / 2
        right = middle > (gap.left + gap.right) / 2
        return above, int(right), one.box.top, one.box.left

    return sorted(formulas, key=place)


def _crosses(box: Rectangle, gap: Rectangle) -> bool:
    return box.left < gap.left and box.right > gap.right


def lies_sideways(page: PagePicture) -> bool:
    """Whether the lines of text of a page run from top to bottom."""
    ink = page.small < _INK
    down, across = (_stripes(np.atleast_1d(ink.any(axis=axis))) for axis in (1, 0))
    return across >= SIDEWAYS[0] and across >= SIDEWAYS[1] * down


def _stripes(inked: NDArray[np.bool_]) -> int:
    """How many stretches with ink there are."""
    return int(np.count_nonzero(np.diff(inked.astype(np.int8), prepend=0) == 1))
