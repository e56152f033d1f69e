"""A picture above the rendering of its reading, and two pages overlaid with their differences."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

GAP = 12
RULE = 208
TEXT_SIZE = 13
NARROWEST = 200


def sheet(picture: NDArray[np.uint8], below: NDArray[np.uint8] | str) -> bytes:
    """Draw a picture above another, a grey rule between them; return the sheet as PNG.

    Args:
        picture: (H, W) grey, 255 is paper.
        below: (h, w) grey, or a text saying why there is no picture.
    """
    under = below if not isinstance(below, str) else _text_picture(below)
    width = max(NARROWEST, picture.shape[1], under.shape[1]) + 2 * GAP
    middle = picture.shape[0] + 2 * GAP
    page = np.full((middle + 1 + under.shape[0] + 2 * GAP, width), 255, np.uint8)
    _put(page, picture, GAP)
    page[middle] = RULE
    _put(page, under, middle + 1 + GAP)
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG")
    return buffer.getvalue()


def _put(page: NDArray[np.uint8], picture: NDArray[np.uint8], top: int) -> None:
    height, width = picture.shape
    page[top : top + height, GAP : GAP + width] = picture


def _text_picture(text: str) -> NDArray[np.uint8]:
    font = ImageFont.load_default(size=TEXT_SIZE)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 1, int(bottom - top) + 1), 255)
    ImageDraw.Draw(image).text((-left, -top), text, fill=0, font=font)
    return np.array(image)


Grey = NDArray[np.uint8]

BOTH, LOST, ADDED = (40, 40, 40), (214, 39, 40), (31, 119, 180)
"""Colours of ink on both pages, on the reference alone and on the hypothesis alone."""
MARGIN = 8


def png(picture: NDArray[np.uint8]) -> bytes:
    """The PNG file of a grey `(H, W)` or colour `(H, W, 3)` picture, with a white margin."""
    pad = [(MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)][: picture.ndim]
    buffer = io.BytesIO()
    Image.fromarray(np.pad(picture, pad, constant_values=255)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def overlay(
    reference: Grey, hypothesis: Grey, blocks: Iterable[tuple[bool, slice, slice]]
) -> NDArray[np.uint8]:
    """Lay the pages over each other along an edit script of their columns.

    Equal columns are drawn once, deleted and inserted ones between them, and replaced columns on
    top of each other.

    Args:
        reference: `(H, W)` grey.
        hypothesis: the other page.
        blocks: whether equal, reference columns, hypothesis columns; in order.

    Returns:
        `(H, W, 3)` uint8.
    """
    height = max(len(reference), len(hypothesis))
    left, right = (_ink(page, height) for page in (reference, hypothesis))
    parts = [_part(left[:, a], right[:, b]) for _, a, b in blocks]
    return np.concatenate(parts or [np.full((height, 1, 3), 255, np.uint8)], axis=1)


def _ink(page: Grey, height: int) -> NDArray[np.bool_]:
    ink = np.zeros((height, page.shape[1]), dtype=np.bool_)
    ink[: len(page)] = page <= 128
    return ink


def _part(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.uint8]:
    width = max(left.shape[1], right.shape[1])
    one, other = (np.pad(ink, ((0, 0), (0, width - ink.shape[1]))) for ink in (left, right))
    part = np.full((len(left), width, 3), 255, dtype=np.uint8)
    part[one & ~other], part[other & ~one], part[one & other] = LOST, ADDED, BOTH
    return part
