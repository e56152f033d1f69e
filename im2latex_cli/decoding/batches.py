"""Which pictures are encoded and read together, and what happens where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from im2latex_cli.errors import InputError
from im2latex_cli.vision.prepare import padded

WASTE = 10_000
"""Most pixels of padding for which pictures are encoded together on a CPU."""

_Result = TypeVar("_Result")


def plan(shapes: Sequence[tuple[int, ...]], budget: int) -> Iterator[list[int]]:
    """Group pictures of like size.

    Args:
        shapes: height and width of each picture.
        budget: most pixels in a group, padding included; a larger picture stands alone.

    Returns:
        Groups of indices into `shapes`, each index once.
    """
    sizes = [padded(shape) for shape in shapes]
    order = sorted(range(len(sizes)), key=lambda at: (sizes[at][0] // 32, sizes[at][1]))
    return _group(order, sizes, lambda canvas, _: canvas > budget)


def alike(shapes: Sequence[tuple[int, ...]], *, waste: int = WASTE) -> Iterator[list[int]]:
    """Group pictures of almost the same size.

    Args:
        shapes: height and width of each picture.
        waste: most pixels of padding in a group.

    Returns:
        Groups of indices into `shapes`, each index once.
    """
    sizes = [padded(shape) for shape in shapes]
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    return _group(order, sizes, lambda canvas, filled: canvas - filled > waste)


def _group(
    order: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    is_full: Callable[[int, int], bool],
) -> Iterator[list[int]]:
    """Groups of neighbours in `order`: one more picture in a group would make it too full.

    Args:
        order: indices into `sizes`.
        sizes: padded height and width of each picture.
        is_full: whether that many pixels of a group, of which so many are filled, are too many.
    """
    group: list[int] = []
    filled = height = width = 0
    for at in order:
        area = sizes[at][0] * sizes[at][1]
        height, width = max(height, sizes[at][0]), max(width, sizes[at][1])
        if group and is_full((len(group) + 1) * height * width, filled + area):
            yield group
            group, filled, (height, width) = [], 0, sizes[at]
        group.append(at)
        filled += area
    if group:
        yield group


def shares(group: Sequence[int], shapes: Sequence[tuple[int, ...]], count: int) -> list[list[int]]:
    """Cut a group into at most `count` parts of about the same work, by area.

    Args:
        group: indices into `shapes`.
        shapes: height and width of each picture.
        count: most parts.
    """
    areas = {at: shapes[at][0] * shapes[at][1] for at in group}
    total, before = sum(areas.values()), 0.0
    parts: list[list[int]] = [[] for _ in range(count)]
    for at in sorted(group, key=areas.__getitem__):
        parts[int(count * (before + areas[at] / 2) / total)].append(at)
        before += areas[at]
    return [part for part in parts if part]


def halving(
    indices: list[int], work: Callable[[list[int]], Sequence[_Result]]
) -> Iterator[tuple[list[int], Sequence[_Result]]]:
    """Run `work`; where memory runs out, on one half after the other."""
    try:
        results = work(indices)
    except MemoryError as error:
        if len(indices) == 1:
            raise InputError(
                "A picture is too large for the memory.", hint="Crop it, or lower decode.beam."
            ) from error
    else:
        yield indices, results
        return
    middle = len(indices) // 2
    yield from halving(indices[:middle], work)
    yield from halving(indices[middle:], work)
