"""From prepared pictures to hypotheses: network, search, grammar and vocabulary.

A doubtful picture is read at other sizes too. The size of the text is only estimated, most
uncertainly if there are few glyphs, and a network that hesitates at one size often reads another
without doubt. The size is therefore summed out: the probability of a formula is the mean of its
probabilities at the sizes that were read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.arrays import kind, on
from im2latex_cli.decoding.batches import halving, plan, shares
from im2latex_cli.decoding.beam import BeamHypothesis, Diversity, search
from im2latex_cli.decoding.calibration import Calibration, geometric_mean
from im2latex_cli.decoding.engine import Engine
from im2latex_cli.decoding.grammar_constraint import GrammarConstraint, without
from im2latex_cli.latex.grammar.automaton import automaton
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.latex.vocab import BOS, EOS, PAD, SPECIALS, UNK, Vocab
from im2latex_cli.settings.sections import DecodeSettings
from im2latex_cli.vision.prepare import UNIT, at_least, resize

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


SHORT, TOKENS_PER_CELL = 32, 2
"""Tokens that any picture may hold, and more for each 16 x 8 pixels. Of 660 real pictures none
had more than 20 and 1.63."""
UNSPOKEN = [PAD, BOS, UNK]
"""Tokens that stand for no LaTeX and do not end a formula."""
TRACELESS = ("\\mathopen", "\\mathclose")
"""Commands that are never written: they change spacing by a hair, if at all."""
CLOSING = 4
"""So near to the greatest length, the grammar has closed a formula that was to go on."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class TokenAttention:
    """Where the network looked while it wrote a formula.

    Attributes:
        picture: (H, W) as the network saw it, 255 is paper.
        tokens: T tokens.
        weights: (T, rows, columns), summing to 1 for each token; a cell past the picture has 0.
        cell: height and width of a cell in pixels.
    """

    picture: Grey
    tokens: tuple[str, ...]
    weights: NDArray[np.float32]
    cell: tuple[int, int]


class Decoder:
    """Reads pictures (H, W) that were prepared for its network.

    Args:
        engine: the network.
        vocab: the tokens that it writes.
        grammar: find well-formed formulas only.
        calibration: how scores become confidence; None takes the mean probability of a token.

    Attributes:
        engine, vocab: as given.
    """

    def __init__(
        self, engine: Engine, vocab: Vocab, *, grammar: bool, calibration: Calibration | None = None
    ) -> None:
        self.engine = engine
        self.vocab = vocab
        self._confidence = calibration or geometric_mean
        self._grammar = _grammar(vocab, engine) if grammar else None

    def read(self, pictures: Sequence[Grey], decode: DecodeSettings) -> list[list[Hypothesis]]:
        """Read pictures; for each up to `decode.nbest` hypotheses, best first.

        Pictures of like size share batches of `decode.batch_pixels`; if a batch does not fit into
        memory, its halves are tried. Doubtful pictures are read at `decode.scales` too.

        Raises:
            InputError: a picture does not fit into memory.
        """
        readings = read_again(
            pictures,
            lambda some: self._read(some, decode),
            scales=decode.scales,
            narrow_scales=decode.narrow_scales,
            sure=decode.sure,
            length_penalty=decode.length_penalty,
            confidence=self._confidence,
        )
        return [reading[: decode.nbest] for reading in readings]

    def log_likelihoods(
        self, pictures: Sequence[Grey], formulas: Sequence[Sequence[str]], *, batch_pixels: int
    ) -> list[float]:
        """Natural log-probability of each formula's tokens and its end, given its picture.

        Pictures are read at their own size only. Tokens outside the vocabulary count as the
        unknown token.
        """
        ids = [[BOS, *self.vocab.encode(tokens), EOS] for tokens in formulas]
        return self._by_batch(
            pictures,
            lambda at: self.engine.likelihoods([pictures[i] for i in at], [ids[i] for i in at]),
            batch_pixels,
        )

    def attention(self, picture: Grey, hypothesis: Hypothesis) -> TokenAttention:
        """Where the network looks while it writes the tokens of `hypothesis`."""
        ids = [BOS, *self.vocab.encode(hypothesis.tokens)]
        with self.engine.running():
            weights = self.engine.attention(picture, ids)[: len(hypothesis.tokens)]
        return TokenAttention(picture, hypothesis.tokens, weights, self.engine.stride)

    def _read(self, pictures: Sequence[Grey], decode: DecodeSettings) -> list[list[Hypothesis]]:
        results = self._by_batch(
            pictures,
            lambda at: self._search([pictures[i] for i in at], decode),
            decode.batch_pixels,
        )
        return [
            [self._hypothesis(one, self._most(picture, decode)) for one in some]
            for picture, some in zip(pictures, results, strict=True)
        ]

    def _search(self, pictures: list[Grey], decode: DecodeSettings) -> list[list[BeamHypothesis]]:
        engine = self.engine
        state = engine.start(pictures)
        like = on(engine.device)
        start = kind(like).full((len(pictures),), BOS, like)
        most = [self._most(picture, decode) for picture in pictures]
        options = _Options(
            width=decode.beam,
            max_steps=max(most),
            eos=EOS,
            length_penalty=decode.length_penalty,
            nbest=decode.nbest,
            diversity=Diversity(decode.div_gamma, decode.div_prob),
        )
        if self._grammar is None:
            return search(start, state, without(engine.step, UNSPOKEN), **options)
        placed = self._grammar.start(state, most)
        return search(start, placed, self._grammar.step(engine.step), **options)

    def _most(self, picture: Grey, decode: DecodeSettings) -> int:
        """Most tokens of a picture's formula, the end included; loops end there."""
        asked = decode.max_tokens + 1
        if self._grammar is None:  # without it nothing can be made to end in time
            return asked
        cells: int = math.prod(
            -(-side // unit) for side, unit in zip(picture.shape, UNIT, strict=True)
        )
        return min(asked, SHORT + TOKENS_PER_CELL * cells)

    def _hypothesis(self, found: BeamHypothesis, most: int) -> Hypothesis:
        tokens = tuple(self.vocab.decode(found.ids))
        closed = self._grammar is not None and len(tokens) > most - 1 - CLOSING > 0
        return Hypothesis(
            join(tokens),
            tokens,
            found.score,
            self._confidence(found.score, len(found.token_scores)),
            found.token_scores,
            found.truncated or closed,
        )

    def _by_batch(
        self,
        pictures: Sequence[Grey],
        work: Callable[[list[int]], Sequence[_Result]],
        batch_pixels: int,
    ) -> list[_Result]:
        """Run `work` on batches of indices; results in the order of the pictures.

        The products of a step are too small to be shared by cores: each computes its own batches.
        """

        def guarded(at: list[int]) -> Sequence[_Result]:
            with self.engine.running():
                return work(at)

        def results(batch: list[int]) -> list[tuple[int, _Result]]:
            parts = halving(batch, guarded)
            return [one for part, some in parts for one in zip(part, some, strict=True)]

        shapes, cores = [picture.shape for picture in pictures], self.engine.cores
        groups = plan(shapes, batch_pixels)
        batches = [part for group in groups for part in shares(group, shapes, cores)]
        if cores == 1 or len(batches) == 1:
            done = dict(one for batch in batches for one in results(batch))
        else:
            with self.engine.pool() as pool:
                done = dict(one for some in pool.map(results, batches) for one in some)
        return [done[at] for at in range(len(pictures))]


class _Options(TypedDict):
    """Keyword arguments of the search."""

    width: int
    max_steps: int
    eos: int
    length_penalty: float
    nbest: int
    diversity: Diversity


def _grammar(vocab: Vocab, engine: Engine) -> GrammarConstraint | None:
    """The grammar over a vocabulary; None where the vocabulary cannot spell any formula."""
    tables = automaton(vocab.tokens, specials=len(SPECIALS), eos=EOS)
    roles = np.where(np.isin(vocab.tokens, TRACELESS), tables.roles[PAD], tables.roles)
    grammar = GrammarConstraint(replace(tables, roles=roles), engine.device)
    return grammar if grammar.possible else None
