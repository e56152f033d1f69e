"""Which labels do not fit their pictures: the loss of a label far above that of its neighbours.

A trained model finds a right label likely even if it would read the picture a little otherwise. A
label of another picture is unlikely from its first token on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 100
"""Pictures with labels of about the same length, whose median loss is the usual one."""
FEWEST = 20
"""Pictures below which nothing is usual."""
LEAST = 2.0
"""Loss per token, in nats, below which no label is suspicious: a probability of 0.135."""
TIMES = 4.0
"""A suspicious loss is this many times the usual one."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that may be wrong.

    Attributes:
        index: its place among the pictures.
        loss: its cross-entropy per token, in nats.
        usual: the median loss of labels of about the same length.
    """

    index: int
    loss: float
    usual: float


def find_suspects(losses: Sequence[float], lengths: Sequence[int]) -> list[Suspect]:
    """Find labels whose loss is far above that of labels of about the same length.

    Args:
        losses: cross-entropy per token of each label, given its picture, in nats.
        lengths: tokens of each label.

    Returns:
        The suspects, the largest loss first.
    """
    if len(losses) < FEWEST:
        return []
    ordered = np.argsort(np.asarray(lengths), kind="stable")
    values = np.asarray(losses, np.float64)[ordered]
    width = min(NEIGHBOURS + 1, len(values))
    found = []
    for at in np.flatnonzero(values > LEAST):
        first = int(np.clip(at - width // 2, 0, len(values) - width))
        usual = float(np.median(values[first : first + width]))
        if values[at] > TIMES * usual:
            found.append(Suspect(int(ordered[at]), float(values[at]), usual))
    return sorted(found, key=lambda suspect: (-suspect.loss, suspect.index))
