import numpy as np
import pytest

from im2latex_cli.errors import InputError
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.vision.augment import Augmenter
from im2latex_cli.vision.prepare import Preprocessing

AUGMENT = Augmenter(Preprocessing())


def test_glyphs_stay_on_their_ink_whatever_is_done(packed: PackedSplit) -> None:
    hits = tries = 0
    changed = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        for index in range(len(packed)):
            picture, glyphs = AUGMENT(packed.picture(index), packed.glyphs_of(index), random)
            changed += picture.shape != packed.picture(index).shape
            for _, x, y, _ in glyphs:
                around = picture[max(int(y) - 8, 0) : int(y) + 9, max(int(x) - 6, 0) : int(x) + 7]
                tries += 1
                hits += bool(around.size and around.min() < np.median(picture) - 50)
    assert changed > 20, "pictures are really distorted"
    assert hits / tries > 0.97


def test_the_same_generator_gives_the_same_distortion(packed: PackedSplit) -> None:
    made = [
        AUGMENT(packed.picture(0), packed.glyphs_of(0), np.random.default_rng(5)) for _ in range(2)
    ]
    assert np.array_equal(made[0][0], made[1][0])
    assert np.array_equal(made[0][1], made[1][1])


def test_the_pack_is_never_changed(packed: PackedSplit) -> None:
    before = packed.glyphs.copy(), packed.pixels.copy()
    AUGMENT(packed.picture(0), packed.glyphs_of(0), np.random.default_rng(1))
    assert np.array_equal(packed.glyphs, before[0])
    assert np.array_equal(packed.pixels, before[1])


def test_where_nothing_readable_is_left_the_picture_stays(
    packed: PackedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InputError("nothing to read")

    monkeypatch.setattr("im2latex_cli.vision.augment.prepare_with_frame", fail)
    picture, glyphs = AUGMENT(packed.picture(0), packed.glyphs_of(0), np.random.default_rng(1))
    assert np.array_equal(picture, packed.picture(0))
    assert np.array_equal(glyphs, packed.glyphs_of(0))
