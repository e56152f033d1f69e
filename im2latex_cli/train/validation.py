"""What a network can do right now: greedy readings of some pictures, scored."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from im2latex_cli.decoding.beam import search
from im2latex_cli.decoding.calibration import Calibration, calibration_error
from im2latex_cli.evaluate import text
from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.vocab import BOS, EOS, PAD, Vocab
from im2latex_cli.network.encoder_output import Memory
from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import to_batch
from im2latex_cli.train.batches import Indices, pad_ids, plan
from im2latex_cli.train.distributed import SINGLE_PROCESS, ProcessGroup
from im2latex_cli.train.pack import PackedSplit

SLACK = 1.25, 10
"""A reading may be this many times as long as its reference, plus this many tokens."""

MAX_TOKENS_SHOWN = 12
"""Tokens shown; the others of a longer formula are left out evenly."""

_GAP = 2


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one evaluation; shares are in percent.

    Attributes:
        loss: mean cross-entropy of the next token.
        entropy: mean entropy of the next token's distribution, natural logarithm.
        bleu4: corpus BLEU-4 of the greedy readings.
        edit_similarity: on tokens.
        exact_match: equal token sequences.
        identical: pictures whose reading is the commonest one.
        distinct_references: different formulas among the pictures.
        well_formed: readings that are sound formulas.
        pictures: pictures read.
        examples: index into the split, reference and reading of a few pictures.
        gain: how much smaller the loss is with the right pictures than with those of other
            formulas, per token; NaN if no picture could be swapped.
        calibration: score to confidence, fitted to these readings; None if all are right or
            all are wrong.
        calibration_error: expected calibration error, 0 to 1, of confidences that were fitted to
            the other half of the readings.
    """

    loss: float
    entropy: float
    bleu4: float
    edit_similarity: float
    exact_match: float
    identical: float
    distinct_references: int
    well_formed: float
    pictures: int
    examples: tuple[tuple[int, str, str], ...]
    gain: float = math.nan
    calibration: Calibration | None = None
    calibration_error: float | None = None

    @property
    def rank(self) -> tuple[float, float, float]:
        """The criterion for the best network: edit similarity, exact match, then loss."""
        return (self.edit_similarity, self.exact_match, -self.loss)

    def row(self) -> dict[str, float | int | str]:
        """The figures by name, for logs."""
        error = self.calibration_error
        return {
            "loss": self.loss,
            "perplexity": float(np.exp(min(self.loss, 50.0))),
            "entropy": self.entropy,
            "bleu4": self.bleu4,
            "edit_similarity": self.edit_similarity,
            "exact_match": self.exact_match,
            "identical": self.identical,
            "well_formed": self.well_formed,
            **({} if math.isnan(self.gain) else {"gain": self.gain}),
            **({} if error is None else {"calibration_error": error}),
        }


def choose(packed: PackedSplit, limit: int, *, seed: int) -> NDArray[np.int64]:
    """At most `limit` pictures of a split, the same at every evaluation."""
    order = np.random.default_rng([seed, 3]).permutation(len(packed))
    return np.sort(order[:limit])


@torch.no_grad()
def evaluate(
    network: Network,
    packed: PackedSplit,
    selection: NDArray[np.int64],
    *,
    vocab: Vocab,
    pixels: int,
    max_tokens: int,
    device: torch.device,
    examples: int = 4,
    processes: ProcessGroup = SINGLE_PROCESS,
) -> Evaluation:
    """Read pictures greedily and score the readings.

    Args:
        network: in any mode; left in evaluation mode.
        packed: the split.
        selection: the pictures, as indices into the split.
        vocab: tokens of the ids.
        pixels: most pixels in a batch.
        max_tokens: longest reading.
        device: that of the network.
        examples: pictures to keep as examples.
        processes: every process reads its share, and all get the figures of the whole.
    """
    network.eval()
    mine = _Share()
    batches = plan(
        selection[processes.rank :: processes.size],
        packed,
        pictures=64,
        pixels=pixels,
        tokens=20_000,
        random=np.random.default_rng(0),
    )
    for indices in batches:
        formulas = [packed.formula(index) for index in indices]
        images, sizes = to_batch([packed.picture(index) for index in indices])
        memory = network.encode(images.to(device), sizes)
        mine.judge(network, memory, pad_ids(formulas).to(device))
        longest = int(max(map(len, formulas)) * SLACK[0]) + SLACK[1]
        mine.read(network, memory, indices, max_tokens=min(max_tokens, longest))
    shares = processes.gather(mine)
    tokens = sum(share.tokens for share in shares)
    return _evaluation(
        packed,
        vocab,
        {index: reading for share in shares for index, reading in share.readings.items()},
        loss=sum(share.loss for share in shares) / tokens,
        entropy=sum(share.entropy for share in shares) / tokens,
        gain=_mean(sum(share.gain for share in shares), sum(share.swapped for share in shares)),
        examples=examples,
    )


@torch.no_grad()
def label_losses(
    network: Network,
    packed: PackedSplit,
    selection: NDArray[np.int64],
    *,
    pixels: int,
    device: torch.device,
) -> NDArray[np.float64]:
    """(N,) the cross-entropy per token of each chosen picture's label, in nats.

    Args:
        network: in any mode; left in evaluation mode.
        packed: the split.
        selection: (N,) the pictures, as indices into the split.
        pixels: most pixels in a batch.
        device: where the network is.
    """
    network.eval()
    losses = dict.fromkeys(map(int, selection), 0.0)
    random = np.random.default_rng(0)
    for indices in plan(
        selection, packed, pictures=64, pixels=pixels, tokens=20_000, random=random
    ):
        images, sizes = to_batch([packed.picture(index) for index in indices])
        memory = network.encode(images.to(device), sizes)
        ids = pad_ids([packed.formula(index) for index in indices]).to(device)
        real = ids[:, 1:] != PAD
        right = _logs(network, memory, ids).gather(2, ids[:, 1:, None])[..., 0]
        means = -(right * real).sum(1) / real.sum(1)
        losses.update(zip(map(int, indices), map(float, means), strict=True))
    return np.array([losses[int(index)] for index in selection])


@dataclass(frozen=True, slots=True)
class _Reading:
    """The ids of one reading, their summed log-probability and how many numbers that sums."""

    ids: list[int]
    score: float = 0.0
    steps: int = 0


def _logs(network: Network, memory: Memory, ids: Tensor) -> Tensor:
    """(B, T, V) log-probabilities of the token after each of the ids (B, T + 1) but the last."""
    return network.decode(memory, ids[:, :-1]).logits.float().log_softmax(-1)


@dataclass(slots=True)
class _Share:
    """The share of one process: sums over its pictures, and their readings."""

    loss: float = 0.0
    entropy: float = 0.0
    tokens: int = 0
    gain: float = 0.0
    swapped: int = 0
    readings: dict[int, _Reading] = field(default_factory=dict)

    def judge(self, network: Network, memory: Memory, ids: Tensor) -> None:
        """Add up the log-probabilities of the right formulas, (B, T + 1) ids."""
        logs, real = _logs(network, memory, ids), ids[:, 1:] != PAD
        right = logs.gather(2, ids[:, 1:, None])[..., 0][real].sum()
        self.loss -= float(right)
        self.entropy -= float((logs.exp() * logs).sum(-1)[real].sum())
        self.tokens += int(real.sum())
        if len(ids) > 1:
            other = replace(
                memory, features=memory.features.roll(1, 0), mask=memory.mask.roll(1, 0)
            )
            wrong = _logs(network, other, ids).gather(2, ids[:, 1:, None])[..., 0][real].sum()
            self.gain += float(right - wrong)
            self.swapped += int(real.sum())

    def read(self, network: Network, memory: Memory, indices: Indices, *, max_tokens: int) -> None:
        """Read the pictures greedily, in at most `max_tokens` steps."""
        results = search(
            torch.full((len(indices),), BOS, device=memory.features.device),
            network.start(memory),
            network.step,
            width=1,
            max_steps=max_tokens,
            eos=EOS,
            length_penalty=1.0,
            nbest=1,
        )
        for index, hypotheses in zip(indices, results, strict=True):
            best = hypotheses[0] if hypotheses else None
            self.readings[int(index)] = (
                _Reading([int(i) for i in best.ids], best.score, len(best.token_scores))
                if best
                else _Reading([])
            )


def _evaluation(
    packed: PackedSplit,
    vocab: Vocab,
    readings: dict[int, _Reading],
    *,
    loss: float,
    entropy: float,
    gain: float,
    examples: int,
) -> Evaluation:
    order = sorted(readings)
    references = [vocab.decode(packed.formula(index)) for index in order]
    hypotheses = [vocab.decode(readings[index].ids) for index in order]
    right = [a == b for a, b in zip(references, hypotheses, strict=True)]
    calibration, error = calibrate([readings[index] for index in order], right)
    scores = text.score(references, hypotheses, rounds=1)
    sample = np.linspace(0, len(order) - 1, min(examples, len(order))).astype(int)
    return Evaluation(
        loss=loss,
        entropy=entropy,
        bleu4=scores.bleu4,
        edit_similarity=scores.edit_similarity,
        exact_match=scores.exact_match,
        identical=100.0 * commonest(hypotheses) / len(hypotheses),
        distinct_references=len({tuple(tokens) for tokens in references}),
        well_formed=100.0 * sum(check(tokens) is None for tokens in hypotheses) / len(hypotheses),
        pictures=len(order),
        examples=tuple(
            (order[i], " ".join(references[i]), " ".join(hypotheses[i])) for i in map(int, sample)
        ),
        gain=gain,
        calibration=calibration,
        calibration_error=error,
    )


def _mean(total: float, count: int) -> float:
    return total / count if count else math.nan


class ScoredReading(Protocol):
    """A reading: its summed log-probability, and over how many steps."""

    @property
    def score(self) -> float:
        """Natural logarithm."""

    @property
    def steps(self) -> int:
        """The end included."""


def calibrate(
    readings: Sequence[ScoredReading], right: Sequence[bool]
) -> tuple[Calibration | None, float | None]:
    """Calibrate confidences on all readings; the error comes from fits to the other half.

    Args:
        readings: scores of the readings.
        right: whether each reading is right.
    """

    def fit(places: Sequence[int]) -> Calibration | None:
        subset = [readings[place] for place in places]
        return Calibration.fit(
            [reading.score for reading in subset],
            [reading.steps for reading in subset],
            [right[i] for i in places],
        )

    halves = [range(first, len(readings), 2) for first in (0, 1)]
    fits = [fit(half) for half in halves]
    calibration = fit(range(len(readings)))
    confidences, truth = [], []
    for half, other in zip(halves, reversed(fits), strict=True):
        if other is None:
            return calibration, None
        confidences += [other(readings[place].score, readings[place].steps) for place in half]
        truth += [right[place] for place in half]
    return calibration, calibration_error(confidences, truth)


def commonest(readings: Sequence[Sequence[str]]) -> int:
    """How often the commonest reading occurs."""
    return Counter(tuple(reading) for reading in readings).most_common(1)[0][1]


@torch.no_grad()
def attention_map(
    network: Network, picture: NDArray[np.uint8], formula: list[int], *, device: torch.device
) -> NDArray[np.uint8]:
    """Draw the picture once for each token, with the attention of the head in red.

    Args:
        network: left in evaluation mode.
        picture: (H, W) grey.
        formula: its token ids, without begin and end.
        device: that of the network.

    Returns:
        (3, rows * (H + 2), W) RGB, one row for each token, from top to bottom.
    """
    network.eval()
    images, sizes = to_batch([picture])
    memory = network.encode(images.to(device), sizes)
    decoded = network.decode(memory, pad_ids([formula]).to(device)[:, :-1])
    logits = decoded.attention[0].float().nan_to_num()  # of a network that has broken down
    weights = logits.softmax(-1).view(-1, *memory.grid).cpu().numpy()
    steps = np.unique(
        np.linspace(0, len(formula), min(MAX_TOKENS_SHOWN, len(formula) + 1)).astype(int)
    )
    return np.concatenate(
        [_overlay(picture, weights[step], network.stride) for step in steps], axis=1
    )


def _overlay(
    picture: NDArray[np.uint8], weights: NDArray[np.float32], cell: tuple[int, int]
) -> NDArray[np.uint8]:
    """(3, H + 2, W): the picture on red of the strength of the weights, the strongest full."""
    height, width = picture.shape
    wide = np.kron(weights / max(float(weights.max()), 1e-9), np.ones(cell, np.float32))
    paper = 1.0 - wide[:height, :width]
    grey = picture.astype(np.float32)
    overlay = np.stack([grey, grey * paper, grey * paper]).astype(np.uint8)
    return np.pad(overlay, ((0, 0), (0, _GAP), (0, 0)), constant_values=128)
