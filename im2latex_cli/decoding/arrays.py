"""Arrays of NumPy and tensors of torch, for code that is written once for both.

Indexing, arithmetic, comparisons, `reshape`, `any`, `clip`, `T` and `tolist` are the same in both;
the rest `kind(array)` has. torch is imported where tensors come in, never before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from im2latex_cli.decoding.numpy_ops import Arrays

if TYPE_CHECKING:  # the search is checked as if it met tensors only; tests run it with both
    import torch

    Array = torch.Tensor
    Device = torch.device
else:
    Array = Device = Any


NUMPY = Arrays()
_torch: Arrays | None = None


def kind(array: Any) -> Arrays:
    """The operations on arrays of that kind."""
    return NUMPY if isinstance(array, np.ndarray) else _torch or _of_torch()


def on(device: Device | None) -> Any:
    """An empty array of integers to make others like; None is NumPy."""
    if device is None:
        return np.empty(0, np.int64)
    from im2latex_cli.decoding.torch_ops import nothing

    return nothing(device)


def _of_torch() -> Arrays:
    global _torch  # noqa: PLW0603 - asked for several times a step, so imported once
    from im2latex_cli.decoding.torch_ops import TORCH

    _torch = TORCH
    return TORCH
