"""Halve a picture with a Lanczos filter, with a fast path for black and white.

The filter halves by 12 taps in each direction, centred between two pixels: windowed sinc of
Lanczos with a = 3, stretched by two. Pillow does the same and rounds to whole grey levels
between its horizontal and its vertical pass; so does this module, with the same fixed-point
weights, so that both ways give the same pixels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_TAPS = 12
_REACH = 5  # pixels that a kernel reaches past its own pair, to the left and upwards
_BITS = 22  # Pillow's fixed-point precision for 8-bit pictures


def halve(picture: NDArray[np.uint8], *, binary: bool) -> NDArray[np.uint8]:
    """Return the picture at half size.

    Args:
        picture: (H, W), H and W even; 255 is paper.
        binary: the picture holds only 0 and 255, which allows the fast way (0.14 ms instead of
            0.32 ms for 84x494 pixels). Its paper continues past the edges; Pillow repeats
            nothing and renormalises; with 8 pixels of margin the two agree within one grey level.

    Returns:
        (H / 2, W / 2) uint8.
    """
    if binary:
        return _halve_columns(_halve_rows(picture))
    height, width = picture.shape
    small = Image.fromarray(picture).resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    return np.asarray(small)


def _weights() -> list[int]:
    """The 12 taps as Pillow's fixed-point numbers."""

    def sinc(x: float) -> float:
        return math.sin(math.pi * x) / (math.pi * x)

    offsets = [(tap - 5.5) / 2 for tap in range(_TAPS)]
    raw = [sinc(offset) * sinc(offset / 3) for offset in offsets]
    total = sum(raw)
    return [math.floor(weight / total * (1 << _BITS) + 0.5) for weight in raw]


def _row_table(weights: list[int]) -> NDArray[np.int32]:
    """What the horizontal pass gives for each of the 4,096 patterns of 12 black or white pixels.

    Bit k of the pattern is set if tap k meets ink. The values are minus the ink, -255 to 0.
    """
    ink = (np.arange(1 << _TAPS)[:, None] >> np.arange(_TAPS)) & 1
    sums = ((1 - ink) * 255) @ np.array(weights, np.int64) + (1 << (_BITS - 1))
    table: NDArray[np.int32] = np.clip(sums >> _BITS, 0, 255).astype(np.int32) - 255
    return table


_WEIGHTS = _weights()
_ROW_TABLE = _row_table(_WEIGHTS)


def _halve_rows(picture: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Horizontal pass: (H, W) of 0 and 255 to (H, W / 2) of minus the ink."""
    height, width = picture.shape
    half = width // 2
    ink = np.zeros((height, width + _TAPS), np.uint16)
    ink[:, _REACH : _REACH + width] = picture == 0
    pairs = ink[:, 0::2] | (ink[:, 1::2] << 1)
    sixes = pairs[:, :-2] | (pairs[:, 1:-1] << 2) | (pairs[:, 2:] << 4)
    patterns = sixes[:, :half] | (sixes[:, 3 : 3 + half] << 6)
    halves: NDArray[np.int32] = _ROW_TABLE[patterns]
    return halves


def _halve_columns(rows: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Vertical pass: (H, W / 2) of minus the ink to (H / 2, W / 2) of grey."""
    height, half = rows.shape
    framed = np.zeros((height + _TAPS, half), np.int32)
    framed[_REACH : _REACH + height] = rows
    total = np.full(
        (height // 2, half), 255 * sum(_WEIGHTS) + (1 << (_BITS - 1)), np.int32
    )  # at most 1.1e9 with the overshoot: fits
    for tap in range(_TAPS // 2):
        pair = framed[tap : tap + height : 2] + framed[11 - tap : 11 - tap + height : 2]
        pair *= np.int32(_WEIGHTS[tap])
        total += pair
    total >>= _BITS
    small: NDArray[np.uint8] = np.clip(total, 0, 255).astype(np.uint8)
    return small
