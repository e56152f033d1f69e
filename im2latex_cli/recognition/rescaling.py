"""Reading a doubtful picture at other sizes too, and taking the formula that is likeliest over all.

The size of the text is only estimated, most uncertainly if there are few glyphs, and a network
that hesitates at one size often reads another without doubt. The size is therefore summed out: a
formula's probability is the mean of its probabilities at the sizes that were read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.calibration import geometric_mean
from im2latex_cli.vision.prepare import at_least, resize

Grey = NDArray[np.uint8]
Reading = list[Hypothesis]
"""Hypotheses of one picture at one size, best first."""
Read = Callable[[Sequence[Grey]], list[Reading]]
Confidence = Callable[[float, int], float]
"""Confidence from a summed log-probability and a number of tokens, the end included."""

NARROW = 160
"""Width in pixels below which a picture has few glyphs, so that its size is most in doubt."""
SMALLEST_SIDE = 16


def read_again(
    pictures: Sequence[Grey],
    read: Read,
    *,
    scales: Sequence[float],
    narrow_scales: Sequence[float] = (),
    sure: float,
    length_penalty: float,
    confidence: Confidence,
) -> list[Reading]:
    """Read pictures, and the doubtful ones at other scales too.

    Args:
        pictures: (H, W) each, prepared.
        read: the hypotheses of each picture, best first.
        scales: factors on the size of a doubtful picture; empty reads every picture once.
        narrow_scales: further factors for pictures narrower than `NARROW` whose best formula is
            not the same at every size so far.
        sure: mean probability of a token from which a reading is not doubtful.
        length_penalty: how hypotheses are ranked, as in the search.
        confidence: of a hypothesis whose probability is a mean over sizes.

    Returns:
        The hypotheses of each picture over all sizes, likeliest first.
    """
    readings = [[first] for first in read(pictures)]
    if not scales:
        return [first for (first,) in readings]
    doubtful = [index for index, (first,) in enumerate(readings) if certainty(first) < sure]
    _read_at(scales, doubtful, pictures, readings, read)
    narrow = [index for index in doubtful if pictures[index].shape[1] < NARROW]
    undecided = [index for index in narrow if not _agree(readings[index])]
    _read_at(narrow_scales, undecided, pictures, readings, read)
    return [
        first if not others else pool([first, *others], length_penalty, confidence)
        for first, *others in readings
    ]


def _read_at(
    factors: Sequence[float],
    chosen: Sequence[int],
    pictures: Sequence[Grey],
    readings: Sequence[list[Reading]],
    read: Read,
) -> None:
    """Read the chosen pictures at all factors together, and add what they give to `readings`."""
    places = [(index, factor) for factor in factors for index in chosen]
    rescaled = [_rescale(pictures[index], factor) for index, factor in places]
    for (index, _), reading in zip(places, read(rescaled) if rescaled else [], strict=True):
        readings[index].append(reading)


def _agree(readings: Sequence[Reading]) -> bool:
    """Whether a picture's best formula is the same at every size."""
    return len({reading[0].latex if reading else None for reading in readings}) == 1


def _rescale(picture: Grey, factor: float) -> Grey:
    return at_least(resize(picture, factor), SMALLEST_SIDE)


def pool(readings: Sequence[Reading], length_penalty: float, confidence: Confidence) -> Reading:
    """The hypotheses of one picture at several sizes as one list, likeliest first.

    A formula's `score` becomes the logarithm of its mean probability; a size that does not list it
    counts 0. Its `token_scores` are those of the size at which it is likeliest. Hypotheses that
    were cut off come last.
    """
    by_formula: defaultdict[tuple[bool, str], list[Hypothesis]] = defaultdict(list)
    for reading in readings:
        for hypothesis in reading:
            by_formula[hypothesis.truncated, hypothesis.latex].append(hypothesis)
    pooled = [_mean(equal, len(readings), confidence) for equal in by_formula.values()]
    return sorted(
        pooled,
        key=lambda one: (
            one.truncated,
            -one.score / max(1, len(one.token_scores)) ** length_penalty,
        ),
    )


def _mean(equal: Sequence[Hypothesis], sizes: int, confidence: Confidence) -> Hypothesis:
    best = max(equal, key=lambda one: one.score)
    total = sum(math.exp(one.score - best.score) for one in equal)
    score = best.score + math.log(total / sizes)
    return replace(best, score=score, confidence=confidence(score, len(best.token_scores)))


def certainty(reading: Reading) -> float:
    """Mean probability of a token of the best hypothesis; less than 0 if it was cut off."""
    if not reading:
        return -2.0
    best = reading[0]
    mean = geometric_mean(best.score, len(best.token_scores))
    return mean - 1 if best.truncated else mean
