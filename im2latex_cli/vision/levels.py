"""Normalise any colours and lighting to dark ink on white paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_TILE = 32
_UNEVEN = 14
"""Paper whose tiles differ by more grey levels than this is lit unevenly."""
_CLEAN = 96
"""Ink at least this dark on pure white needs no stretching."""
_LEAST_CONTRAST = 8
_DARKEST_SHARE = 0.03
"""Share of the pixels in the darker half of the greys that may be darker than "the ink"."""


def normalise_levels(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return dark ink on white paper.

    Light ink on dark paper is inverted; uneven light is divided out; grey paper becomes white and
    faint ink black. Noise of the paper is flattened. A clean picture comes back as it is.

    Args:
        grey: (H, W), 255 is white.
    """
    levels = np.bincount(grey.ravel(), minlength=256)
    if _paper_is_dark(levels):
        grey, levels = 255 - grey, levels[::-1]
    if _median(levels) == 255 and _darkest(levels) <= _CLEAN:
        return grey
    paper = _paper(grey, _median(levels))
    shade = np.maximum(paper - grey, 0.0)
    noise = _noise(shade, paper - grey)
    shade = np.maximum(shade - noise, 0.0)
    dark = shade[2 * shade > float(shade.max())]
    peak = max(float(np.quantile(dark, 1 - _DARKEST_SHARE)) if dark.size else 0.0, _LEAST_CONTRAST)
    stretched: NDArray[np.uint8] = (255.5 - np.minimum(shade * (255 / peak), 255.0)).astype(
        np.uint8
    )
    return stretched


def _paper_is_dark(levels: NDArray[np.int64]) -> bool:
    """The most frequent grey is paper: compare it with the darkest and the lightest grey."""
    used = np.flatnonzero(levels)
    lightest, darkest = int(used[-1]), int(used[0])
    return 2 * _median(levels) < lightest + darkest


def _median(levels: NDArray[np.int64]) -> int:
    total = np.cumsum(levels)
    return int(np.searchsorted(total, total[-1] / 2))


def _darkest(levels: NDArray[np.int64]) -> int:
    """The grey of the ink: few of the pixels darker than the middle are darker than it."""
    middle = (int(np.flatnonzero(levels)[0]) + _median(levels)) // 2
    total = np.cumsum(levels[: middle + 1])
    return int(np.searchsorted(total, total[-1] * _DARKEST_SHARE, side="right"))


def _paper(grey: NDArray[np.uint8], median: int) -> NDArray[np.float32]:
    """The grey of the paper at each pixel."""
    height, width = grey.shape
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    padded = np.pad(grey, ((0, rows * _TILE - height), (0, columns * _TILE - width)), mode="edge")
    tiles = padded.reshape(rows, _TILE, columns, _TILE).swapaxes(1, 2)
    paper = np.percentile(tiles.reshape(rows, columns, -1), 75, axis=2).astype(np.float32)
    if float(np.ptp(paper)) <= _UNEVEN:
        return np.full(grey.shape, median, np.float32)
    size = (columns * _TILE, rows * _TILE)
    smooth = Image.fromarray(paper).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(smooth)[:height, :width]


def _noise(shade: NDArray[np.float32], signed: NDArray[np.float32]) -> float:
    """How far the grey of the paper strays, seen where it is lighter or, cut at white, darker.

    Three times the upper quartile of the shade is two standard deviations of such noise; ink
    covers less than a quarter of a picture.
    """
    lighter = -signed[signed < 0]
    strays = float(np.quantile(lighter, 0.95)) if lighter.size > 0.02 * shade.size else 0.0
    quartile = float(np.quantile(shade, 0.75))
    return max(strays, 3 * quartile if quartile < 0.06 * float(shade.max()) else 0.0)
