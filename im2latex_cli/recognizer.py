"""Pictures in, hypotheses out: where vision, network, search and vocabulary meet.

recognizer = Recognizer.load()
print(recognizer("formula.png").latex)
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli.backends import Backend, load
from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.arrays import kind, on
from im2latex_cli.decoding.batches import halving, plan
from im2latex_cli.decoding.beam import Found, search
from im2latex_cli.decoding.calibration import Calibration, geometric_mean
from im2latex_cli.decoding.diversity import Diversity
from im2latex_cli.decoding.engine import Engine
from im2latex_cli.decoding.grammar_constraint import Grammar, without
from im2latex_cli.decoding.rescaling import read_again
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.latex.automaton import automaton
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.latex.vocab import BOS, EOS, PAD, SPECIALS, UNK, Vocab
from im2latex_cli.settings.sections import DecodeSettings
from im2latex_cli.vision.canvas import UNIT
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.layout import without_number
from im2latex_cli.vision.prepare import Preprocessing, prepare

PRETRAINED = "pretrained"
BUNDLED = Path(__file__).parent / "pretrained"
FALLBACK = Path("results/small")
SHORT, TOKENS_PER_CELL = 32, 2
"""Tokens that any picture may hold, and more for each 16 x 8 pixels. Of 660 real pictures none
had more than 20 and 1.63."""
UNSPOKEN = [PAD, BOS, UNK]
"""Tokens that stand for no LaTeX and do not end a formula."""
CLOSING = 4
"""So near to the greatest length, the grammar has closed a formula that was to go on."""
KINDS = ("best.safetensors", "last.safetensors")
EXPORTED = ("encoder.onnx", "onnx/encoder.onnx")

Picture = Path | str | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A file, its bytes, a stream of them, a Pillow image, or an array: (H, W) grey, (H, W, 3) RGB,
(H, W, 4) RGBA."""
Grey = NDArray[np.uint8]
_Result = TypeVar("_Result")


class Opened(NamedTuple):
    """A picture ready to be read.

    Attributes:
        picture: (H, W) as the network will see it, 255 is paper.
        numbered: an equation number was cut off.
    """

    picture: Grey
    numbered: bool


@dataclass(frozen=True, slots=True)
class Looked:
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


def default_model() -> str:
    """What predict takes where nobody names a model: pretrained if bundled, else results/small."""
    return PRETRAINED if _bundled() else str(FALLBACK)


def find_model(model: str | Path) -> Path:
    """The model file behind `pretrained`, a results folder or a file.

    Raises:
        CheckpointError: no model is bundled, or the folder holds none.
        InputError: nothing is there.
    """
    if str(model) == PRETRAINED:
        if bundled := _bundled():
            return bundled
        raise CheckpointError(
            "This installation bundles no pretrained model.",
            hint="Train a small one with `im2latex run`, or name yours with --model.",
        )
    path = Path(model)
    if path.is_dir():
        kinds = (*KINDS, *EXPORTED)
        found = next((path / kind for kind in kinds if (path / kind).is_file()), None)
        if found is None:
            raise CheckpointError(
                f"{path} holds no {KINDS[0]}.", hint="Name a results folder or a model file."
            )
        return found
    if not path.exists():
        raise InputError(
            f"There is no model at {path}.",
            hint="Train one with `im2latex run`, or name yours with --model.",
        )
    return path


def _bundled() -> Path | None:
    return next(iter(sorted(BUNDLED.glob("*.safetensors"))), None)


class Recognizer:
    """Reads pictures of formulas.

    Attributes:
        name: the model, as the user named it.
        reason: why this backend computes it.
    """

    def __init__(
        self,
        engine: Engine,
        vocab: Vocab,
        preprocessing: Preprocessing,
        *,
        name: str = "model",
        decode: DecodeSettings | None = None,
        calibration: Calibration | None = None,
        reason: str = "given",
    ) -> None:
        self.name = name
        self.vocab = vocab
        self.decode = decode or DecodeSettings()
        self._preprocessing = preprocessing
        self._sure = calibration or geometric_mean
        self.reason = reason
        self._engine = engine
        self._grammar = _grammar(vocab, engine) if self.decode.grammar else None

    @classmethod
    def load(
        cls,
        model: str | Path = PRETRAINED,
        *,
        device: str = "auto",
        decode: DecodeSettings | None = None,
        threads: int | None = None,
        backend: Backend = "auto",
    ) -> Recognizer:
        """Read a model.

        Args:
            model: "pretrained", a results folder, a model file or an exported folder.
            device: "auto", "cpu", "cuda" or "mps".
            decode: how hypotheses are searched.
            threads: CPU threads; None leaves them to the library. With torch they are those of
                the whole process.
            backend: "torch", "onnx" (onnxruntime, on the CPU), or "auto": onnx where that reads
                the same and is installed, else torch.

        Raises:
            CheckpointError: the model cannot be used, or none is bundled.
            InputError: there is no such model.
            UsageError: the device or the backend is not here, or the backend has no graph of
                this model.
        """
        loaded = load(find_model(model), device=device, threads=threads, backend=backend)
        return cls(
            loaded.engine,
            loaded.header.vocab,
            loaded.header.preprocessing,
            name=str(model),
            decode=decode,
            calibration=loaded.header.calibration,
            reason=loaded.reason,
        )

    @property
    def backend(self) -> str:
        """What computes the network: "torch" or "onnx"."""
        return self._engine.name

    def __call__(self, image: Picture) -> Hypothesis:
        """Read one picture: the best hypothesis."""
        return self.batch([image])[0][0]

    def batch(self, images: Sequence[Picture]) -> list[list[Hypothesis]]:
        """Read pictures; for each, up to `decode.nbest` hypotheses, best first.

        An equation number beside the formula is cut off.

        Raises:
            InputError: a picture cannot be read; no other is then read either.
        """
        return self.read(self._pictures(images))

    def _pictures(self, images: Sequence[Picture]) -> list[Grey]:
        return [
            self.open(image, name=_name(image, at)).picture
            for at, image in enumerate(images, start=1)
        ]

    def read(self, pictures: Sequence[Grey]) -> list[list[Hypothesis]]:
        """Like `batch`, for pictures that went through `open` or `prepare`.

        Pictures of like size share batches of `decode.batch_pixels`; where a batch does not fit
        into memory, its halves are tried. Doubtful pictures are read at `decode.scales` too.

        Raises:
            InputError: a picture does not fit into memory.
        """
        asked = self.decode
        return read_again(pictures, self._read, scales=asked.scales, sure=asked.sure)

    def _read(self, pictures: Sequence[Grey]) -> list[list[Hypothesis]]:
        found = self._by_batch(pictures, lambda at: self._search([pictures[i] for i in at]))
        return [
            [self._hypothesis(one, self._most(picture)) for one in some]
            for picture, some in zip(pictures, found, strict=True)
        ]

    def log_likelihoods(
        self, pictures: Sequence[Grey], formulas: Sequence[Sequence[str]]
    ) -> list[float]:
        """Natural log-probability of each formula's tokens and its end, given its picture.

        Pictures are from `open` or `prepare`, and read at their own size only. Tokens outside the
        vocabulary count as the unknown token.
        """
        ids = [[BOS, *self.vocab.encode(tokens), EOS] for tokens in formulas]
        return self._by_batch(
            pictures,
            lambda at: self._engine.likelihoods([pictures[i] for i in at], [ids[i] for i in at]),
        )

    def attention(self, picture: Grey, hypothesis: Hypothesis) -> Looked:
        """Where the network looks while it writes the tokens of `hypothesis`.

        Args:
            picture: from `open` or `prepare`.
            hypothesis: of that picture.
        """
        ids = [BOS, *self.vocab.encode(hypothesis.tokens)]
        with self._engine.running():
            weights = self._engine.attention(picture, ids)[: len(hypothesis.tokens)]
        return Looked(picture, hypothesis.tokens, weights, self._engine.stride)

    def open(self, image: Picture, *, name: str | None = None) -> Opened:
        """As `prepare`, and cut off an equation number beside the formula."""
        picture = self.prepare(image, name=name)
        alone = without_number(picture)
        kept = picture if alone is None else alone
        return Opened(kept, numbered=alone is not None)

    def prepare(self, image: Picture, *, name: str | None = None) -> Grey:
        """Bring a picture into the form that the network was trained on, (H, W) uint8.

        Args:
            image: the picture.
            name: how error messages call it.

        Raises:
            InputError: it cannot be read, or holds nothing.
        """
        name = name or _name(image, 1)
        grey = _grey(image, name=name)
        try:
            return prepare(grey, self._preprocessing)
        except InputError as error:
            raise InputError(f"{name}: {error.args[0]}", hint=error.hint) from error

    def _search(self, pictures: list[Grey]) -> list[list[Found]]:
        engine = self._engine
        state = engine.start(pictures)
        like = on(engine.device)
        start = kind(like).full((len(pictures),), BOS, like)
        most = [self._most(picture) for picture in pictures]
        options = _Options(
            width=self.decode.beam,
            max_steps=max(most),
            eos=EOS,
            length_penalty=self.decode.length_penalty,
            nbest=self.decode.nbest,
            diversity=Diversity(self.decode.div_gamma, self.decode.div_prob),
        )
        if self._grammar is None:
            return search(start, state, without(engine.step, UNSPOKEN), **options)
        placed = self._grammar.start(state, most)
        return search(start, placed, self._grammar.step(engine.step), **options)

    def _most(self, picture: Grey) -> int:
        """Most tokens of a picture's formula, the end included; loops end there."""
        asked = self.decode.max_tokens + 1
        if self._grammar is None:  # without it nothing can be made to end in time
            return asked
        cells: int = math.prod(
            -(-side // unit) for side, unit in zip(picture.shape, UNIT, strict=True)
        )
        return min(asked, SHORT + TOKENS_PER_CELL * cells)

    def _hypothesis(self, found: Found, most: int) -> Hypothesis:
        tokens = tuple(self.vocab.decode(found.ids))
        closed = self._grammar is not None and len(tokens) > most - 1 - CLOSING > 0
        return Hypothesis(
            join(tokens),
            tokens,
            found.score,
            self._sure(found.score, len(found.token_scores)),
            found.token_scores,
            found.truncated or closed,
        )

    def _by_batch(
        self, pictures: Sequence[Grey], work: Callable[[list[int]], Sequence[_Result]]
    ) -> list[_Result]:
        """Run `work` on batches of indices; results in the order of the pictures."""

        def guarded(at: list[int]) -> Sequence[_Result]:
            with self._engine.running():
                return work(at)

        done: dict[int, _Result] = {}
        for indices in plan([picture.shape for picture in pictures], self.decode.batch_pixels):
            for part, results in halving(indices, guarded):
                done.update(zip(part, results, strict=True))
        return [done[at] for at in range(len(pictures))]


class _Options(TypedDict):
    """Keyword arguments of the search."""

    width: int
    max_steps: int
    eos: int
    length_penalty: float
    nbest: int
    diversity: Diversity


def _grammar(vocab: Vocab, engine: Engine) -> Grammar | None:
    """The grammar over a vocabulary; None where the vocabulary cannot spell any formula."""
    grammar = Grammar(automaton(vocab.tokens, specials=len(SPECIALS), eos=EOS), engine.device)
    return grammar if grammar.possible else None


def _grey(image: Picture, *, name: str) -> Grey:
    if isinstance(image, np.ndarray):
        if image.ndim == 2 and image.dtype == np.uint8:
            return image
        image = Image.fromarray(image)
    if isinstance(image, Image.Image):
        held = io.BytesIO()
        image.save(held, "TIFF")
        image = held.getvalue()
    return open_grey(Path(image) if isinstance(image, str) else image, name=name)


def _name(image: Picture, number: int) -> str:
    return str(image) if isinstance(image, str | Path) else f"picture {number}"
