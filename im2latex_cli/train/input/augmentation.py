"""Augmentation while training: a distorted picture goes through what a user's picture would."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import InputError
from im2latex_cli.train.input.pack import Glyphs
from im2latex_cli.vision.augment import augment
from im2latex_cli.vision.prepare import Preprocessing, prepare_with_frame, resize

_MISJUDGED = 0.7
"""Share of pictures that are rescaled after they were prepared."""
_SPREAD, _SPREAD_OF_FEW = 0.06, 0.3
"""Standard deviations of the logarithm of the factor: of long formulas and of single glyphs."""
_FEW_GLYPHS = 32
"""Width of a picture with few glyphs, in pixels; pictures as wide or narrower spread most."""
_SMALLEST_SIDE, _LARGEST = 14, 2.2
"""Bounds: a side in pixels and a factor."""


class Augmenter:
    """Distorts a picture, prepares it again, and moves its glyph rows along.

    Args:
        preprocessing: the run's; the size of the text is estimated, as for a user's picture.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing

    def __call__(
        self, picture: NDArray[np.uint8], glyphs: Glyphs, random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Glyphs]:
        """One distortion; the picture itself where nothing readable is left of it."""
        changed, where = augment(picture, random)
        if changed is picture:
            return _misjudge_size(picture, glyphs, random)
        try:
            prepared, frame = prepare_with_frame(changed, self._preprocessing)
        except InputError:
            return picture, glyphs
        moved = glyphs.copy()
        corner = np.array([frame.left, frame.top])
        moved[:, 1:3] = (where.apply(glyphs[:, 1:3]) + corner) * frame.scale
        return _misjudge_size(prepared, moved, random)


def _misjudge_size(
    picture: NDArray[np.uint8], glyphs: Glyphs, random: np.random.Generator
) -> tuple[NDArray[np.uint8], Glyphs]:
    """Rescale a prepared picture as if the size of its text had been estimated wrongly.

    The spread of the estimate grows as glyphs get fewer: a lone letter may be large or small print.
    """
    if random.random() >= _MISJUDGED:
        return picture, glyphs
    few = min(1.0, _FEW_GLYPHS / picture.shape[1])
    factor = math.exp(random.normal(0.0, _SPREAD + (_SPREAD_OF_FEW - _SPREAD) * few))
    factor = min(max(factor, *(_SMALLEST_SIDE / side for side in picture.shape)), _LARGEST)
    rescaled = resize(picture, factor)
    moved = glyphs.copy()
    moved[:, 1:3] *= np.divide(rescaled.shape[::-1], picture.shape[::-1])
    return rescaled, moved
