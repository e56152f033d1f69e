"""The attention of each token: a sheet of pictures, an animation, an HTML page to hover over."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.report.page import data_uri, document

SHEET = 1600
"""Width that a sheet aims at, in pixels."""
PANEL = 480
"""Greatest width of a panel; larger pictures are reduced, much smaller ones doubled."""
PAGE = 1000
"""Width of a reduced sheet."""
COLOURS = 48
CAPTION = 20
GAP = 8
FRAME = 208
TINT = np.array([1.0, 0.45, 0.1])
"""Colour of paper at the maximum weight."""


def sheet(
    picture: NDArray[np.uint8],
    tokens: Sequence[str],
    weights: NDArray[np.float32],
    *,
    cell: tuple[int, int],
) -> bytes:
    """Draw one panel for each token, in reading order, and return them as one PNG.

    Args:
        picture: (H, W) grey, 255 is paper.
        tokens: T tokens.
        weights: (T, rows, columns), at least 0; each token is shown relative to its largest.
        cell: height and width of a cell in pixels.
    """
    size = _panel_size(picture.shape[0], picture.shape[1])
    panels = [
        Image.fromarray(overlay(picture, weight_map, cell=cell)).resize(
            size, Image.Resampling.LANCZOS
        )
        for weight_map in weights
    ]
    width, height = size[0] + GAP, size[1] + CAPTION + GAP
    columns = max(1, min(len(panels), SHEET // width))
    rows = max(1, math.ceil(len(panels) / columns))
    page = Image.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=13)
    for index, (panel, token) in enumerate(zip(panels, tokens, strict=True)):
        x, y = GAP + index % columns * width, GAP + index // columns * height
        pen.text((x, y), token, fill="black", font=font)
        page.paste(panel, (x, y + CAPTION))
        pen.rectangle(
            (x - 1, y + CAPTION - 1, x + size[0], y + CAPTION + size[1]), outline=(FRAME,) * 3
        )
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def reduce_sheet(png: bytes) -> bytes:
    """A sheet for an HTML page: no wider than the page, in few colours, a tenth of the bytes."""
    with Image.open(io.BytesIO(png)) as image:
        image.thumbnail((PAGE, image.height))
        few = image.quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def overlay(
    picture: NDArray[np.uint8], weights: NDArray[np.float32], *, cell: tuple[int, int]
) -> NDArray[np.uint8]:
    """Tint the paper of a picture (H, W) by weights (rows, columns): RGB (H, W, 3).

    Ink stays as dark as it is.
    """
    height, width = picture.shape
    relative = np.asarray(weights, np.float32) / max(float(weights.max(initial=0.0)), 1e-12)
    whole = (weights.shape[1] * cell[1], weights.shape[0] * cell[0])
    smooth = Image.fromarray(relative).resize(whole, Image.Resampling.BILINEAR)
    strength = np.asarray(smooth)[:height, :width, None]
    shade = 1 - strength * (1 - TINT)
    tinted: NDArray[np.uint8] = np.rint(picture[:, :, None] * shade).astype(np.uint8)
    return tinted


def _panel_size(height: int, width: int) -> tuple[int, int]:
    scale = min(PANEL / width, 2.0 if 3 * width < PANEL else 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


MILLISECONDS = 500
"""How long each token stays."""
FRAME_COLOURS = 64
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
    for token, weight_map in zip(tokens, weights, strict=True):
        frame = Image.new("RGB", size, "white")
        frame.paste(Image.fromarray(overlay(picture, weight_map, cell=cell)), (GAP, CAPTION + GAP))
        ImageDraw.Draw(frame).text((GAP, GAP // 2), token, fill="black", font=font)
        frames.append(frame.quantize(FRAME_COLOURS))
    buffer = io.BytesIO()
    first, *others = frames or [Image.fromarray(picture)]
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=MILLISECONDS, loop=0)
    return buffer.getvalue()


def attention_page(
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
        f'<img alt="" src="{data_uri(_png(overlay(picture, weight_map, cell=cell)))}"></span>'
        for token, weight_map in zip(tokens, weights, strict=True)
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
    (image if image.mode == "L" else image.quantize(FRAME_COLOURS)).save(buffer, "PNG")
    return buffer.getvalue()
