"""Search for the likeliest id sequences. Knows scores and ids; no network and no vocabulary.

All hypotheses of all pictures advance together as arrays, torch's or NumPy's as the decoder uses
them (`arrays`); nothing loops over candidates. A constraint on what may follow needs no word here:
wrap `step` so that it sets the log-probability of what is forbidden to minus infinity, and let the
state carry what the constraint remembers.

Diverse beams, whose hypotheses differ by a penalty for the lesser continuations of one hypothesis,
are after Li, Monroe and Jurafsky (2016), "A Simple, Fast Diverse Decoding Algorithm for Neural
Generation", with the strength as a factor and the share of penalised continuations of its own, as
the im2latex of Genthial had them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from im2latex_cli.decoding.arrays import Array, kind
from im2latex_cli.decoding.engine import DecoderState
from im2latex_cli.errors import UsageError


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

    def penalty(self, log_probabilities: Array, length: int) -> Array:
        """What to add to log-probabilities (B, K, V) of the next id, at most 0."""
        xp = kind(log_probabilities)
        _, width, size = log_probabilities.shape
        draw = np.random.default_rng([self.seed, length]).random((width, size)) < self.share
        strength = xp.reals(np.log(self.gamma) * draw, log_probabilities)
        likelier = xp.falling(-xp.falling(log_probabilities))  # the inverse permutation: ranks
        penalty: Array = strength * xp.floats(likelier)
        return penalty


NONE = Diversity()
"""The plain beam search."""


StateT = TypeVar("StateT", bound=DecoderState)
Step = Callable[[Array, StateT], tuple[Array, StateT]]

LOOK = 8
"""Steps between two looks from the host at what has ended, on devices where a look waits."""
CROWDED = 0.75
"""Pictures that ended leave the batch once at most this share is still searching."""


@dataclass(frozen=True, slots=True)
class BeamHypothesis:
    """One hypothesis.

    Attributes:
        ids: without the end.
        score: summed natural log-probability, the end's included.
        token_scores: natural log-probability of each id and, unless truncated, of the end.
        truncated: the search was cut off before the hypothesis ended.
    """

    ids: tuple[int, ...]
    score: float
    token_scores: tuple[float, ...]
    truncated: bool


@dataclass(slots=True)
class _Beam:
    """The K hypotheses of each of B pictures; those that ended never change again.

    Attributes:
        pictures: (B,) place in the caller's batch.
        ids: (B, K, longest) chosen ids. token_scores: their log-probabilities.
        scores: (B, K) sums, minus infinity for slots that hold nothing.
        lengths: (B, K) ids chosen, the end included.
        ended: (B, K) whether the end is chosen or the slot holds nothing.
    """

    pictures: Array
    ids: Array
    token_scores: Array
    scores: Array
    lengths: Array
    ended: Array


def search(
    start: Array,
    state: StateT,
    step: Step[StateT],
    *,
    width: int,
    max_steps: int,
    eos: int,
    length_penalty: float = 1.0,
    nbest: int = 1,
    diversity: Diversity = NONE,
) -> list[list[BeamHypothesis]]:
    """Find up to `nbest` hypotheses for each picture, best first; width 1 is greedy.

    At each step the continuations of living hypotheses and the ended hypotheses of a picture
    compete for its `width` places, ranked by score / length ** length_penalty. The search ends
    when all hypotheses ended, or none alive can still overtake the n-th best ended one. Ended
    hypotheses are better than truncated ones, whatever they score.

    Args:
        start: first ids, (B,).
        state: whatever `step` needs, B rows.
        step: last ids (R,) and state to log-probabilities (R, V) and the next state.
        width: K, hypotheses kept for each picture.
        max_steps: most ids of a hypothesis, the end included.
        eos: id of the end.
        length_penalty: 0 ranks by summed log-probability, 1 by log-probability per id.
        nbest: hypotheses returned for each picture, at most `width`.
        diversity: makes the hypotheses of a picture differ more.

    Raises:
        UsageError: the width is more than the vocabulary, or nbest more than the width.
    """
    if not len(start):
        return []
    log_probabilities, state = step(start, state)
    _check(width, nbest, vocabulary=log_probabilities.shape[1])
    beam = _open(log_probabilities, width=width, max_steps=max_steps, eos=eos)
    state = state.repeat(width)
    rank = _Ranking(length_penalty, nbest, max_steps, diversity)
    look = _interval(start)
    over: list[_Beam] = []
    for length in range(1, max_steps):
        if length % look == 0 and _some_ended(beam):
            ended, going = _sorted_out(rank.going(beam))
            if len(going) <= CROWDED * (len(ended) + len(going)):
                over.append(_keep(beam, kind(start).integers(ended, start)))
                if not going:
                    break
                kept = kind(start).integers(going, start)
                beam, state = _keep(beam, kept), state.select(kept)
        last = beam.ids[:, :, length - 1].reshape(-1)
        log_probabilities, state = step(last, state)
        rows = _advance(beam, log_probabilities.reshape(*beam.scores.shape, -1), length, eos, rank)
        if width > 1:
            state = state.reorder(rows)
    else:
        over.append(beam)
    results = dict(one for part in over for one in _best(part, rank))
    return [results[picture] for picture in range(len(start))]


def _check(width: int, nbest: int, *, vocabulary: int) -> None:
    if nbest > width:
        raise UsageError(
            f"{nbest} hypotheses cannot come from a beam of {width}.",
            hint="Raise decode.beam or lower decode.nbest.",
        )
    if width > vocabulary:
        raise UsageError(
            f"A beam of {width} is wider than the vocabulary of {vocabulary}.",
            hint="Lower decode.beam.",
        )


def _sorted_out(going: Array) -> tuple[list[int], list[int]]:
    """Indices of the pictures that ended and of those that go on; the host's one look."""
    flags = going.tolist()
    ended = [at for at, flag in enumerate(flags) if not flag]
    return ended, [at for at, flag in enumerate(flags) if flag]


def _some_ended(beam: _Beam) -> bool:
    """Whether any hypothesis ended; also where the host would have to wait to know."""
    return kind(beam.ended).waits(beam.ended) or bool(beam.ended.any())


def _ended_stay(log_probabilities: Array, ended: Array, eos: int) -> Array:
    """Log-probabilities (B, K, V) where hypotheses that ended (B, K) can only end again, for 0."""
    xp = kind(log_probabilities)
    only_end = xp.full(log_probabilities.shape[2:], -math.inf, log_probabilities)
    only_end[eos] = 0
    held: Array = xp.where(ended[:, :, None], only_end, log_probabilities)
    return held


def _interval(start: Array) -> int:
    return LOOK if kind(start).waits(start) else 1


@dataclass(frozen=True, slots=True)
class _Ranking:
    """How hypotheses compare, and when a picture's search is over."""

    penalty: float
    nbest: int
    max_steps: int
    diversity: Diversity = NONE

    def value(self, scores: Array, lengths: Array) -> Array:
        """Scores made comparable over lengths."""
        value: Array = scores / kind(scores).floats(lengths) ** self.penalty
        return value

    def going(self, beam: _Beam) -> Array:
        """Pictures (B,) where a living hypothesis may still enter the n best.

        A score only falls, so the best a living hypothesis can reach is its present score spread
        over the greatest length.
        """
        xp = kind(beam.scores)
        values = xp.where(beam.ended, self.value(beam.scores, beam.lengths), -math.inf)
        bar = xp.topk(values, self.nbest)[0][:, -1:]
        hope = xp.where(beam.ended, -math.inf, beam.scores) / self.max_steps**self.penalty
        going: Array = (hope > bar).any(1)
        return going


def _open(log_probabilities: Array, *, width: int, max_steps: int, eos: int) -> _Beam:
    """The beam after the first step: the best first ids of each picture."""
    batch = log_probabilities.shape[0]
    xp = kind(log_probabilities)
    scores, ids = xp.topk(log_probabilities, width)
    history = xp.full((batch, width, max_steps), eos, ids)
    token_scores = xp.full((batch, width, max_steps), 0, scores)
    history[:, :, 0], token_scores[:, :, 0] = ids, scores
    return _Beam(
        xp.arange(batch, ids),
        history,
        token_scores,
        scores,
        xp.full((batch, width), 1, ids),
        (ids == eos) | (scores == -math.inf),
    )


def _advance(beam: _Beam, log_probabilities: Array, length: int, eos: int, rank: _Ranking) -> Array:
    """Add one id to the living hypotheses in place; return the rows (R,) they came from.

    Args:
        beam: changed in place.
        log_probabilities: (B, K, V) of the next id.
        length: ids chosen so far.
        eos: id of the end.
        rank: how candidates compare.
    """
    batch, width, size = log_probabilities.shape
    xp = kind(log_probabilities)
    if _some_ended(beam):
        log_probabilities = _ended_stay(log_probabilities, beam.ended, eos)
    candidates = beam.scores[:, :, None] + log_probabilities
    lengths = beam.lengths + ~beam.ended
    ranked = candidates
    if rank.diversity.active:
        ranked = candidates + rank.diversity.penalty(log_probabilities, length)
    values = rank.value(ranked, lengths[:, :, None])
    chosen = xp.topk(values.reshape(batch, -1), width)[1]
    parent, ids = chosen // size, chosen % size
    beam.ids[:, :, :length] = _pick(beam.ids[:, :, :length], parent)
    beam.token_scores[:, :, :length] = _pick(beam.token_scores[:, :, :length], parent)
    beam.ids[:, :, length] = ids
    beam.token_scores[:, :, length] = xp.gather(log_probabilities.reshape(batch, -1), chosen)
    beam.scores = xp.gather(candidates.reshape(batch, -1), chosen)
    beam.lengths = xp.gather(lengths, parent)
    beam.ended = (ids == eos) | (beam.scores == -math.inf)
    first = xp.arange(batch, parent)[:, None] * width
    rows: Array = (first + parent).reshape(-1)
    return rows


def _pick(history: Array, parent: Array) -> Array:
    """Histories (B, K, T) of the chosen parents (B, K)."""
    picked: Array = kind(history).gather(history, parent)
    return picked


def _keep(beam: _Beam, pictures: Array) -> _Beam:
    return _Beam(
        beam.pictures[pictures],
        beam.ids[pictures],
        beam.token_scores[pictures],
        beam.scores[pictures],
        beam.lengths[pictures],
        beam.ended[pictures],
    )


def _best(beam: _Beam, rank: _Ranking) -> Iterator[tuple[int, list[BeamHypothesis]]]:
    """The n best of each picture, on the host."""
    xp = kind(beam.scores)
    values = xp.where(beam.scores == -math.inf, -math.inf, rank.value(beam.scores, beam.lengths))
    order = xp.falling(values)
    ended = xp.floats(xp.gather(beam.ended, order))
    order = xp.gather(order, xp.falling(ended))[:, : rank.nbest]
    columns = zip(
        beam.pictures.tolist(),
        _pick(beam.ids, order).tolist(),
        _pick(beam.token_scores, order).tolist(),
        xp.gather(beam.scores, order).tolist(),
        xp.gather(beam.lengths, order).tolist(),
        xp.gather(beam.ended, order).tolist(),
        strict=True,
    )
    for picture, *rows in columns:
        yield (
            picture,
            [
                BeamHypothesis(
                    tuple(ids[: length - ended]), total, tuple(scores[:length]), not ended
                )
                for ids, scores, total, length, ended in zip(*rows, strict=True)
                if total > -math.inf
            ],
        )
