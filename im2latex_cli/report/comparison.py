"""A sheet with a picture and, under it, the rendering of its reading."""

from __future__ import annotations

import io

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
