from __future__ import annotations

import random

import numpy as np
import pytest
from pen_strokes import scribble
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.vision.foreign import MOST_PIECES, describe, is_foreign, judge
from im2latex_cli.vision.ink import Ink
from im2latex_cli.vision.prepare import Preprocessing, prepare


def ink(image: np.ndarray) -> Ink:
    return Ink(prepare(image, Preprocessing()))


def characters(seed: int) -> Image.Image:
    """Signs of many strokes in a square, as Chinese writing has them."""
    draw = random.Random(seed)
    image = Image.new("L", (700, 100), 255)
    for sign in range(8):
        pen = ImageDraw.Draw(image)
        left = 30 + 80 * sign
        for stroke in range(4):
            level = 20 + 14 * stroke
            pen.line((left + draw.randint(0, 9), level, left + 55, level), fill=0, width=4)
        pen.line((left + 28, 12, left + draw.randint(20, 36), 78), fill=0, width=4)
        pen.line((left + 10, 20, left + draw.randint(0, 10), 78), fill=0, width=4)
        pen.line((left + 46, 20, left + 56, 74), fill=0, width=4)
    return image


@pytest.mark.parametrize("kind", [scribble, characters])
def test_other_writing_is_foreign(kind) -> None:
    found = [is_foreign(ink(np.asarray(kind(seed)))) for seed in range(20)]
    assert sum(found) >= 18


def test_printed_formulas_are_not(all_pages) -> None:
    for dpi in (110, 200, 300):
        for page in all_pages(dpi):
            assert not is_foreign(ink(np.pad(page, 9, constant_values=255)))


def test_printed_words_are_not() -> None:
    image = Image.new("L", (700, 60), 255)
    font = ImageFont.load_default(30)
    ImageDraw.Draw(image).text((9, 9), "where the energy of the system is", font=font, fill=0)
    assert not is_foreign(ink(np.asarray(image)))


def test_each_piece_is_judged_alone() -> None:
    rng = np.random.default_rng(0)
    page = np.full((1500, 1500), 255, np.uint8)
    for top, left in rng.integers(0, 1480, (900, 2)):
        page[top : top + 12, left : left + 9] = 0
    described = describe(Ink(page))
    assert len(described) == MOST_PIECES
    assert np.isfinite(described).all()
    assert np.allclose(judge(described)[:7], judge(described[:7]), atol=1e-6)


def test_without_ink_nothing_is_foreign() -> None:
    empty = np.full((20, 20), 255, np.uint8)
    assert len(describe(Ink(empty))) == 0
    assert not is_foreign(Ink(empty))
    assert not is_foreign(Ink(np.zeros((20, 20), np.uint8)))
