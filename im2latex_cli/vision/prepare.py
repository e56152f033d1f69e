"""Pictures of users, made like those that the network was trained on, and stacked into batches.

Colours and lighting become dark ink on white paper, then size and margins are fitted. Training and
recognition both go through `prepare`. A picture of `im2latex build` comes out as it went in, but
for the padding of its bucket.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.errors import InputError
from im2latex_cli.settings.sections import Look
from im2latex_cli.vision.finish import Frame, finish
from im2latex_cli.vision.ink import Ink, Pieces, ink_threshold

_TILE = 32
_UNEVEN = 14
"""Paper whose tiles differ by more grey levels than this is lit unevenly."""
_CLEAN = 96
"""Ink at least this dark on pure white needs no stretching."""
_LEAST_CONTRAST = 8
_DARKEST_SHARE = 0.03
"""Share of the pixels in the darker half of the greys that may be darker than "the ink"."""

UNIT = (16, 8)
"""Batches are padded to multiples of this height and width: the largest cell of any encoder."""


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


PREPARE_REVISION = 1
"""Raise by one with every change, here or in what `prepare` calls, that changes a picture:
training keeps prepared pictures in the user cache under keys that hold this number."""

_NOMINAL_FONT_SIZE = 12
_NOMINAL_DPI = 100
_FAINT_INK = 225
_BLACK_FROM = 1.6
"""Pictures so much too large take the way of the im2latex look: greys below _FAINT_INK are ink."""
_HALF = 0.15
"""So near to twice the size, text is taken to be twice the size, which needs no resampling."""
_LARGEST_INPUT = 4_000_000


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What the training pictures looked like; stored in the model file.

    Attributes:
        look: how ink was treated before the halving.
        text_scale: size of the text; 1 is 12 pt at 100 dpi after the halving.
        margin: white around the ink, pixels.
        tolerance: text up to this share larger or smaller is left as it is.
        max_pixels: a larger picture is shrunk.
        min_side: a smaller one gets more margin at the right and below, pixels.
    """

    look: Look = "im2latex"
    text_scale: float = 1.0
    margin: int = 4
    tolerance: float = 0.08
    max_pixels: int = 2_000_000
    min_side: int = 16

    @classmethod
    def of_build(cls, *, look: Look, font_size: float, dpi: float, padding: int) -> Preprocessing:
        """The preprocessing for pictures built with these settings (sizes before the halving)."""
        scale = (font_size / _NOMINAL_FONT_SIZE) * (dpi / 2 / _NOMINAL_DPI)
        return cls(look=look, text_scale=scale, margin=padding // 2)

    def to_json(self) -> dict[str, Any]:
        """The form in the model file."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Preprocessing:
        """The inverse of `to_json`; values that are missing take their defaults.

        Raises:
            ValueError: a value of a name that this version does not know.
        """
        unknown = sorted(values.keys() - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown preprocessing: {', '.join(unknown)}")
        return cls(**values)


def prepare(
    image: NDArray[np.uint8],
    preprocessing: Preprocessing,
    *,
    scale: float | Literal["estimate"] = "estimate",
) -> NDArray[np.uint8]:
    """Make a picture like those that the network was trained on.

    Args:
        image: (H, W) grey, any size, colours either way round.
        preprocessing: that of the training pictures.
        scale: size of the text in the picture relative to the training pictures' (2 is twice as
            large); by default it is estimated from the ink. Pictures whose size is known, as in
            training, say 1.

    Returns:
        (h, w) uint8, dark ink on white, h * w at most `preprocessing.max_pixels`.

    Raises:
        InputError: there is no ink.
    """
    return prepare_with_frame(image, preprocessing, scale=scale)[0]


def prepare_with_frame(
    image: NDArray[np.uint8],
    preprocessing: Preprocessing,
    *,
    scale: float | Literal["estimate"] = "estimate",
) -> tuple[NDArray[np.uint8], Frame]:
    """As `prepare`; also return the position of the image in the result."""
    shrunk = max(1, math.ceil(math.sqrt(image.size / _LARGEST_INPUT)))
    grey = image if shrunk == 1 else np.asarray(Image.fromarray(image).reduce(shrunk))
    grey = normalise_levels(grey)
    ink = Ink(grey)
    pieces = _without_specks(ink.pieces)
    if not len(pieces):
        raise InputError(
            "nothing to read: no ink was found.",
            hint="Check that the formula lies inside the picture.",
        )
    factor = _factor(ink, preprocessing, scale if scale == "estimate" else scale / shrunk)
    window, x, y = _window(grey, pieces, margin=preprocessing.margin * factor)
    left, top = float(x), float(y)
    factor = max(factor, math.sqrt(window.size / preprocessing.max_pixels))
    if preprocessing.look == "im2latex" and factor >= _BLACK_FROM:
        picture, inner = _rescale_black(window, factor, preprocessing.margin)
        left, top = left - inner.left * factor / 2, top - inner.top * factor / 2
    else:
        picture = window if factor == 1.0 else resize(window, 1 / factor)
    frame = Frame(left=-left * shrunk, top=-top * shrunk, scale=1 / (factor * shrunk))
    return at_least(picture, preprocessing.min_side), frame


def _factor(
    ink: Ink,
    preprocessing: Preprocessing,
    scale: float | Literal["estimate"],
) -> float:
    """How many pixels of the image become one; exactly 1 if the text size is about right."""
    if scale == "estimate":
        factor = ink.scale / preprocessing.text_scale
    else:
        factor = scale
    if abs(math.log(factor)) <= math.log(1 + preprocessing.tolerance):
        return 1.0
    halves = abs(math.log(factor / 2)) <= math.log(1 + max(preprocessing.tolerance, _HALF))
    return 2.0 if halves else factor


def _without_specks(pieces: Pieces) -> Pieces:
    """Leave out pieces that are dirt beside the largest, so that they do not widen the crop."""
    largest = int(pieces.area.max(initial=0))
    return pieces.where(pieces.area >= min(3, largest))


def _window(
    grey: NDArray[np.uint8], pieces: Pieces, *, margin: float
) -> tuple[NDArray[np.uint8], int, int]:
    """Cut out the ink with a margin, white beyond the image; returns the window and its corner."""
    reach = round(margin)
    top, left = int(pieces.top.min()) - reach, int(pieces.left.min()) - reach
    bottom, right = int(pieces.bottom.max()) + reach, int(pieces.right.max()) + reach
    height, width = grey.shape
    window = np.full((bottom - top, right - left), 255, np.uint8)
    y0, y1, x0, x1 = max(top, 0), min(bottom, height), max(left, 0), min(right, width)
    window[y0 - top : y1 - top, x0 - left : x1 - left] = grey[y0:y1, x0:x1]
    return window, left, top


def _rescale_black(
    window: NDArray[np.uint8], factor: float, margin: int
) -> tuple[NDArray[np.uint8], Frame]:
    """As a build would: twice the final size, every pixel with ink black, cropped, halved."""
    double = window.copy() if factor == 2 else resize(window, 2 / factor)
    double[double >= max(_FAINT_INK, ink_threshold(double))] = 255
    if int(double.min()) == 255:
        raise InputError("nothing to read: the ink is too thin.", hint="Crop the formula.")
    return finish(double, look="im2latex", padding=2 * margin, buckets=False)


def resize(window: NDArray[np.uint8], ratio: float) -> NDArray[np.uint8]:
    """Make a picture (H, W) larger (ratio above 1) or smaller."""
    height, width = window.shape
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    method = Image.Resampling.LANCZOS if ratio < 1 else Image.Resampling.BICUBIC
    return np.array(Image.fromarray(window).resize(size, method))


def at_least(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pad a picture (H, W) with white at the right and below until no side is shorter."""
    height, width = picture.shape
    if min(height, width) >= side:
        return picture
    missing = ((0, max(0, side - height)), (0, max(0, side - width)))
    return np.pad(picture, missing, constant_values=255)


def padded(shape: Sequence[int]) -> tuple[int, int]:
    """Height and width rounded up to whole units."""
    height, width = (-(-side // unit) * unit for side, unit in zip(shape, UNIT, strict=True))
    return height, width


def stack(pictures: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Stack grey pictures, each at the top left, with paper around them.

    Args:
        pictures: (H, W) each, 255 is paper; at least one.

    Returns:
        canvas: (B, 1, H, W), and sizes: (B, 2), height and width of each picture in pixels.
    """
    sizes = np.array([picture.shape for picture in pictures], dtype=np.int64)
    canvas = np.full((len(pictures), 1, *padded(sizes.max(axis=0).tolist())), 255, dtype=np.uint8)
    for slot, picture in zip(canvas, pictures, strict=True):
        slot[0, : picture.shape[0], : picture.shape[1]] = picture
    return canvas, sizes
