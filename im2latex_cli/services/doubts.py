"""What a person should look at: names of doubts about one reading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis

LOW_CONFIDENCE = "low-confidence"
TRUNCATED = "truncated"

UNSURE = 0.5
"""Readings of a lower confidence are more often wrong than right."""


def of(picture: NDArray[np.uint8], hypotheses: Sequence[Hypothesis]) -> tuple[str, ...]:
    """Name the doubts about a picture's best hypothesis.

    Args:
        picture: (H, W) as the network saw it, 255 is paper.
        hypotheses: best first.
    """
    if not hypotheses:
        return ()
    best = hypotheses[0]
    found = {
        LOW_CONFIDENCE: best.confidence < UNSURE,
        TRUNCATED: best.truncated,
    }
    return tuple(name for name, doubtful in found.items() if doubtful)
