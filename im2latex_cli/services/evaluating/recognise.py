"""Read labelled pictures with a model: predictions, and how likely the model finds the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import runs
from im2latex_cli.data.labelled import LabelledPicture
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.errors import InputError
from im2latex_cli.evaluate import intervals
from im2latex_cli.evaluate.suspicion import Suspect, find_suspects
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.models import find_model
from im2latex_cli.recognition.reader import Reader, Reading, Unread
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.report import attention
from im2latex_cli.results import Score
from im2latex_cli.settings.tree import Settings

CHUNK = 64
"""Pictures opened at once."""
ATTENDED = 60
"""Tokens drawn by `attend` at most; a circling reading has hundreds."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a model made of labelled pictures.

    Attributes:
        predictions: one for each picture.
        perplexity: of the labels; None if no picture could be read.
        checked: labels that the model could have written, so that their loss says something.
        suspects: of these, the labels that may be wrong; indices are those of the pictures.
    """

    predictions: list[Prediction]
    perplexity: Score | None
    checked: int
    suspects: list[Suspect]


def recognise(
    settings: Settings, reporter: Reporter, model: str, wanted: Sequence[LabelledPicture]
) -> Recognised:
    """Read pictures with the best hypotheses first.

    Args:
        settings: device, threads and search.
        reporter: shows progress.
        model: pretrained, a results folder or a model file.
        wanted: the pictures; one that cannot be read becomes a prediction with an error.

    Raises:
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    recognizer = _load(settings, model, reporter)
    reader = Reader(recognizer, check=False)
    predictions: list[Prediction] = []
    likelihoods: list[float] = []
    tokens: list[int] = []
    places: list[int] = []
    with reporter.step("Recognise", total=len(wanted)) as step:
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            readings = reader.read_together(map(_unread, chunk))
            predictions.extend(map(_prediction, chunk, readings))
            likely = [
                (reading.picture, row.tokens, place)
                for place, (row, reading) in enumerate(zip(chunk, readings, strict=True), start)
                if reading.picture is not None and reading.error is None
            ]
            if likely:
                pictures, formulas, at = zip(*likely, strict=True)
                likelihoods += recognizer.log_likelihoods(pictures, formulas)
                tokens += [len(formula) + 1 for formula in formulas]
                places += at
            step.advance(len(chunk))
    seed = settings.runtime.seed
    known = set(recognizer.vocab.tokens)
    rows = [
        (place, -likelihood / count, count)
        for place, likelihood, count in zip(places, likelihoods, tokens, strict=True)
        if wanted[place].tokens and known.issuperset(wanted[place].tokens)
    ]
    suspects = find_suspects([loss for _, loss, _ in rows], [count for _, _, count in rows])
    return Recognised(
        predictions,
        perplexity(likelihoods, tokens, seed=seed) if tokens else None,
        checked=len(rows),
        suspects=[replace(suspect, index=rows[suspect.index][0]) for suspect in suspects],
    )


def perplexity(likelihoods: Sequence[float], tokens: Sequence[int], *, seed: int) -> Score:
    """Perplexity of references by token, natural, their ends included.

    Args:
        likelihoods: natural log-likelihood of each picture's reference.
        tokens: how many tokens each has.
        seed: of the bootstrap over pictures.
    """
    table = np.array([likelihoods, tokens], dtype=np.float64).T
    resamples = intervals.resample(table, seed=seed)
    value = math.exp(-table[:, 0].sum() / table[:, 1].sum())
    return Score(value, *intervals.percentile(np.exp(-resamples[:, 0] / resamples[:, 1])))


def attend(settings: Settings, model: str) -> Callable[[Picture, Sequence[str]], bytes | None]:
    """Return a function that draws a model's attention to a picture, token by token, as PNG.

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
        hypothesis = Hypothesis(join(tokens), tuple(tokens), 0.0, 0.0)
        result = recognizer.attention(prepared, hypothesis)
        first = slice(ATTENDED)
        sheet = attention.sheet(
            result.picture, result.tokens[first], result.weights[first], cell=result.cell
        )
        return attention.reduce_sheet(sheet)

    return draw


def _load(settings: Settings, model: str, reporter: Reporter | None = None) -> Recognizer:
    """A recogniser for many pictures: torch reads a known formula at once, a graph token by token.

    An exported model has nothing but its graphs.
    """
    auto = settings.runtime.backend == "auto"
    from_file = auto and find_model(model, reporter).suffix != runs.GRAPH
    return Recognizer.from_settings(settings, model, backend="torch" if from_file else None)


def _unread(row: LabelledPicture) -> Unread:
    try:
        return Unread(row.content(), row.image)
    except InputError as error:
        return Unread(error, row.image)


def _prediction(row: LabelledPicture, reading: Reading) -> Prediction:
    error = reading.error
    return Prediction(
        id=row.id,
        image=row.image,
        reference=row.formula,
        reference_tokens=row.tokens,
        hypotheses=reading.hypotheses,
        error=None if error is None else str(error),
        error_code="input" if error is None else error.code,
        source=row.source,
    )
