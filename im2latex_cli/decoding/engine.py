"""What the recogniser and the search ask of a network, whichever library computes it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.arrays import Array, Device, kind


class DecoderState(Protocol):
    """Where a decoder stands in R = B * K rows, the K rows of a picture together."""

    def repeat(self, times: int) -> Self:
        """Turn each of B rows into `times` equal rows, once, before the beam opens."""

    def reorder(self, rows: Array) -> Self:
        """Take rows (R,), each from the same picture as the row whose place it takes."""

    def select(self, pictures: Array) -> Self:
        """Keep only some pictures (B',) with all their rows."""


@dataclass(slots=True)
class WrittenNodes:
    """Nodes written into the buffers that several states share; a state with fewer copies them."""

    nodes: int = 0


def take_pictures(rows: Array, pictures: Array, *, batch: int) -> Array:
    """Rows (R, ...) of some pictures out of `batch`, each picture's rows together."""
    grouped = rows.reshape(batch, -1, *rows.shape[1:])
    kept: Array = kind(rows).take(grouped, pictures).reshape(-1, *rows.shape[1:])
    return kept


Grey = NDArray[np.uint8]


class Engine(Protocol):
    """A network that reads pictures.

    Attributes:
        name: "torch" or "onnx".
        stride: height and width of a memory cell in pixels.
    """

    name: str
    stride: tuple[int, int]

    @property
    def device(self) -> Device | None:
        """Of the tensors that `step` speaks; None where they are NumPy's arrays."""

    @property
    def cores(self) -> int:
        """Batches that are best computed at the same time; 1 if a batch takes the whole device."""

    def pool(self) -> AbstractContextManager[Executor]:
        """`cores` threads, each of which computes its batch on one core."""

    def running(self) -> AbstractContextManager[None]:
        """Goes around all that follows; where memory runs out, raises MemoryError."""

    def start(self, pictures: Sequence[Grey]) -> Any:
        """Look at pictures (H, W), 255 is paper: a `DecoderState` of one row each."""

    def step(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """Last ids (R,) to log-probabilities of the next (R, V) in float32, and the next state."""

    def likelihoods(self, pictures: Sequence[Grey], formulas: Sequence[list[int]]) -> list[float]:
        """Natural log-probability of the ids after the first of each formula."""

    def attention(self, picture: Grey, ids: list[int]) -> NDArray[np.float32]:
        """Weights (T, rows, columns) over the cells, while what follows each id is predicted."""


PREFIX = "network."
"""Of the names of tensors in a graph: the attribute of the modules that were traced."""
NEEDS = "im2latex.weights"
"""Key of the graph's metadata: JSON, names of the tensors of the model file that it needs."""
STRIDE = "im2latex.stride"
"""Key of the graph's metadata: JSON, height and width of a memory cell in pixels."""
