"""Which pictures are read together, and what happens where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from im2latex_cli.errors import InputError
from im2latex_cli.model.inputs import UNIT

_Result = TypeVar("_Result")


def plan(shapes: Sequence[tuple[int, ...]], budget: int) -> Iterator[list[int]]:
    """Group pictures of like size.

    Args:
        shapes: height and width of each picture.
        budget: most pixels in a group, padding included; a larger picture stands alone.

    Yields:
        Indices into `shapes`, each once.
    """
    padded = [
        tuple(-(-side // unit) * unit for side, unit in zip(shape, UNIT, strict=True))
        for shape in shapes
    ]
    group: list[int] = []
    height = width = 0
    for at in sorted(range(len(padded)), key=lambda at: (padded[at][0] // 32, padded[at][1])):
        height, width = max(height, padded[at][0]), max(width, padded[at][1])
        if group and (len(group) + 1) * height * width > budget:
            yield group
            group, (height, width) = [], padded[at]
        group.append(at)
    if group:
        yield group


def halving(
    indices: list[int], work: Callable[[list[int]], Sequence[_Result]]
) -> Iterator[tuple[list[int], Sequence[_Result]]]:
    """Run `work`; where memory runs out, on one half after the other."""
    try:
        results = work(indices)
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        if len(indices) == 1:
            raise InputError(
                "A picture is too large for the memory.", hint="Crop it, or lower decode.beam."
            ) from error
    else:
        yield indices, results
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(indices) // 2
    yield from halving(indices[:middle], work)
    yield from halving(indices[middle:], work)


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)
