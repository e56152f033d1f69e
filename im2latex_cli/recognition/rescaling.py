"""Reading a doubtful picture again, a little larger and a little smaller.

The size of the text is only estimated, and a network that hesitates at one size often reads
another without doubt; of all readings the one that the network finds likeliest stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.calibration import geometric_mean
from im2latex_cli.vision.prepare import resize

Grey = NDArray[np.uint8]
Read = Callable[[Sequence[Grey]], list[list[Hypothesis]]]
SMALLEST_SIDE = 16


def read_again(
    pictures: Sequence[Grey], read: Read, *, scales: Sequence[float], sure: float
) -> list[list[Hypothesis]]:
    """Read pictures, and the doubtful ones at other scales too.

    Args:
        pictures: (H, W) each, prepared.
        read: the hypotheses of each picture, best first.
        scales: factors on the size of a doubtful picture, tried one after the other.
        sure: mean probability of a token from which a reading is not doubtful.

    Returns:
        The hypotheses of each picture at the scale of its likeliest one.
    """
    found = read(pictures)
    for scale in scales:
        doubtful = [at for at, some in enumerate(found) if certainty(some) < sure]
        doubtful = [at for at in doubtful if min(pictures[at].shape) * scale >= SMALLEST_SIDE]
        again = read([resize(pictures[at], scale) for at in doubtful]) if doubtful else []
        for at, some in zip(doubtful, again, strict=True):
            found[at] = max(found[at], some, key=certainty)
    return found


def certainty(hypotheses: Sequence[Hypothesis]) -> float:
    """Mean probability of a token of the best hypothesis; less than 0 where it was cut off."""
    if not hypotheses:
        return -2.0
    best = hypotheses[0]
    mean = geometric_mean(best.score, len(best.token_scores))
    return mean - 1 if best.truncated else mean
