import dataclasses

import numpy as np
import pytest

from im2latex_cli.vision.augment import Affine, Augmentation, augment
from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.prepare import Preprocessing, prepare

NEVER = Augmentation(
    **{
        field.name: 0.0
        for field in dataclasses.fields(Augmentation)
        if field.name.endswith("_share")
    }
)


def only(**shares):
    return dataclasses.replace(NEVER, share=1.0, **shares)


@pytest.fixture
def picture(formula_page):
    return finish(formula_page)[0]


def test_same_generator_same_picture(picture):
    for seed in range(20):
        one, where_one = augment(picture, np.random.default_rng(seed))
        two, where_two = augment(picture, np.random.default_rng(seed))
        assert where_one == where_two
        assert (one == two).all()


def test_seeds_differ(picture):
    every = Augmentation(share=1.0)
    outcomes = {
        augment(picture, np.random.default_rng(seed), every)[0].tobytes() for seed in range(20)
    }
    assert len(outcomes) >= 18


def test_the_others_are_left_as_they_are(picture):
    outcomes = [augment(picture, np.random.default_rng(seed))[0] for seed in range(1000)]
    assert 370 <= sum(one is picture for one in outcomes) <= 470


def test_nothing_chosen_nothing_done(picture):
    same, where = augment(picture, np.random.default_rng(0), NEVER)
    assert (same == picture).all()
    assert where == Affine()


def test_original_is_not_changed(picture):
    before = picture.copy()
    for seed in range(30):
        augment(picture, np.random.default_rng(seed))
    assert (picture == before).all()


def test_points_are_followed():
    dots = np.array([[20.5, 30.5], [120.5, 12.5], [70.5, 50.5]])
    every = only(scale_share=1.0, rotation_share=1.0, margin_share=1.0)
    every = dataclasses.replace(every, rotation=8.0)
    for seed in range(25):
        where = None
        for x, y in dots:
            picture = np.full((64, 160), 255, np.uint8)
            picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 0
            moved, where = augment(picture, np.random.default_rng(seed), every)
            ink = 255.0 - moved
            rows, columns = np.indices(ink.shape) + 0.5
            centre = (columns * ink).sum() / ink.sum(), (rows * ink).sum() / ink.sum()
            assert where.apply(np.array([[x, y]]))[0] == pytest.approx(centre, abs=0.35)


def test_affine_composition():
    one, two = Affine(2, 0.5, 3, -1, 1, 4), Affine(0, 1, -2, 1, 0, 7)
    points = np.array([[1.0, 2.0], [-3.0, 5.0]])
    assert one.then(two).apply(points) == pytest.approx(two.apply(one.apply(points)))


def test_scales_cover_their_range(picture):
    chosen = only(scale_share=1.0)
    factors = [augment(picture, np.random.default_rng(s), chosen)[1].a for s in range(200)]
    low, high = chosen.scale
    assert low * 0.95 <= min(factors) < 0.7
    assert 1.45 < max(factors) <= high * 1.05


def test_strokes_become_bolder_and_thinner(picture):
    ink = [
        (255.0 - augment(picture, np.random.default_rng(s), only(stroke_share=1.0))[0]).mean()
        for s in range(30)
    ]
    plain = (255.0 - picture).mean()
    assert min(ink) < 0.85 * plain
    assert max(ink) > 1.2 * plain


@pytest.mark.parametrize(
    "share", ["blur_share", "jpeg_share", "noise_share", "contrast_share", "uneven_share"]
)
def test_each_distortion_changes_and_keeps_the_formula(picture, share):
    changed, where = augment(picture, np.random.default_rng(1), only(**{share: 1.0}))
    assert where == Affine()
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert (changed != picture).any()
    correlation = np.corrcoef(changed.ravel().astype(float), picture.ravel().astype(float))[0, 1]
    assert correlation > 0.6


def test_inversion(picture):
    inverted, _ = augment(picture, np.random.default_rng(0), only(inversion_share=1.0))
    assert (inverted == 255 - picture).all()


def test_rotation_keeps_all_ink(picture):
    turned, _ = augment(picture, np.random.default_rng(3), only(rotation_share=1.0))
    assert (255.0 - turned).sum() == pytest.approx((255.0 - picture).sum(), rel=0.02)


def test_prepare_reads_whatever_comes_out(picture):
    for seed in range(60):
        distorted, _ = augment(picture, np.random.default_rng(seed))
        ready = prepare(distorted, Preprocessing(), scale=1.0)
        assert np.median(ready) > 200
        assert ready.min() < 120
