"""Where a decoder stands, as the search sees it; of torch's or NumPy's arrays."""

from __future__ import annotations

from typing import Protocol, Self

from im2latex_cli.decoding.arrays import Array, kind


class DecoderState(Protocol):
    """Where a decoder stands in R = B * K rows, the K rows of a picture together."""

    def repeat(self, times: int) -> Self:
        """Turn each of B rows into `times` equal rows, once, before the beam opens."""

    def reorder(self, rows: Array) -> Self:
        """Take rows (R,), each from the same picture as the row whose place it takes."""

    def select(self, pictures: Array) -> Self:
        """Keep only some pictures (B',) with all their rows."""


def take_pictures(rows: Array, pictures: Array, *, batch: int) -> Array:
    """Rows (R, ...) of some pictures out of `batch`, each picture's rows together."""
    grouped = rows.reshape(batch, -1, *rows.shape[1:])
    kept: Array = kind(rows).take(grouped, pictures).reshape(-1, *rows.shape[1:])
    return kept
