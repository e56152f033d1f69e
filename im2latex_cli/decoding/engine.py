"""What the recogniser asks of a network, whichever library computes it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.arrays import Array, Device

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
