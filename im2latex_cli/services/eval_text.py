"""im2latex eval-text: recognise a split and score the formulas as text.

Only recognising needs torch, and loads it then: scoring predictions that exist does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import __version__
from im2latex_cli.data import labelled, predictions
from im2latex_cli.data.labelled import Labelled
from im2latex_cli.data.predictions import Prediction
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, UsageError
from im2latex_cli.evaluate import forms, text
from im2latex_cli.evaluate.forms import FORMS, Example, Form
from im2latex_cli.evaluate.text import Interval, TextScores
from im2latex_cli.progress import Reporter
from im2latex_cli.services import examples
from im2latex_cli.settings.tree import Settings
from im2latex_cli.vision.image import open_grey

if TYPE_CHECKING:
    from im2latex_cli.recognizer import Recognizer

DEFAULT_DATA = Path("data/small")
RUNS = Path("results")
PRETRAINED = "pretrained"
MEMORY = "scored on the train split: memory, not skill"
CHUNK = 64
"""Pictures opened at once."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FormRow:
    """The scores in one form."""

    form: Form
    bleu4: float
    edit_similarity: float
    exact_match: float
    bleu4_nltk: float
    edit_similarity_present: float


@dataclass(frozen=True, slots=True)
class EvalTextResult:
    """What eval-text prints: percent, with 95 % bootstrap intervals (low, high).

    Attributes:
        model: the model that read the pictures; None for predictions made elsewhere.
        data: the data set, or the file of references.
        split: the split of the data set.
        predictions: where the predictions are.
        pictures: pictures scored.
        failed: pictures that gave no hypothesis; each counts as an empty one.
        note: what a reader must know before quoting the figures.
        form: the form of the figures that follow.
        perplexity: of the references, teacher-forced; never below 1.
        forms: the same predictions in every form.
        exit_code: 0, or 7 where pictures failed.
    """

    model: str | None
    data: str
    split: str | None
    predictions: str
    pictures: int
    failed: int
    note: str | None
    form: Form
    bleu4: float
    bleu4_interval: Interval
    edit_similarity: float
    edit_similarity_interval: Interval
    exact_match: float
    exact_match_interval: Interval
    perplexity: float | None
    bleu4_nltk: float
    edit_similarity_present: float
    forms: tuple[FormRow, ...]
    exit_code: int = EXIT_OK


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    model: str | None = None,
    data: Path | None = None,
    output: Path | None = None,
    references: Path | None = None,
    hypotheses: Path | None = None,
) -> EvalTextResult:
    """Recognise a split and score it, or score hypotheses that exist.

    Args:
        settings: the settings tree.
        reporter: where progress goes.
        model: pretrained, a results folder or a model file; None takes the run that belongs to
            the data set, else pretrained.
        data: data set folder, imagefolder or .tar of one; None is data/small.
        output: folder of the predictions; None is the model's run folder.
        references: file of references (.txt, .tsv, .jsonl), for hypotheses without their own.
        hypotheses: file or folder of hypotheses; nothing is recognised.

    Raises:
        InputError: nothing to score.
        UsageError: references without hypotheses.
        CheckpointError: the model cannot be used.
    """
    if hypotheses is not None:
        return _score_existing(settings, references, hypotheses)
    if references is not None:
        raise UsageError("--references needs --hypotheses: the formulas to score against them.")
    data = data or DEFAULT_DATA
    split = settings.evaluate.split
    wanted = labelled.read(data, split, spacing=settings.latex.spacing)[: settings.evaluate.limit]
    name = model or default_model(data)
    folder = output or _folder_of(name, data)
    reporter.info(f"Model: {name}. Data: {data}, split {split}.")
    made, perplexity = _recognise(settings, reporter, name, wanted)
    meta = {
        "format": 1,
        "package": __version__,
        "model": name,
        "data": str(data),
        "split": split,
        "pictures": len(made),
        "failed": sum(not row.hypotheses for row in made),
        "perplexity": perplexity,
        "decode": settings.decode.model_dump(mode="json"),
    }
    predictions.write(folder, made, meta)
    return _result(
        settings,
        [examples.of_prediction(row) for row in made],
        model=name,
        data=str(data),
        split=split,
        written=folder / predictions.ROWS_FILE,
        perplexity=perplexity,
        exit_code=EXIT_PARTIAL if meta["failed"] else EXIT_OK,
    )


def default_model(data: Path) -> str:
    """The run that belongs to a data set where there is one, else the pretrained model."""
    run_folder = RUNS / data.name
    trained = any((run_folder / f"{kind}.safetensors").is_file() for kind in ("best", "last"))
    return str(run_folder) if trained else PRETRAINED


def _folder_of(model: str, data: Path) -> Path:
    """The run folder of a model; the pretrained model gets a folder for each data set."""
    path = Path(model)
    if model == PRETRAINED or not path.exists():
        return RUNS / f"{data.stem}-{PRETRAINED}"
    return path if path.is_dir() else path.parent


def _recognise(
    settings: Settings, reporter: Reporter, model: str, wanted: Sequence[Labelled]
) -> tuple[list[Prediction], float | None]:
    from im2latex_cli.recognizer import Recognizer

    recognizer = Recognizer.load(model, device=settings.runtime.device, decode=settings.decode)
    made: list[Prediction] = []
    likelihood, tokens = 0.0, 0
    with reporter.step("Recognise", total=len(wanted)) as step:
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            pictures, errors = _open(chunk)
            read = dict(_read(recognizer, pictures, errors))
            made.extend(_prediction(row, at, read, errors) for at, row in enumerate(chunk))
            likely = [(pictures[at], chunk[at].tokens) for at in read]
            likelihood += sum(
                recognizer.log_likelihoods(*zip(*likely, strict=True)) if likely else ()
            )
            tokens += sum(len(formula) + 1 for _, formula in likely)
            step.advance(len(chunk))
    return made, math.exp(-likelihood / tokens) if tokens else None


def _open(chunk: Sequence[Labelled]) -> tuple[dict[int, Picture], dict[int, InputError]]:
    pictures, errors = {}, {}
    for at, row in enumerate(chunk):
        try:
            pictures[at] = open_grey(row.content(), name=row.image)
        except InputError as error:
            errors[at] = error
    return pictures, errors


def _read(
    recognizer: Recognizer, pictures: dict[int, Picture], errors: dict[int, InputError]
) -> Iterator[tuple[int, tuple[predictions.Hypothesis, ...]]]:
    """Read all pictures at once; where that fails, one by one, so that one costs only itself."""
    try:
        found = recognizer.batch(list(pictures.values()))
        yield from zip(pictures, map(tuple, found), strict=True)
    except InputError:
        for at, picture in pictures.items():
            try:
                yield at, tuple(recognizer.batch([picture])[0])
            except InputError as error:
                errors[at] = error


def _prediction(
    row: Labelled,
    at: int,
    read: dict[int, tuple[predictions.Hypothesis, ...]],
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
    )


def _score_existing(
    settings: Settings, references: Path | None, hypotheses: Path
) -> EvalTextResult:
    given = examples.read(references, hypotheses)[: settings.evaluate.limit]
    meta = predictions.read_meta(hypotheses) if references is None else {}
    return _result(
        settings,
        given,
        model=meta.get("model"),
        data=str(meta.get("data", references or hypotheses)),
        split=meta.get("split"),
        written=hypotheses,
        perplexity=meta.get("perplexity"),
    )


def _result(
    settings: Settings,
    scored: Sequence[Example],
    *,
    model: str | None,
    data: str,
    split: str | None,
    written: Path,
    perplexity: float | None,
    exit_code: int = EXIT_OK,
) -> EvalTextResult:
    scores = {form: _scores(settings, scored, form) for form in FORMS}
    main = scores[settings.evaluate.form]
    return EvalTextResult(
        model=model,
        data=data,
        split=split,
        predictions=str(written),
        pictures=main.pairs,
        failed=main.missing,
        note=MEMORY if split == "train" else None,
        form=settings.evaluate.form,
        bleu4=main.bleu4,
        bleu4_interval=main.bleu4_interval,
        edit_similarity=main.edit_similarity,
        edit_similarity_interval=main.edit_similarity_interval,
        exact_match=main.exact_match,
        exact_match_interval=main.exact_match_interval,
        perplexity=perplexity,
        bleu4_nltk=main.bleu4_nltk,
        edit_similarity_present=main.edit_similarity_present,
        forms=tuple(_row(form, found) for form, found in scores.items()),
        exit_code=exit_code,
    )


def _scores(settings: Settings, scored: Sequence[Example], form: Form) -> TextScores:
    return text.score(*forms.tokens_in(form, scored), seed=settings.runtime.seed)


def _row(form: Form, found: TextScores) -> FormRow:
    return FormRow(
        form=form,
        bleu4=found.bleu4,
        edit_similarity=found.edit_similarity,
        exact_match=found.exact_match,
        bleu4_nltk=found.bleu4_nltk,
        edit_similarity_present=found.edit_similarity_present,
    )
