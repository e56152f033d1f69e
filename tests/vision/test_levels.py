import numpy as np
import pytest

from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.prepare import normalise_levels


@pytest.fixture
def picture(formula_page):
    return finish(formula_page, look="smooth")[0]


def shaded(picture, paper, ink):
    return np.rint(ink + picture / 255.0 * (paper - ink)).astype(np.uint8)


def test_clean_pictures_stay(picture):
    assert normalise_levels(picture) is picture


@pytest.mark.parametrize(("paper", "ink"), [(200, 30), (255, 180), (120, 60), (30, 220), (0, 255)])
def test_paper_becomes_white_and_ink_black(picture, paper, ink):
    clean = normalise_levels(shaded(picture, paper, ink))
    assert np.median(clean) == 255
    assert clean.min() < 20
    assert np.abs(clean.astype(int) - picture).mean() < 4


def test_uneven_light(picture):
    height, width = picture.shape
    light = np.linspace(0.75, 1.0, width) * np.linspace(0.9, 1.0, height)[:, None]
    clean = normalise_levels((picture * light).astype(np.uint8))
    assert ((clean < 128) == (picture < 128)).mean() > 0.97


@pytest.mark.parametrize("paper", [255, 200])
def test_noise_of_the_paper_is_flattened(picture, paper):
    noise = np.random.default_rng(0).normal(0, 8, picture.shape)
    noisy = np.clip(shaded(picture, paper, 0) + noise, 0, 255).astype(np.uint8)
    clean = normalise_levels(noisy)
    away = picture == 255
    assert (clean[away] > 235).mean() > 0.97


def test_one_colour_does_not_fail():
    for level in (0, 7, 128, 255):
        flat = np.full((20, 30), level, np.uint8)
        assert (normalise_levels(flat) == 255).all()
