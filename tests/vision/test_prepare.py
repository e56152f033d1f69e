import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from im2latex_cli.errors import InputError
from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.prepare import Preprocessing, prepare, prepare_with_frame

NOMINAL = Preprocessing()


def inked(picture):
    rows, columns = np.nonzero((picture < 179).any(1))[0], np.nonzero((picture < 179).any(0))[0]
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def likeness(one, other):
    """Correlation of two pictures, laid on each other by their upper left corners."""
    height, width = min(one.shape[0], other.shape[0]), min(one.shape[1], other.shape[1])
    a, b = one[:height, :width].ravel(), other[:height, :width].ravel()
    return np.corrcoef(a.astype(float), b.astype(float))[0, 1]


def test_build_pictures_lose_only_the_bucket(formula_page):
    built, _ = finish(formula_page, buckets=True)
    ready, frame = prepare_with_frame(built, NOMINAL)
    assert frame.scale == 1.0
    top, left = -int(frame.top), -int(frame.left)
    assert (top, left) == (0, 0)
    assert (ready == built[: ready.shape[0], : ready.shape[1]]).all()
    plain, _ = finish(formula_page, buckets=False)
    assert abs(ready.shape[0] - plain.shape[0]) <= 1
    assert abs(ready.shape[1] - plain.shape[1]) <= 1


def test_training_and_recognition_agree(formula_page):
    built, _ = finish(formula_page)
    assert (prepare(built, NOMINAL, scale=1.0) == prepare(built, NOMINAL)).all()


def test_twice_is_once(formula_page):
    once = prepare(finish(formula_page)[0], NOMINAL)
    assert (prepare(once, NOMINAL) == once).all()


def test_page_before_the_halving_is_halved_as_the_build_does(formula_page):
    ready, frame = prepare_with_frame(np.pad(formula_page, 20, constant_values=255), NOMINAL)
    built = prepare(finish(formula_page)[0], NOMINAL)
    assert frame.scale == 0.5
    assert abs(np.subtract(ready.shape, built.shape)).max() <= 1
    assert likeness(ready, built) > 0.97


def test_given_scale_is_taken(formula_page):
    large = np.pad(formula_page, 8, constant_values=255)
    _, frame = prepare_with_frame(large, NOMINAL, scale=3.0)
    assert frame.scale == pytest.approx(1 / 3)
    _, frame = prepare_with_frame(large, NOMINAL, scale=1.05)
    assert frame.scale == 1.0


def test_small_text_grows(formula_page):
    built, _ = finish(formula_page)
    small = np.asarray(Image.fromarray(built).reduce(2))
    ready, frame = prepare_with_frame(small, NOMINAL, scale=0.5)
    assert frame.scale == 2.0
    wanted = prepare(built, NOMINAL)
    assert abs(np.subtract(ready.shape, wanted.shape)).max() <= 4


def variants(built):
    yield "dark mode", 255 - built
    yield "grey paper", (built * 0.7 + 30).astype(np.uint8)
    yield "wide margins", np.pad(built, ((90, 60), (40, 200)), constant_values=255)
    yield "no margins", built[slice(*inked(built)[:2]), slice(*inked(built)[2:])]
    speck = np.pad(built, 30, constant_values=255)
    speck[2, 3] = 0
    yield "a speck", speck


def test_distortions_are_undone(formula_page):
    built, _ = finish(formula_page)
    wanted = prepare(built, NOMINAL)
    for name, picture in variants(built):
        ready = prepare(picture, NOMINAL, scale=1.0)
        assert abs(np.subtract(ready.shape, wanted.shape)).max() <= 2, name
        assert likeness(ready, wanted) > 0.9, name


@pytest.mark.parametrize("strength", [0, 6])
def test_a_page_of_margin_changes_nothing(formula_page, strength):
    built, _ = finish(formula_page)
    wanted = prepare(built, NOMINAL)
    image = np.pad(built, ((300, 500), (200, 300)), constant_values=255) * 0.8
    noise = np.random.default_rng(0).normal(0, strength, image.shape)
    ready, frame = prepare_with_frame(np.clip(image + noise, 0, 255).astype(np.uint8), NOMINAL)
    assert frame.scale == 1.0
    assert abs(np.subtract(ready.shape, wanted.shape)).max() <= 1
    assert (
        max(likeness(ready, wanted), likeness(ready, wanted[1:]), likeness(ready, wanted[:, 1:]))
        > 0.95
    )


def test_frame_leads_back_to_the_ink(formula_page):
    image = np.pad(formula_page, ((50, 10), (31, 5)), constant_values=255)
    ready, frame = prepare_with_frame(image, NOMINAL)
    top, bottom, left, right = inked(image)
    x0, y0 = frame.place(left, top)
    x1, y1 = frame.place(right, bottom)
    assert (y0, y1, x0, x1) == pytest.approx(inked(ready), abs=1.5)


def test_margin_and_least_side():
    dot = np.full((30, 30), 255, np.uint8)
    dot[10:14, 10:15] = 0
    ready = prepare(dot, Preprocessing(margin=2, min_side=12), scale=1.0)
    assert ready.shape == (12, 12)
    assert ready[2, 2] == 0
    assert ready[:2].min() == 255


def test_most_pixels():
    wide = np.full((1000, 5000), 255, np.uint8)
    wide[100:900:40, 50:-50:40] = 0
    wide[500, 50:-50] = 0
    ready = prepare(wide, Preprocessing(max_pixels=100_000), scale=1.0)
    assert 70_000 < ready.size <= 102_000


def test_enormous_input():
    sheet = np.full((5000, 5000), 255, np.uint8)
    sheet[2000:2400, 1000:1200] = sheet[2000:2400, 1400:1600] = 0
    ready, frame = prepare_with_frame(sheet, NOMINAL)
    assert ready.size <= NOMINAL.max_pixels
    x, y = frame.place(1000, 2000)
    top, _, left, _ = inked(ready)
    assert (x, y) == pytest.approx((left, top), abs=2)


def test_blank():
    with pytest.raises(InputError, match="no ink"):
        prepare(np.full((40, 40), 255, np.uint8), NOMINAL)


@pytest.mark.parametrize("scale", [0.01, 0.1, 30.0, 1000.0])
def test_absurd_scales(formula_page, scale):
    with contextlib.suppress(InputError):  # at 1/1000 nothing is left
        assert prepare(formula_page, NOMINAL, scale=scale).size <= 1.01 * NOMINAL.max_pixels


@settings(deadline=None, max_examples=150)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=40)))
def test_any_array_gives_a_picture_or_an_input_error(image):
    before = image.copy()
    try:
        ready = prepare(image, NOMINAL)
    except InputError:
        assert int(np.ptp(image)) < 60
    else:
        assert ready.dtype == np.uint8
        assert min(ready.shape) >= NOMINAL.min_side
    assert (image == before).all()


def test_json_round_trip():
    preprocessing = Preprocessing(look="smooth", text_scale=0.8, margin=3)
    assert Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json()))) == preprocessing
    assert Preprocessing.from_json({}) == Preprocessing()


def test_json_of_a_later_version():
    with pytest.raises(ValueError, match="unknown preprocessing: turn"):
        Preprocessing.from_json({"margin": 4, "turn": 90})


def test_of_build():
    assert Preprocessing.of_build(look="im2latex", font_size=12, dpi=200, padding=8) == NOMINAL
    small = Preprocessing.of_build(look="smooth", font_size=10, dpi=240, padding=6)
    assert small.text_scale == pytest.approx(1.0)
    assert small.margin == 3


def test_text_scale_of_the_model_counts(formula_page):
    built, _ = finish(formula_page)
    _, frame = prepare_with_frame(built, Preprocessing(text_scale=0.5))
    assert frame.scale == pytest.approx(0.5, abs=0.12)
