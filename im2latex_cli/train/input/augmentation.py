"""Augmentation while training: a distorted picture goes through what a user's picture would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import InputError
from im2latex_cli.train.input.pack import Glyphs
from im2latex_cli.vision.augment import augment
from im2latex_cli.vision.prepare import Preprocessing, prepare_with_frame


class Distorter:
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
            return picture, glyphs
        try:
            prepared, frame = prepare_with_frame(changed, self._preprocessing)
        except InputError:
            return picture, glyphs
        moved = glyphs.copy()
        corner = np.array([frame.left, frame.top])
        moved[:, 1:3] = (where.apply(glyphs[:, 1:3]) + corner) * frame.scale
        return prepared, moved
