"""From the page of a renderer to the finished picture, and from that to PNG bytes.

A large page is halved by a Lanczos filter with a fast path for black and white: 12 taps in each
direction, centred between two pixels, a windowed sinc of Lanczos with a = 3, stretched by two.
Pillow does the same and rounds to whole grey levels between its horizontal and its vertical pass;
so does this module, with the same fixed-point weights, so that both ways give the same pixels.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.settings.sections import Look

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


BUCKET_WIDTH = 32
BUCKET_HEIGHT = 16


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the page lies in the picture: picture = (page + (left, top)) * scale, in pixels.

    Coordinates count from the upper left corner of the upper left pixel, so they are the same
    for any size of pixel.
    """

    left: float
    top: float
    scale: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the page to the picture."""
        return (x + self.left) * self.scale, (y + self.top) * self.scale


def finish(
    page: NDArray[np.uint8], *, look: Look = "im2latex", padding: int = 8, buckets: bool = True
) -> tuple[NDArray[np.uint8], Frame]:
    """Crop a page to its ink, pad it, pad it to a common size and halve it.

    Buckets: the finished width is raised to a multiple of 32 and the height to a multiple of 16,
    with white at the right and below. Whole cells of any network with a stride of 8 or 16 fit in
    them, there is no largest size that a long formula would fall out of (as from a fixed list),
    and formulas of about one line share few sizes, so that batches waste little. Without buckets
    each side is only made even.

    Args:
        page: (H, W) grey, 255 is paper, before the halving.
        look: "im2latex" makes every pixel with any ink black before the halving; "smooth" keeps
            the greys; "screen" draws at a size and in a contrast that a hash of the page decides.
        padding: white pixels around the ink before the halving.
        buckets: pad to a common size.

    Returns:
        The picture, (h, w) uint8, and the position of the page in it.

    Raises:
        ValueError: the page has no ink; a renderer reports such a formula as blank.
    """
    top, bottom, left, right = ink_box(page)
    ink = page[top:bottom, left:right]
    if look == "screen":
        picture, scale = _on_screen(ink, padding)
        return picture, Frame(left=padding - left, top=padding - top, scale=scale)
    height, width = ink.shape
    unit_height, unit_width = (2 * BUCKET_HEIGHT, 2 * BUCKET_WIDTH) if buckets else (2, 2)
    sheet = np.full(
        (
            _raise_to_multiple(height + 2 * padding, unit_height),
            _raise_to_multiple(width + 2 * padding, unit_width),
        ),
        255,
        np.uint8,
    )
    inside = sheet[padding : padding + height, padding : padding + width]
    binary = look == "im2latex"
    if binary:
        np.putmask(inside, ink < 255, 0)
    else:
        inside[:] = ink
    frame = Frame(left=padding - left, top=padding - top, scale=0.5)
    return halve(sheet, binary=binary), frame


_SCREEN_SCALES = (0.3, 1.0)
"""Smallest and largest size of a screen's text against the page: 60 to 200 dpi for one of 200."""
_CONTRASTS = (0.8, 1.8)
"""Exponents of coverage: browsers and systems draw text lighter or darker than it is."""
_BILEVEL = 0.1
"""Share of screens without greys."""


def _on_screen(ink: NDArray[np.uint8], padding: int) -> tuple[NDArray[np.uint8], float]:
    """Draw a page as screens do: every pixel as dark as the ink covers it, at some resolution.

    Returns:
        The picture, and its size against the page.
    """
    random = np.random.default_rng(zlib.crc32(ink.tobytes()))
    sheet = np.pad(ink, padding, constant_values=255)
    scale = math.exp(random.uniform(*np.log(_SCREEN_SCALES)))
    height, width = (max(1, round(side * scale)) for side in sheet.shape)
    picture = np.asarray(Image.fromarray(sheet).resize((width, height), Image.Resampling.BOX))
    if random.random() < _BILEVEL:
        return np.where(picture < 160, 0, 255).astype(np.uint8), scale
    light = (255 - np.arange(256)) / 255
    curve = 255 - 255 * light ** (1 / random.uniform(*_CONTRASTS))
    return np.rint(curve).astype(np.uint8)[picture], scale


def ink_box(page: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the ink: `page[top:bottom, left:right]` holds it all.

    Raises:
        ValueError: the page has no ink.
    """
    inked = page < 255
    rows = np.flatnonzero(inked.any(axis=1))
    if not len(rows):
        raise ValueError("the page has no ink")
    columns = np.flatnonzero(inked.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Return the PNG file of an 8-bit grey picture; the same picture gives the same bytes.

    Line art compresses as runs, so zlib searches for runs only:
    half the time and four fifths of the size of Pillow's quickest setting.

    Args:
        picture: (H, W) uint8.
    """
    height, width = picture.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, 0: none
    rows[:, 1:] = picture
    packer = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    packed = packer.compress(rows.tobytes()) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", packed)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def _raise_to_multiple(size: int, unit: int) -> int:
    return -(-size // unit) * unit
