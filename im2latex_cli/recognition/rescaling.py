"""Reading a doubtful picture at other sizes too, and taking the reading that most of them agree on.

The size of the text is only estimated, most uncertainly where there are few glyphs, and a network
that hesitates at one size often reads another without doubt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.calibration import geometric_mean
from im2latex_cli.vision.prepare import at_least, resize

Grey = NDArray[np.uint8]
Read = Callable[[Sequence[Grey]], list[list[Hypothesis]]]
Reading = list[Hypothesis]
"""Hypotheses of one picture at one size, best first."""

NARROW = 160
"""Width in pixels below which a picture has few glyphs, so that its size is most in doubt."""
SMALLEST_SIDE = 16
SHARPNESS = 4
"""Power of a reading's certainty that is its vote: a sure reading outweighs several unsure ones."""


def read_again(
    pictures: Sequence[Grey],
    read: Read,
    *,
    scales: Sequence[float],
    narrow_scales: Sequence[float] = (),
    sure: float,
) -> list[Reading]:
    """Read pictures, and the doubtful ones at other scales too.

    Args:
        pictures: (H, W) each, prepared.
        read: the hypotheses of each picture, best first.
        scales: factors on the size of a doubtful picture; empty reads every picture once.
        narrow_scales: further factors for pictures narrower than `NARROW`.
        sure: mean probability of a token from which a reading is not doubtful.

    Returns:
        The hypotheses of each picture, at the scale where the formula with most votes is surest.
    """
    readings = [[first] for first in read(pictures)]
    if not scales:
        return [first for (first,) in readings]
    doubtful = [index for index, (first,) in enumerate(readings) if certainty(first) < sure]
    narrow = [index for index in doubtful if pictures[index].shape[1] < NARROW]
    for factors, chosen in ((scales, doubtful), (narrow_scales, narrow)):
        for factor in factors:
            rescaled = [_rescale(pictures[index], factor) for index in chosen]
            for index, reading in zip(chosen, read(rescaled) if rescaled else [], strict=True):
                readings[index].append(reading)
    return [elect(candidates) for candidates in readings]


def _rescale(picture: Grey, factor: float) -> Grey:
    return at_least(resize(picture, factor), SMALLEST_SIDE)


def elect(readings: Sequence[Reading]) -> Reading:
    """The surest reading of the formula that gets most votes.

    A reading votes with the fourth power of its certainty; one that was cut off has no vote, and
    is taken only if there is no other.
    """
    votes: defaultdict[str, float] = defaultdict(float)
    for reading in readings:
        votes[_formula(reading)] += max(0.0, certainty(reading)) ** SHARPNESS
    return max(readings, key=lambda reading: (votes[_formula(reading)], certainty(reading)))


def _formula(reading: Reading) -> str:
    return reading[0].latex if reading else ""


def certainty(reading: Reading) -> float:
    """Mean probability of a token of the best hypothesis; less than 0 if it was cut off."""
    if not reading:
        return -2.0
    best = reading[0]
    mean = geometric_mean(best.score, len(best.token_scores))
    return mean - 1 if best.truncated else mean
