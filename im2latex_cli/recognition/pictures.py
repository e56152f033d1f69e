"""A picture in any form that Python code has it in, as grey levels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.errors import InputError
from im2latex_cli.vision.image import open_grey

Picture = Path | str | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A file, its bytes, a stream of them, a Pillow image, or an array: (H, W) grey, (H, W, 3) RGB,
(H, W, 4) RGBA."""
Grey = NDArray[np.uint8]


def to_grey(picture: Picture, *, name: str) -> Grey:
    """Return a picture as (H, W) uint8, 255 is white.

    Args:
        picture: the picture.
        name: how error messages call it.

    Raises:
        InputError: it cannot be read, is blank, or is no picture at all.
    """
    if isinstance(picture, np.ndarray):
        if picture.ndim == 2 and picture.dtype == np.uint8:
            return picture
        picture = _as_image(picture, name)
    if isinstance(picture, Image.Image):
        file = io.BytesIO()
        picture.save(file, "TIFF")
        picture = file.getvalue()
    if isinstance(picture, str):
        picture = Path(picture)
    if not (isinstance(picture, Path | bytes) or hasattr(picture, "read")):
        raise InputError(
            f"{name}: {type(picture).__name__} is no picture.",
            hint="Give a path, bytes, a binary stream, a Pillow image or a NumPy array.",
        )
    return open_grey(picture, name=name)


def name_of(picture: Picture, number: int) -> str:
    """Return how messages call a picture: its path, or its number in the call."""
    return str(picture) if isinstance(picture, str | Path) else f"picture {number}"


def _as_image(array: NDArray[Any], name: str) -> Image.Image:
    try:
        return Image.fromarray(array)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"{name}: an array of shape {array.shape} and type {array.dtype} is no picture.",
            hint="Give uint8 of shape (H, W), (H, W, 3) or (H, W, 4); 255 is white.",
        ) from error
