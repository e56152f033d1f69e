"""Beams whose hypotheses differ: a penalty for the lesser continuations of one hypothesis.

After Li, Monroe and Jurafsky (2016), "A Simple, Fast Diverse Decoding Algorithm for Neural
Generation", with the strength as a factor and the share of penalised continuations of its
own, as the im2latex of Genthial had them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from im2latex_cli.decoding.arrays import Array, kind


@dataclass(frozen=True, slots=True)
class Diversity:
    """Keeps one hypothesis from filling the beam with its own continuations.

    Penalties only decide which continuations survive; scores stay the network's own.

    Attributes:
        gamma: factor on a continuation's probability for each more likely continuation of the
            same hypothesis, above 0; 1 is no penalty.
        share: probability that a continuation is penalised.
        seed: of the draw, which is the same for every picture of a batch.
    """

    gamma: float = 1.0
    share: float = 1.0
    seed: int = 0

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return self.gamma < 1.0 and self.share > 0.0

    def penalty(self, log_probabilities: Array, taken: int) -> Array:
        """What to add to log-probabilities (B, K, V) of the next id, at most 0."""
        xp = kind(log_probabilities)
        _, width, size = log_probabilities.shape
        draw = np.random.default_rng([self.seed, taken]).random((width, size)) < self.share
        strength = xp.reals(np.log(self.gamma) * draw, log_probabilities)
        likelier = xp.falling(-xp.falling(log_probabilities))  # the inverse permutation: ranks
        penalty: Array = strength * xp.floats(likelier)
        return penalty


NONE = Diversity()
"""The plain beam search."""
