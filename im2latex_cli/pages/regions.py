"""Regions of a page: displayed formulas, equation numbers and inline formulas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple


class RegionKind(StrEnum):
    """What a region holds."""

    DISPLAY = "display"
    NUMBER = "number"
    INLINE = "inline"


class Rectangle(NamedTuple):
    """A rectangle in pixels from the upper left corner; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """0 for an empty one."""
        return max(0.0, self.width) * max(0.0, self.height)

    def intersection(self, other: Rectangle) -> Rectangle:
        """What both share; empty if they share nothing."""
        return Rectangle(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def overlap(self, other: Rectangle) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other).area
        union = self.area + other.area - shared
        return shared / union if union else 0.0

    def scaled(self, factor: float) -> Rectangle:
        """The same rectangle on a page that is `factor` times as large."""
        return Rectangle(*(factor * side for side in self))


def hull(rectangles: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle around others.

    Raises:
        ValueError: there are none.
    """
    lefts, tops, rights, bottoms = zip(*rectangles, strict=True)
    return Rectangle(min(lefts), min(tops), max(rights), max(bottoms))


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a page.

    Attributes:
        kind: what it holds.
        box: where it is, in pixels of the page.
        formula: its LaTeX if that is known, as on typeset pages; else empty.
        display: for an equation number the index of its display among the regions, or -1.
    """

    kind: RegionKind
    box: Rectangle
    formula: str = ""
    display: int = -1


@dataclass(frozen=True, slots=True)
class FoundFormula:
    """A formula that was found on a page.

    Attributes:
        box: where it is, in pixels of the page, without its equation number.
        kind: display or inline.
        score: how sure the finder is, 0 to 1.
        numbers: boxes of its equation numbers, one for each numbered row.
    """

    box: Rectangle
    kind: RegionKind
    score: float
    numbers: tuple[Rectangle, ...] = ()

    def scaled(self, factor: float) -> FoundFormula:
        """The same formula on a page that is `factor` times as large."""
        numbers = tuple(number.scaled(factor) for number in self.numbers)
        return replace(self, box=self.box.scaled(factor), numbers=numbers)


@dataclass(frozen=True, slots=True)
class Matches:
    """How boxes that were found agree with the true ones.

    Attributes:
        true: number of true boxes.
        found: number of boxes that were found.
        right: boxes that were found and overlap a true one enough, each true one counted once.
    """

    true: int = 0
    found: int = 0
    right: int = 0

    def __add__(self, other: Matches) -> Matches:
        """The counts of both."""
        return Matches(self.true + other.true, self.found + other.found, self.right + other.right)

    @property
    def precision(self) -> float:
        """Right ones among those found, in percent; 100 if none were found."""
        return 100 * self.right / self.found if self.found else 100.0

    @property
    def recall(self) -> float:
        """Right ones among the true, in percent; 100 if there are none."""
        return 100 * self.right / self.true if self.true else 100.0


OVERLAP = 0.7
"""Intersection over union from which a box counts as right."""


def match(
    found: Sequence[Rectangle], true: Sequence[Rectangle], *, overlap: float = OVERLAP
) -> Matches:
    """Match boxes one to one, those that overlap most first.

    Args:
        found: boxes that were found.
        true: the true boxes.
        overlap: least intersection over union.
    """
    pairs = sorted(
        (
            (one.overlap(other), i, j)
            for i, one in enumerate(found)
            for j, other in enumerate(true)
            if one.overlap(other) >= overlap
        ),
        reverse=True,
    )
    taken: set[int] = set()
    matched: set[int] = set()
    for _, i, j in pairs:
        if i not in taken and j not in matched:
            taken.add(i)
            matched.add(j)
    return Matches(len(true), len(found), len(taken))
