"""The attention of each token, as an animation and as an HTML page to hover over."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.report.attention import CAPTION, overlay
from im2latex_cli.report.page import data_uri, document

GAP = 8
MILLISECONDS = 500
"""How long each token stays."""
COLOURS = 64
NARROWEST = 160

_STYLE = """<style>
.stage { position: relative; overflow-x: auto; }
.stage img { position: absolute; left: 0; top: 0; max-width: none; visibility: hidden; }
.stage > img { position: static; visibility: visible; }
.token { cursor: default; padding: .1rem .15rem; border-radius: .2rem; }
.token:hover, .token:focus { outline: 2px solid var(--bar); }
.token:hover img, .token:focus img { visibility: visible; }
</style>"""


def animation(
    picture: NDArray[np.uint8],
    tokens: Sequence[str],
    weights: NDArray[np.float32],
    *,
    cell: tuple[int, int],
) -> bytes:
    """One frame for each token, its name above the picture, as a GIF that goes on for ever.

    Args:
        picture: (H, W) grey, 255 is paper.
        tokens: T tokens.
        weights: (T, rows, columns), at least 0; each token is shown relative to its largest.
        cell: height and width of a cell in pixels.
    """
    height, width = picture.shape
    size = (max(NARROWEST, width) + 2 * GAP, height + CAPTION + 2 * GAP)
    font = ImageFont.load_default(size=13)
    frames = []
    for token, one in zip(tokens, weights, strict=True):
        frame = Image.new("RGB", size, "white")
        frame.paste(Image.fromarray(overlay(picture, one, cell=cell)), (GAP, CAPTION + GAP))
        ImageDraw.Draw(frame).text((GAP, GAP // 2), token, fill="black", font=font)
        frames.append(frame.quantize(COLOURS))
    buffer = io.BytesIO()
    first, *others = frames or [Image.fromarray(picture)]
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=MILLISECONDS, loop=0)
    return buffer.getvalue()


def page(
    picture: NDArray[np.uint8],
    tokens: Sequence[str],
    weights: NDArray[np.float32],
    *,
    cell: tuple[int, int],
) -> bytes:
    """A self-contained HTML page, without scripts: a token under the pointer lights its place.

    The same arguments as `animation`.
    """
    parts = [
        f'<span class="token" tabindex="0">{escape(token)}'
        f'<img alt="" src="{data_uri(_png(overlay(picture, one, cell=cell)))}"></span>'
        for token, one in zip(tokens, weights, strict=True)
    ]
    stage = [
        '<div class="stage">',
        f'<img alt="The picture" src="{data_uri(_png(picture))}">',
        f'<p class="tokens">{" ".join(parts)}</p></div>',
    ]
    hint = "<p><small>Point at a token, or go through them with the Tab key.</small></p>"
    return document("Where the model looked", [_STYLE, *stage, hint]).encode()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image if image.mode == "L" else image.quantize(COLOURS)).save(buffer, "PNG")
    return buffer.getvalue()
