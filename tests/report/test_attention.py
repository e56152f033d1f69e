from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.report.attention import PAGE, SHEET, overlay, reduce_sheet, sheet


@pytest.fixture
def picture() -> np.ndarray:
    page = np.full((32, 90), 255, np.uint8)
    page[10:20, 5:80:6] = 0
    return page


def test_paper_is_tinted_where_the_weight_is_and_ink_stays_dark(picture):
    weights = np.zeros((2, 12), np.float32)
    weights[0, 9] = 0.5
    tinted = overlay(picture, weights, cell=(16, 8))
    assert tinted.shape == (32, 90, 3)
    assert tinted[2, 76].tolist()[0] > tinted[2, 76].tolist()[1] + 60
    assert tinted[2, 4].tolist() == [255, 255, 255]
    assert tinted[picture == 0].max() == 0


def test_no_weight_at_all_leaves_the_picture(picture):
    tinted = overlay(picture, np.zeros((2, 12), np.float32), cell=(16, 8))
    assert np.array_equal(tinted[..., 0], picture)


@pytest.mark.parametrize("shape", [(16, 16), (64, 320), (32, 2000), (900, 40)])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_a_sheet_has_a_panel_for_each_token(shape, count):
    page = np.full(shape, 255, np.uint8)
    rng = np.random.default_rng(0)
    weights = rng.random((count, -(-shape[0] // 16), -(-shape[1] // 8)), np.float32)
    made = sheet(page, [r"\frac"] * count, weights, cell=(16, 8))
    with Image.open(io.BytesIO(made)) as image:
        assert image.format == "PNG"
        assert image.width <= SHEET + 8
        pixels = np.asarray(image).astype(int)
    assert (pixels[..., 0] - pixels[..., 2] > 100).any()


def test_a_reduced_sheet_is_small_and_still_tinted(picture):
    rng = np.random.default_rng(0)
    made = sheet(picture, ["x"] * 60, rng.random((60, 2, 12), np.float32), cell=(16, 8))
    small = reduce_sheet(made)
    assert len(small) < len(made) / 3
    with Image.open(io.BytesIO(small)) as image:
        assert image.width == PAGE
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert (pixels[..., 0] - pixels[..., 2] > 60).any()


def test_no_tokens_give_an_empty_sheet(picture):
    made = sheet(picture, [], np.zeros((0, 2, 12), np.float32), cell=(16, 8))
    with Image.open(io.BytesIO(made)) as image:
        assert image.size[0] > 0
