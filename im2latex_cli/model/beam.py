"""Search for the likeliest id sequences. Knows scores and ids; knows no network and no vocabulary.

All hypotheses of all pictures advance together as tensors; nothing loops over candidates. A
constraint on what may follow needs no word here: wrap `step` so that it sets the log-probability
of what is forbidden to minus infinity, and let the state carry what the constraint remembers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from im2latex_cli.errors import UsageError
from im2latex_cli.model.memory import State

StateT = TypeVar("StateT", bound=State)
Step = Callable[[Tensor, StateT], tuple[Tensor, StateT]]

LOOK = 8
"""Steps between two looks from the host at what has ended, on devices where a look waits."""
CROWDED = 0.75
"""Pictures that ended leave the batch once at most this share is still searching."""


@dataclass(frozen=True, slots=True)
class Found:
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

    pictures: Tensor
    ids: Tensor
    token_scores: Tensor
    scores: Tensor
    lengths: Tensor
    ended: Tensor


def search(
    start: Tensor,
    state: StateT,
    step: Step[StateT],
    *,
    width: int,
    max_steps: int,
    eos: int,
    length_penalty: float = 1.0,
    nbest: int = 1,
) -> list[list[Found]]:
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

    Raises:
        UsageError: the width is more than the vocabulary, or nbest more than the width.
    """
    if not len(start):
        return []
    log_probabilities, state = step(start, state)
    _check(width, nbest, vocabulary=log_probabilities.shape[1])
    beam = _open(log_probabilities, width=width, max_steps=max_steps, eos=eos)
    state = state.repeat(width)
    rank = _Ranking(length_penalty, nbest, max_steps)
    look = _interval(start.device)
    over: list[_Beam] = []
    for taken in range(1, max_steps):
        if taken % look == 0:
            ended, going = _sorted_out(rank.going(beam))
            if len(going) <= CROWDED * (len(ended) + len(going)):
                over.append(_keep(beam, ended))
                if not len(going):
                    break
                beam, state = _keep(beam, going), state.select(going)
        last = beam.ids[:, :, taken - 1].flatten()
        log_probabilities, state = step(last, state)
        rows = _advance(beam, log_probabilities.view(*beam.scores.shape, -1), taken, eos, rank)
        if width > 1:
            state = state.reorder(rows)
    else:
        over.append(beam)
    found = dict(one for part in over for one in _best(part, rank))
    return [found[picture] for picture in range(len(start))]


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


def _sorted_out(going: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the pictures that ended and of those that go on; the host's one look."""
    flags = going.tolist()
    both = ([at for at, flag in enumerate(flags) if flag is wanted] for wanted in (False, True))
    ended, alive = (torch.tensor(some, dtype=torch.int64, device=going.device) for some in both)
    return ended, alive


def _interval(device: torch.device) -> int:
    return 1 if device.type == "cpu" else LOOK


@dataclass(frozen=True, slots=True)
class _Ranking:
    """How hypotheses compare, and when a picture's search is over."""

    penalty: float
    nbest: int
    max_steps: int

    def value(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Scores made comparable over lengths."""
        return scores / lengths.to(scores.dtype) ** self.penalty

    def going(self, beam: _Beam) -> Tensor:
        """Pictures (B,) where a living hypothesis may still enter the n best.

        A score only falls, so the best a living hypothesis can reach is its present score spread
        over the greatest length.
        """
        values = self.value(beam.scores, beam.lengths).masked_fill(~beam.ended, -math.inf)
        bar = values.topk(self.nbest, dim=1).values[:, -1:]
        hope = beam.scores.masked_fill(beam.ended, -math.inf) / self.max_steps**self.penalty
        going: Tensor = (hope > bar).any(dim=1)
        return going


def _open(log_probabilities: Tensor, *, width: int, max_steps: int, eos: int) -> _Beam:
    """The beam after the first step: the best first ids of each picture."""
    batch = log_probabilities.shape[0]
    scores, ids = log_probabilities.topk(width, dim=1)
    history = ids.new_full((batch, width, max_steps), eos)
    token_scores = scores.new_zeros((batch, width, max_steps))
    history[:, :, 0], token_scores[:, :, 0] = ids, scores
    return _Beam(
        torch.arange(batch, device=ids.device),
        history,
        token_scores,
        scores,
        torch.ones_like(ids),
        (ids == eos) | scores.isneginf(),
    )


def _advance(
    beam: _Beam, log_probabilities: Tensor, taken: int, eos: int, rank: _Ranking
) -> Tensor:
    """Add one id to the living hypotheses in place; return the rows (R,) they came from.

    Args:
        beam: changed in place.
        log_probabilities: (B, K, V) of the next id.
        taken: ids chosen so far.
        eos: id of the end.
        rank: how candidates compare.
    """
    batch, width, size = log_probabilities.shape
    only_end = torch.full((size,), -math.inf, device=log_probabilities.device)
    only_end[eos] = 0
    log_probabilities = torch.where(beam.ended[:, :, None], only_end, log_probabilities)
    candidates = beam.scores[:, :, None] + log_probabilities
    lengths = beam.lengths + ~beam.ended
    values = rank.value(candidates, lengths[:, :, None])
    chosen = values.flatten(1).topk(width, dim=1).indices
    parent, ids = chosen // size, chosen % size
    beam.ids[:, :, :taken] = _pick(beam.ids[:, :, :taken], parent)
    beam.token_scores[:, :, :taken] = _pick(beam.token_scores[:, :, :taken], parent)
    beam.ids[:, :, taken] = ids
    beam.token_scores[:, :, taken] = log_probabilities.flatten(1).gather(1, chosen)
    beam.scores = candidates.flatten(1).gather(1, chosen)
    beam.lengths = lengths.gather(1, parent)
    beam.ended = (ids == eos) | beam.scores.isneginf()
    first = torch.arange(batch, device=parent.device)[:, None] * width
    return (first + parent).flatten()


def _pick(history: Tensor, parent: Tensor) -> Tensor:
    """Histories (B, K, T) of the chosen parents (B, K)."""
    return history.gather(1, parent[:, :, None].expand(-1, -1, history.shape[2]))


def _keep(beam: _Beam, pictures: Tensor) -> _Beam:
    return _Beam(
        beam.pictures[pictures],
        beam.ids[pictures],
        beam.token_scores[pictures],
        beam.scores[pictures],
        beam.lengths[pictures],
        beam.ended[pictures],
    )


def _best(beam: _Beam, rank: _Ranking) -> Iterator[tuple[int, list[Found]]]:
    """The n best of each picture, on the host."""
    values = rank.value(beam.scores, beam.lengths).masked_fill(beam.scores.isneginf(), -math.inf)
    order = values.argsort(dim=1, descending=True, stable=True)
    truncated = (~beam.ended).gather(1, order)
    order = order.gather(1, truncated.int().argsort(dim=1, stable=True))[:, : rank.nbest]
    columns = zip(
        beam.pictures.tolist(),
        _pick(beam.ids, order).tolist(),
        _pick(beam.token_scores, order).tolist(),
        beam.scores.gather(1, order).tolist(),
        beam.lengths.gather(1, order).tolist(),
        beam.ended.gather(1, order).tolist(),
        strict=True,
    )
    for picture, *rows in columns:
        yield (
            picture,
            [
                Found(tuple(ids[: length - ended]), total, tuple(scores[:length]), not ended)
                for ids, scores, total, length, ended in zip(*rows, strict=True)
                if total > -math.inf
            ],
        )
