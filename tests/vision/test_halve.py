import numpy as np
import pytest

from im2latex_cli.vision.finish import halve


@pytest.mark.parametrize("seed", range(5))
def test_both_ways_agree(seed):
    draw = np.random.default_rng(seed)
    picture = np.full((80, 200), 255, np.uint8)
    picture[12:-12, 12:-12] = np.where(draw.random((56, 176)) < 0.3, 0, 255)
    quick, slow = halve(picture, binary=True), halve(picture, binary=False)
    assert np.abs(quick.astype(int) - slow).max() <= 1
    assert (quick != slow).mean() < 1e-3


def test_flat_pictures_stay():
    for level in (0, 255):
        inside = halve(np.full((40, 40), level, np.uint8), binary=True)[6:-6, 6:-6]
        assert (inside == level).all()


def test_a_step_rings_as_lanczos_does():
    picture = np.full((40, 80), 255, np.uint8)
    picture[:, 39:] = 0
    row = halve(picture, binary=False)[10].astype(int)
    assert (halve(picture, binary=True)[10].astype(int)[8:-8] == row[8:-8]).all()
    assert 0 < row[19] < 255


def test_shape():
    assert halve(np.full((2, 2), 255, np.uint8), binary=True).shape == (1, 1)
