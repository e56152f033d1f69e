"""Pictures in, hypotheses out: where vision, network, search and vocabulary meet.

recognizer = Recognizer.load()
print(recognizer("formula.png").latex)
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from im2latex_cli import checkpoints
from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.latex.automaton import automaton
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.latex.vocab import BOS, EOS, PAD, SPECIALS, UNK, Vocab
from im2latex_cli.model.batches import halving, plan
from im2latex_cli.model.beam import Found, search
from im2latex_cli.model.confidence import Calibration, geometric_mean
from im2latex_cli.model.constrain import Grammar, without
from im2latex_cli.model.device import choose_device
from im2latex_cli.model.inputs import UNIT, to_batch
from im2latex_cli.model.network import Network
from im2latex_cli.settings.sections import DecodeSettings
from im2latex_cli.vision.image import open_grey
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

Picture = Path | str | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A file, its bytes, a stream of them, a Pillow image, or an array: (H, W) grey, (H, W, 3) RGB,
(H, W, 4) RGBA."""
Grey = NDArray[np.uint8]
_Result = TypeVar("_Result")


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
        found = next((path / kind for kind in KINDS if (path / kind).is_file()), None)
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
    """

    def __init__(
        self,
        network: Network,
        vocab: Vocab,
        preprocessing: Preprocessing,
        *,
        name: str = "model",
        device: str | torch.device = "cpu",
        decode: DecodeSettings | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.name = name
        self.vocab = vocab
        self.decode = decode or DecodeSettings()
        self._preprocessing = preprocessing
        self._sure = calibration or geometric_mean
        self._device = torch.device(device)
        self._network = network.to(self._device).eval()
        self._grammar = _grammar(vocab, self._device) if self.decode.grammar else None

    @classmethod
    def load(
        cls,
        model: str | Path = PRETRAINED,
        *,
        device: str = "auto",
        decode: DecodeSettings | None = None,
        threads: int | None = None,
    ) -> Recognizer:
        """Read a model.

        Args:
            model: "pretrained", a results folder or a model file.
            device: "auto", "cpu", "cuda" or "mps".
            decode: how hypotheses are searched.
            threads: CPU threads of torch in the whole process; None leaves them as they are.

        Raises:
            CheckpointError: the model cannot be used, or none is bundled.
            InputError: there is no such model.
            UsageError: the device is not here.
        """
        chosen = choose_device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        file = checkpoints.load(find_model(model))
        return cls(
            file.network(),
            file.vocab,
            file.preprocessing,
            name=str(model),
            device=chosen,
            decode=decode,
            calibration=_calibration(file.info),
        )

    def __call__(self, image: Picture) -> Hypothesis:
        """Read one picture: the best hypothesis."""
        return self.batch([image])[0][0]

    def batch(self, images: Sequence[Picture]) -> list[list[Hypothesis]]:
        """Read pictures; for each, up to `decode.nbest` hypotheses, best first.

        Raises:
            InputError: a picture cannot be read; no other is then read either.
        """
        return self.read(
            [self.prepare(image, name=_name(image, at)) for at, image in enumerate(images, start=1)]
        )

    def read(self, pictures: Sequence[Grey]) -> list[list[Hypothesis]]:
        """Like `batch`, for pictures that went through `prepare`.

        Pictures of like size share batches of `decode.batch_pixels`; where a batch does not fit
        into memory, its halves are tried.

        Raises:
            InputError: a picture does not fit into memory.
        """
        found = self._by_batch(pictures, lambda at: self._search([pictures[i] for i in at]))
        return [
            [self._hypothesis(one, self._most(picture)) for one in some]
            for picture, some in zip(pictures, found, strict=True)
        ]

    def log_likelihoods(
        self, images: Sequence[Picture], formulas: Sequence[Sequence[str]]
    ) -> list[float]:
        """Natural log-probability of each formula's tokens and its end, given its picture.

        Tokens outside the vocabulary count as the unknown token.
        """
        pictures = [
            self.prepare(image, name=_name(image, at)) for at, image in enumerate(images, start=1)
        ]
        ids = [[BOS, *self.vocab.encode(tokens), EOS] for tokens in formulas]
        return self._by_batch(
            pictures, lambda at: self._likelihoods([pictures[i] for i in at], [ids[i] for i in at])
        )

    @torch.inference_mode()
    def attention(self, picture: Grey, hypothesis: Hypothesis) -> Looked:
        """Where the network looks while it writes the tokens of `hypothesis`.

        Args:
            picture: from `prepare`.
            hypothesis: of that picture.
        """
        ids = torch.tensor([[BOS, *self.vocab.encode(hypothesis.tokens)]], device=self._device)
        images, sizes = to_batch([picture])
        memory = self._network.encode(images.to(self._device), sizes)
        logits = self._network.decode(memory, ids).attention[0, : len(hypothesis.tokens)]
        weights = logits.float().softmax(-1).view(-1, *memory.grid).cpu().numpy()
        return Looked(picture, hypothesis.tokens, weights, self._network.stride)

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

    @torch.inference_mode()
    def _search(self, pictures: list[Grey]) -> list[list[Found]]:
        images, sizes = to_batch(pictures)
        state = self._network.start(self._network.encode(images.to(self._device), sizes))
        start = torch.full((len(pictures),), BOS, device=self._device)
        most = [self._most(picture) for picture in pictures]
        options = _Options(
            width=self.decode.beam,
            max_steps=max(most),
            eos=EOS,
            length_penalty=self.decode.length_penalty,
            nbest=self.decode.nbest,
        )
        if self._grammar is None:
            return search(start, state, without(self._network.step, UNSPOKEN), **options)
        placed = self._grammar.start(state, most)
        return search(start, placed, self._grammar.step(self._network.step), **options)

    @torch.inference_mode()
    def _likelihoods(self, pictures: list[Grey], formulas: list[list[int]]) -> list[float]:
        images, sizes = to_batch(pictures)
        lengths = torch.tensor([len(formula) - 1 for formula in formulas])
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(formula) for formula in formulas], batch_first=True
        ).to(self._device)
        memory = self._network.encode(images.to(self._device), sizes)
        scores = self._network.decode(memory, ids[:, :-1]).logits.float().log_softmax(-1)
        chosen = scores.gather(2, ids[:, 1:, None]).squeeze(2).cpu()
        real = torch.arange(chosen.shape[1])[None] < lengths[:, None]
        return [float(total) for total in (chosen * real).sum(1)]

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
        done: dict[int, _Result] = {}
        for indices in plan([picture.shape for picture in pictures], self.decode.batch_pixels):
            for part, results in halving(indices, work):
                done.update(zip(part, results, strict=True))
        return [done[at] for at in range(len(pictures))]


class _Options(TypedDict):
    """Keyword arguments of the search."""

    width: int
    max_steps: int
    eos: int
    length_penalty: float
    nbest: int


def _calibration(info: Mapping[str, Any]) -> Calibration | None:
    fitted = info.get("calibration")
    if fitted is None:
        return None
    try:
        return Calibration.from_json(fitted)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The model's calibration does not hold ({error!r}).", hint="Train the model again."
        ) from error


def _grammar(vocab: Vocab, device: torch.device) -> Grammar | None:
    """The grammar over a vocabulary; None where the vocabulary cannot spell any formula."""
    grammar = Grammar(automaton(vocab.tokens, specials=len(SPECIALS), eos=EOS), device)
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
