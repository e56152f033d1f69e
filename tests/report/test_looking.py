from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.report.attention import animation, attention_page

TOKENS = ("<a&b>", "{", r"\frac")


@pytest.fixture
def looked() -> tuple[np.ndarray, np.ndarray]:
    picture = np.full((32, 90), 255, np.uint8)
    picture[10:20, 5:80:6] = 0
    weights = np.zeros((3, 2, 12), np.float32)
    for at in range(3):
        weights[at, 0, 4 * at] = 1
    return picture, weights


def place(image: Image.Image) -> int:
    """Return the column that is tinted most."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((pixels[..., 0] - pixels[..., 2]).sum(0).argmax())


def test_the_animation_has_a_frame_for_each_token(looked) -> None:
    picture, weights = looked
    with Image.open(io.BytesIO(animation(picture, TOKENS, weights, cell=(16, 8)))) as image:
        assert (image.format, image.n_frames) == ("GIF", 3)
        places = []
        for at in range(3):
            image.seek(at)
            places.append(place(image) - 8)
    assert [one // 32 for one in places] == [0, 1, 2]


def test_no_tokens_are_a_still_picture(looked) -> None:
    picture, weights = looked
    with Image.open(io.BytesIO(animation(picture, (), weights[:0], cell=(16, 8)))) as image:
        assert image.size == (90, 32)


def test_the_page_lights_the_place_of_each_token_and_loads_nothing(looked) -> None:
    picture, weights = looked
    text = attention_page(picture, TOKENS, weights, cell=(16, 8)).decode()
    assert "&lt;a&amp;b&gt;<img" in text
    assert "<script" not in text
    assert "http" not in text
    found = [base64.b64decode(one) for one in re.findall(r"data:image/png;base64,([^\"]+)", text)]
    still, *overlays = [Image.open(io.BytesIO(one)) for one in found]
    assert np.array_equal(np.asarray(still), picture)
    assert [place(one) // 32 for one in overlays] == [0, 1, 2]
