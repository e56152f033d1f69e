import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageOps

from im2latex_cli.vision.finish import encode_png, finish, ink_box


def plainly(page, look, padding, buckets):
    """The same in the words of Pillow alone."""
    image = Image.fromarray(page)
    image = image.crop(ImageOps.invert(image).getbbox())
    if look == "im2latex":
        image = image.point(lambda grey: 255 if grey == 255 else 0)
    width, height = image.width + 2 * padding, image.height + 2 * padding
    step = (64, 32) if buckets else (2, 2)
    sheet = Image.new("L", (-(-width // step[0]) * step[0], -(-height // step[1]) * step[1]), 255)
    sheet.paste(image, (padding, padding))
    return np.asarray(sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("look", ["im2latex", "smooth"])
@pytest.mark.parametrize("buckets", [True, False])
def test_equals_pillow(formula_page, look, buckets):
    picture, _ = finish(formula_page, look=look, padding=8, buckets=buckets)
    wanted = plainly(formula_page, look, 8, buckets)
    assert picture.dtype == np.uint8
    assert picture.shape == wanted.shape
    difference = np.abs(picture.astype(int) - wanted)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 90), st.integers(0, 99), st.integers(8, 20))
def test_equals_pillow_on_noise(height, width, seed, padding):
    page = np.where(np.random.default_rng(seed).random((height, width)) < 0.3, 0, 255)
    page[0, 0] = 17
    page = page.astype(np.uint8)
    picture, _ = finish(page, look="im2latex", padding=padding, buckets=True)
    wanted = plainly(page, "im2latex", padding, True)
    assert np.abs(picture.astype(int) - wanted).max() <= 1


def test_any_ink_is_black_before_the_halving():
    page = np.full((40, 40), 254, np.uint8)
    bold, _ = finish(page, look="im2latex")
    faint, _ = finish(page, look="smooth")
    assert bold[14, 14] == 0
    assert faint[14, 14] == 254


def test_buckets_are_multiples():
    for width in range(1, 200, 7):
        picture, _ = finish(np.zeros((width // 3 + 1, width), np.uint8), buckets=True)
        assert picture.shape[0] % 16 == 0
        assert picture.shape[1] % 32 == 0


def test_without_buckets_only_padding_and_evenness_are_added():
    picture, _ = finish(np.zeros((21, 30), np.uint8), padding=8, buckets=False)
    assert picture.shape == (19, 23)  # (21 + 16 + 1) / 2, (30 + 16) / 2


def test_no_padding():
    picture, frame = finish(np.zeros((20, 30), np.uint8), padding=0, buckets=False)
    assert picture.shape == (10, 15)
    assert (frame.left, frame.top) == (0, 0)


def test_frame_finds_a_dot_again():
    page = np.full((90, 120), 255, np.uint8)
    page[20, 10] = page[80, 100] = 0  # corners of the ink
    page[40:44, 60:64] = 0
    picture, frame = finish(page, padding=8)
    x, y = frame.place(62.0, 42.0)
    assert (x, y) == ((62 - 10 + 8) / 2, (42 - 20 + 8) / 2)
    assert picture[int(y) - 1 : int(y) + 1, int(x) - 1 : int(x) + 1].max() < 40


def test_blank_page():
    with pytest.raises(ValueError, match="no ink"):
        finish(np.full((9, 9), 255, np.uint8))


def test_page_is_not_changed(formula_page):
    before = formula_page.copy()
    finish(formula_page, look="im2latex")
    assert (formula_page == before).all()


def test_ink_box():
    page = np.full((9, 9), 255, np.uint8)
    page[2, 3] = page[5, 7] = 254
    assert ink_box(page) == (2, 6, 3, 8)


@settings(deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_png_round_trip(picture):
    data = encode_png(picture)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "L"
        assert image.format == "PNG"
        assert (np.asarray(image) == picture).all()


def test_png_is_small(formula_page):
    picture, _ = finish(formula_page)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    assert len(encode_png(picture)) < len(buffer.getvalue())


def test_png_of_a_sliced_array(formula_page):
    picture = finish(formula_page)[0][::2, 1::3]
    with Image.open(io.BytesIO(encode_png(picture))) as image:
        assert (np.asarray(image) == picture).all()


def test_png_chunks():
    data = encode_png(np.zeros((2, 3), np.uint8))
    assert struct.unpack(">I4sIIBBBBB", data[8:29]) == (13, b"IHDR", 3, 2, 8, 0, 0, 0, 0)
    (length,) = struct.unpack(">I", data[33:37])
    assert zlib.decompress(data[41 : 41 + length]) == bytes(8)


def test_a_screen_draws_at_many_sizes_and_the_frame_says_where():
    page = np.full((80, 300), 255, np.uint8)
    page[20:60, 40:44] = 0
    page[38:42, 40:260] = 0
    widths = set()
    for shift in range(40):
        moved = page.copy()
        moved[70, 10 + shift] = 0
        picture, frame = finish(moved, look="screen", padding=6)
        widths.add(picture.shape[1])
        x, y = frame.place(42, 40)
        assert picture[int(y), int(x)] < 100
        assert picture[0].min() == 255
    assert len(widths) > 20
    assert min(widths) < 110
    assert max(widths) > 200


def test_the_same_page_gives_the_same_screen():
    page = np.full((30, 30), 255, np.uint8)
    page[10:20, 10:20] = 0
    one, other = (finish(page, look="screen")[0] for _ in range(2))
    assert np.array_equal(one, other)
