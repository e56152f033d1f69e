"""Rectangles, and how boxes that were found are matched with the true ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.pages.regions import Matches, Rectangle, hull, match

sides = st.floats(-1000, 1000)
rectangles = st.tuples(sides, sides, st.floats(0.5, 500), st.floats(0.5, 500)).map(
    lambda four: Rectangle(four[0], four[1], four[0] + four[2], four[1] + four[3])
)


@given(rectangles, rectangles)
def test_overlap_is_symmetric_and_a_share(one: Rectangle, other: Rectangle) -> None:
    overlap = one.overlap(other)
    assert 0 <= overlap <= 1
    assert overlap == pytest.approx(other.overlap(one))
    assert one.overlap(one) == pytest.approx(1)


def test_overlap_of_half() -> None:
    assert Rectangle(0, 0, 10, 10).overlap(Rectangle(0, 0, 10, 5)) == 0.5
    assert Rectangle(0, 0, 10, 10).overlap(Rectangle(20, 0, 30, 10)) == 0
    assert Rectangle(0, 0, 0, 0).overlap(Rectangle(0, 0, 0, 0)) == 0


def test_hull_holds_all() -> None:
    assert hull([Rectangle(1, 2, 3, 4), Rectangle(0, 3, 2, 9)]) == (0, 2, 3, 9)


def test_a_true_box_counts_once() -> None:
    box, near = Rectangle(0, 0, 10, 10), Rectangle(0, 0, 10, 9)
    assert match([box, near], [box]) == Matches(true=1, found=2, right=1)
    assert match([near], [box, Rectangle(50, 50, 60, 60)]) == Matches(true=2, found=1, right=1)


def test_the_best_overlap_is_taken_first() -> None:
    first, second = Rectangle(0, 0, 10, 10), Rectangle(0, 1, 10, 11)
    assert match([second, first], [first, second]).right == 2


def test_scores_in_percent() -> None:
    counts = Matches(true=4, found=5, right=3) + Matches(true=0, found=0, right=0)
    assert (counts.precision, counts.recall) == (60.0, 75.0)
    assert (Matches().precision, Matches().recall) == (100.0, 100.0)
