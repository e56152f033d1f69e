"""Read labelled pictures with a model: predictions, and how likely the model finds the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.data.labelled import Labelled
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.errors import InputError
from im2latex_cli.evaluate import intervals
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.progress import Reporter
from im2latex_cli.recognizer import Recognizer, find_model
from im2latex_cli.report import attention
from im2latex_cli.settings.tree import Settings

CHUNK = 64
"""Pictures opened at once."""
ATTENDED = 60
"""Tokens drawn by `attend` at most; a circling reading has hundreds."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Of the references (natural, by token, their ends included), with its 95 % interval."""

    value: float
    interval: tuple[float, float]

    @classmethod
    def of(cls, likelihoods: Sequence[float], tokens: Sequence[int], *, seed: int) -> Perplexity:
        """From the natural log-likelihood and the number of tokens of each picture."""
        table = np.array([likelihoods, tokens], dtype=np.float64).T
        drawn = intervals.resample(table, seed=seed)
        return cls(
            value=math.exp(-table[:, 0].sum() / table[:, 1].sum()),
            interval=intervals.percentile(np.exp(-drawn[:, 0] / drawn[:, 1])),
        )


def recognise(
    settings: Settings, reporter: Reporter, model: str, wanted: Sequence[Labelled]
) -> tuple[list[Prediction], Perplexity | None]:
    """Read pictures with the best hypotheses first.

    Args:
        settings: device, threads and search.
        reporter: told about progress.
        model: pretrained, a results folder or a model file.
        wanted: the pictures; one that cannot be read becomes a prediction with an error.

    Returns:
        A prediction for each picture, and the perplexity; None where no picture could be read.

    Raises:
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    recognizer = _load(settings, model)
    made: list[Prediction] = []
    likelihoods: list[float] = []
    tokens: list[int] = []
    with reporter.step("Recognise", total=len(wanted)) as step:
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            pictures, errors = _open(recognizer, chunk)
            read = dict(_read(recognizer, pictures, errors)) if pictures else {}
            made.extend(_prediction(row, at, read, errors) for at, row in enumerate(chunk))
            likely = [(pictures[at], chunk[at].tokens) for at in read]
            if likely:
                likelihoods += recognizer.log_likelihoods(*zip(*likely, strict=True))
            tokens += [len(formula) + 1 for _, formula in likely]
            step.advance(len(chunk))
    seed = settings.runtime.seed
    return made, Perplexity.of(likelihoods, tokens, seed=seed) if tokens else None


def attend(settings: Settings, model: str) -> Callable[[Picture, Sequence[str]], bytes | None]:
    """Return what draws where a model looks in a picture while it writes tokens, as PNG.

    It gives None for a picture that cannot be read.

    Raises:
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    recognizer = _load(settings, model)

    def draw(picture: Picture, tokens: Sequence[str]) -> bytes | None:
        try:
            prepared = recognizer.open(picture).picture
        except InputError:
            return None
        written = Hypothesis(join(tokens), tuple(tokens), 0.0, 0.0)
        looked = recognizer.attention(prepared, written)
        first = slice(ATTENDED)
        drawn = attention.sheet(
            looked.picture, looked.tokens[first], looked.weights[first], cell=looked.cell
        )
        return attention.reduced(drawn)

    return draw


def _load(settings: Settings, model: str) -> Recognizer:
    """A recogniser for many pictures: torch reads a known formula at once, a graph token by token.

    An exported model has nothing but its graphs.
    """
    backend = settings.runtime.backend
    if backend == "auto" and find_model(model).suffix == ".safetensors":
        backend = "torch"
    return Recognizer.load(
        model,
        device=settings.runtime.device,
        decode=settings.decode,
        threads=settings.runtime.threads,
        backend=backend,
    )


def _open(
    recognizer: Recognizer, chunk: Sequence[Labelled]
) -> tuple[dict[int, Picture], dict[int, InputError]]:
    """The pictures as the network will see them, and what is wrong with the others."""
    pictures, errors = {}, {}
    for at, row in enumerate(chunk):
        try:
            pictures[at] = recognizer.open(row.content(), name=row.image).picture
        except InputError as error:
            errors[at] = error
    return pictures, errors


def _read(
    recognizer: Recognizer, pictures: dict[int, Picture], errors: dict[int, InputError]
) -> Iterator[tuple[int, tuple[Hypothesis, ...]]]:
    """Read all pictures at once; where that fails, one by one, so that one costs only itself."""
    try:
        found = recognizer.read(list(pictures.values()))
        yield from zip(pictures, map(tuple, found), strict=True)
    except InputError:
        for at, picture in pictures.items():
            try:
                yield at, tuple(recognizer.read([picture])[0])
            except InputError as error:
                errors[at] = error


def _prediction(
    row: Labelled,
    at: int,
    read: dict[int, tuple[Hypothesis, ...]],
    errors: dict[int, InputError],
) -> Prediction:
    error = errors.get(at)
    return Prediction(
        id=row.id,
        image=row.image,
        reference=row.formula,
        reference_tokens=row.tokens,
        hypotheses=read.get(at, ()),
        error=None if error is None else str(error),
        error_code="input" if error is None else error.code,
        source=row.source,
    )
