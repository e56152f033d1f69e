"""Pictures of users: any kind of file opened as a grey array, and a box cut out of it."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from im2latex_cli.errors import InputError, UsageError

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
MAX_BYTES = 256 * 2**20
MAX_PIXELS = 100_000_000
MIN_SIDE = 3
MIN_CONTRAST = 8
"""A picture whose grey levels differ by less than this is blank."""
_BAND = 1_000_000


def open_grey(source: Path | bytes | BinaryIO, *, name: str) -> NDArray[np.uint8]:
    """Read a picture: PNG, JPEG, WebP, TIFF, BMP or GIF (the first frame).

    Transparent pictures are put on white; if that hides the ink (white ink on nothing), on
    black. The orientation in EXIF is followed. 16-bit, palette, CMYK and floating-point pictures
    become 8-bit grey.

    Args:
        source: a file, its bytes, or a stream open for reading bytes.
        name: how error messages call the picture.

    Returns:
        (H, W) uint8, 255 is white.

    Raises:
        InputError: the file cannot be read as a picture; one line says why.
    """
    data = _read(source, name)
    if not data:
        raise InputError(f"{name}: the file is empty (0 bytes).", hint="Save the picture again.")
    grey = _decode(data, name)
    _check_content(grey, name)
    return grey


def _read(source: Path | bytes | BinaryIO, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        if not isinstance(source, Path):
            data = source.read(MAX_BYTES + 1)
        elif source.is_dir():
            raise InputError(f"{name}: a folder, not a picture.", hint="Name the files in it.")
        else:
            with source.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file.", hint="Check the path.") from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{name}: cannot be read ({reason}).") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES >> 20} MiB.", hint="Crop the formula.")
    return data


def _decode(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; pixels decide here
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(image.size, name)
                return _to_grey(ImageOps.exif_transpose(image))
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(
            f"{name}: not a picture this program knows{_guess(data)}.",
            hint="PNG, JPEG, WebP, TIFF, BMP and GIF work.",
        ) from None
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except MemoryError:
        raise InputError(f"{name}: too large for the memory.", hint="Crop the formula.") from None
    except Exception as error:  # noqa: BLE001  # decoders raise anything at all on damaged files
        text = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{name}: the picture is damaged or cut short ({text[:120]}).",
            hint="Save or download it again.",
        ) from None


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise _too_large(name)


def _too_large(name: str) -> InputError:
    return InputError(
        f"{name}: more than {MAX_PIXELS // 1_000_000} megapixels.", hint="Crop the formula."
    )


def _guess(data: bytes) -> str:
    """Guess the type of a file that is no picture."""
    if data.startswith(b"%PDF"):
        return " (it is a PDF)"
    if data.lstrip()[:5].lower() in {b"<svg ", b"<?xml"}:
        return " (it seems to be SVG)"
    try:
        data[:1024].decode("ascii")
    except UnicodeDecodeError:
        return ""
    return " (it seems to be text)"


def _check_content(grey: NDArray[np.uint8], name: str) -> None:
    height, width = grey.shape
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{name}: nothing to read: the picture is only {width}x{height} pixels.",
            hint="Take the picture at a larger size.",
        )
    if int(grey.max()) - int(grey.min()) < MIN_CONTRAST:
        raise InputError(
            f"{name}: nothing to read: the picture is blank.",
            hint="Check that the formula lies inside the picture.",
        )


def _to_grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_wide(np.asarray(image))
    if image.has_transparency_data:
        return _flatten(image)
    if image.mode not in {"1", "L", "RGB", "P"}:
        image = image.convert("RGB")
    return np.array(image.convert("L"))


def _from_wide(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring 16-bit, 32-bit and floating-point samples to 8 bits by the range they use."""
    bands = _bands(len(values), values[:1].size)
    peak = max((float(_finite(values[band]).max(initial=0.0)) for band in bands), default=0.0)
    ceiling = next((top for top in (1.0, 255.0, 65535.0) if peak <= top), peak)
    grey = np.empty(values.shape, np.uint8)
    for band in bands:
        grey[band] = np.clip(np.rint(_finite(values[band]) * (255.0 / ceiling)), 0, 255)
    return grey


def _finite(values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=65535.0, neginf=0.0)


def _flatten(image: Image.Image) -> NDArray[np.uint8]:
    """Put a transparent picture on white, or on black if white hides its content."""
    width, height = image.size
    on_black, on_white = np.empty((2, height, width), np.uint8)
    for band in _bands(height, width):
        part = image.crop((0, band.start, width, band.stop)).convert("RGBA").convert("LA")
        grey, alpha = np.moveaxis(np.asarray(part, np.uint16), 2, 0)
        ink = (grey * alpha + 127) // 255
        on_black[band] = ink
        on_white[band] = ink + (255 - alpha)
    return on_black if 2 * int(np.ptp(on_white)) < int(np.ptp(on_black)) else on_white


def _bands(height: int, width: int) -> list[slice]:
    """Rows in parts of about a million pixels: a large picture must not be held many times."""
    rows = max(1, _BAND // max(1, width))
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


class Box(NamedTuple):
    """A part of a picture in pixels, or of a PDF page in points (1/72 inch).

    Both count from the upper left corner.
    """

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read `x0,y0,x1,y1`.

        Raises:
            UsageError: it is not of that form, or empty.
        """
        try:
            box = cls(*map(float, text.split(",")))
        except (TypeError, ValueError):
            box = cls(0, 0, 0, 0)
        if not (all(map(math.isfinite, box)) and box.left < box.right and box.top < box.bottom):
            raise UsageError(
                f"`box` {text} is no box.",
                hint="Give x0,y0,x1,y1 from the upper left corner: pixels of a picture, points "
                "of a PDF page.",
            )
        return box

    def cut(self, picture: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
        """The part of a picture; what lies outside of the picture is left out.

        Args:
            picture: (H, W).
            name: how the error message calls it.

        Raises:
            InputError: nothing of the box lies inside.
        """
        height, width = picture.shape
        rows = slice(max(0, math.floor(self.top)), max(0, math.ceil(self.bottom)))
        columns = slice(max(0, math.floor(self.left)), max(0, math.ceil(self.right)))
        part = picture[rows, columns]
        if not part.size:
            raise InputError(
                f"{name}: the box lies outside of the picture ({width} x {height} pixels)."
            )
        return part
