"""Drawings in the place of figures: plots, boxes, photographs, made of chance."""

from __future__ import annotations

import math
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from im2latex_cli.pages.regions import Rectangle

SMALLEST = 12
"""Pixels of a side below which nothing is drawn."""


def draw(ink: NDArray[np.uint8], box: Rectangle, rng: random.Random) -> None:
    """Replace what is in a box of a page (H, W) by a drawing."""
    left, top = max(0, math.floor(box.left)), max(0, math.floor(box.top))
    right, bottom = math.ceil(box.right), math.ceil(box.bottom)
    height, width = ink[top:bottom, left:right].shape
    if min(height, width) < SMALLEST:
        return
    maker = rng.choice((_plot, _plot, _diagram, _photograph))
    ink[top:bottom, left:right] = maker(width, height, rng)


def _plot(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    image = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((4, 2, width - 3, height - 5), outline=0)
    for at in range(1, 8):
        x = 4 + at * width // 8
        pen.line((x, height - 5, x, height - 9), fill=0)
    for _ in range(rng.randint(1, 4)):
        phase, speed = rng.uniform(0, 6), rng.uniform(1, 9)
        size = rng.uniform(0.1, 0.45)
        points = [
            (x, height * (0.5 + size * math.sin(phase + speed * x / width)))
            for x in range(5, width - 4, 3)
        ]
        if rng.random() < 0.3:
            for x, y in points[:: rng.randint(2, 6)]:
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), outline=0)
        else:
            pen.line(points, fill=rng.choice((0, 60, 120)), width=rng.choice((1, 2)))
    return np.asarray(image)


def _diagram(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    image = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(image)
    centres = []
    for _ in range(rng.randint(2, 7)):
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.15, 0.85) * height
        across, down = rng.uniform(0.03, 0.1) * width, rng.uniform(0.05, 0.12) * height
        box = (x - across, y - down, x + across, y + down)
        fill = rng.choice((255, 255, 220, 180))
        if rng.random() < 0.5:
            pen.rectangle(box, outline=0, fill=fill)
        else:
            pen.ellipse(box, outline=0, fill=fill)
        centres.append((x, y))
    for start in centres[1:]:
        pen.line((start, rng.choice(centres)), fill=0, width=rng.choice((1, 2)))
    return np.asarray(image)


def _photograph(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    grain = np.random.default_rng(rng.getrandbits(32)).integers(0, 255, (6, 8), np.uint8)
    picture = Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
