"""The array operations of `numpy_ops` as torch spells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from im2latex_cli.decoding.numpy_ops import Arrays


class Tensors(Arrays):
    """See `Arrays`."""

    def where(self, mask: Tensor, true: Any, false: Any) -> Tensor:
        """See `Arrays`."""
        return torch.where(mask, true, false)

    def topk(self, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """See `Arrays`."""
        top = values.topk(count, dim=1)
        return top.values, top.indices

    def falling(self, values: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.argsort(dim=-1, descending=True, stable=True)

    def gather(self, values: Tensor, indices: Tensor) -> Tensor:
        """See `Arrays`."""
        if values.ndim == 3:
            indices = indices[:, :, None].expand(-1, -1, values.shape[2])
        return values.gather(1, indices)

    def take(self, values: Tensor, rows: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.index_select(0, rows)

    def spread(self, values: Tensor, columns: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.index_select(1, columns)

    def repeat(self, values: Tensor, times: int) -> Tensor:
        """See `Arrays`."""
        return values.repeat_interleave(times, dim=0)

    def put(self, values: Tensor, columns: Tensor, new: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.scatter(1, columns[:, None], new[:, None])

    def columns(self, parts: Sequence[Tensor]) -> Tensor:
        """See `Arrays`."""
        return torch.stack(list(parts), dim=1)

    def beside(self, parts: Sequence[Tensor]) -> Tensor:
        """See `Arrays`."""
        return torch.cat(list(parts), dim=1)

    def copy(self, values: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.clone()

    def floats(self, values: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.float()

    def arange(self, count: int, like: Tensor) -> Tensor:
        """See `Arrays`."""
        return torch.arange(count, device=like.device)

    def full(self, shape: tuple[int, ...], value: float, like: Tensor) -> Tensor:
        """See `Arrays`."""
        return like.new_full(shape, value)

    def integers(self, values: Any, like: Tensor) -> Tensor:
        """See `Arrays`."""
        return _to_device(values, torch.int64, like.device)

    def shorts(self, values: Tensor) -> Tensor:
        """See `Arrays`."""
        return values.to(torch.int16)

    def own(self, values: Any) -> Tensor:
        """See `Arrays`."""
        return values if isinstance(values, Tensor) else torch.from_numpy(values)

    def reals(self, values: Any, like: Tensor) -> Tensor:
        """See `Arrays`."""
        return _to_device(values, like.dtype, like.device)

    def waits(self, like: Tensor) -> bool:
        """See `Arrays`."""
        return like.device.type != "cpu"


TORCH = Tensors()


def nothing(device: torch.device) -> Tensor:
    """No integers, on a device."""
    return torch.empty(0, dtype=torch.int64, device=device)


def _to_device(values: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The host's values on a device; a GPU gets a copy made at once, so nobody waits for it."""
    held = torch.as_tensor(values, dtype=dtype)
    return held.to(device, non_blocking=device.type == "cuda")
