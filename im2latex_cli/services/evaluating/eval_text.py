"""im2latex eval-text: recognise a split and score the formulas as text.

Only recognising needs torch, and loads it then: scoring predictions that exist does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import runs
from im2latex_cli._version import __version__
from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.data.store import MANIFEST
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, UsageError
from im2latex_cli.evaluate import breakdown, forms, intervals, text
from im2latex_cli.evaluate.forms import FORMS, Form
from im2latex_cli.evaluate.text import StyleScores, TextScores
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.models import (
    PRETRAINED,
    default_model_for,
    find_model,
    short_name,
)
from im2latex_cli.recognition.reader import InputPicture, Reader, Reading
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.report import attention
from im2latex_cli.results import Score
from im2latex_cli.services.evaluating.figures import EvalTextResult, FormRow
from im2latex_cli.services.evaluating.inputs import (
    LabelledPicture,
    check_hypotheses,
    read_examples,
    read_labelled,
)
from im2latex_cli.services.evaluating.report import Attend, write_text_page
from im2latex_cli.services.suspicious import Suspect, SuspectLabel, find_suspects, write_suspects
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import encode_png
from im2latex_cli.vision.image import open_grey

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
    settings: Settings, reporter: Reporter, model: str, labelled: Sequence[LabelledPicture]
) -> Recognised:
    """Read pictures with the best hypotheses first.

    Args:
        settings: device, threads and search.
        reporter: shows progress.
        model: pretrained, a results folder or a model file.
        labelled: the pictures; one that cannot be read becomes a prediction with an error.

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
    with reporter.step("Recognise", total=len(labelled)) as step:
        for start in range(0, len(labelled), CHUNK):
            chunk = labelled[start : start + CHUNK]
            readings = reader.read_together(map(_unread, chunk))
            predictions.extend(map(_prediction, chunk, readings))
            likely = [
                (reading.picture, row.tokens, place)
                for place, (row, reading) in enumerate(zip(chunk, readings, strict=True), start)
                if reading.picture is not None and reading.error is None
            ]
            if likely:
                pictures, formulas, indices = zip(*likely, strict=True)
                likelihoods += recognizer.log_likelihoods(pictures, formulas)
                tokens += [len(formula) + 1 for formula in formulas]
                places += indices
            step.advance(len(chunk))
    seed = settings.runtime.seed
    vocabulary = set(recognizer.vocab.tokens)
    rows = [
        (place, -likelihood / count, count)
        for place, likelihood, count in zip(places, likelihoods, tokens, strict=True)
        if labelled[place].tokens and vocabulary.issuperset(labelled[place].tokens)
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


def attend(settings: Settings, model: str) -> Attend:
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


def _unread(row: LabelledPicture) -> InputPicture:
    try:
        return InputPicture(row.content(), row.image)
    except InputError as error:
        return InputPicture(error, row.image)


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


FORMAT = 1
MEMORY = "scored on the train split: memory, not skill"
HEADLINE = (
    "bleu4",
    "edit_similarity",
    "exact_match",
    "bleu4_nltk",
    "edit_similarity_present",
)
"""Figures of the chosen form that the result carries."""


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    model: str | None = None,
    data: Path | None = None,
    output: Path | None = None,
    references: Path | None = None,
    hypotheses: Path | None = None,
    reuse: bool = False,
) -> EvalTextResult:
    """Recognise a split and score it, or score hypotheses that exist.

    Args:
        settings: the settings tree.
        reporter: shows progress.
        model: pretrained, a results folder or a model file; None takes the run that belongs to
            the data set, else pretrained.
        data: data set folder, imagefolder or .tar of one; None is data/small.
        output: folder of the predictions; None is the model's run folder.
        references: file of references (.txt, .tsv, .jsonl), for hypotheses without their own.
        hypotheses: file or folder of hypotheses; nothing is recognised.
        reuse: take predictions that are there, made by the same model with the same settings.

    Raises:
        InputError: nothing to score.
        UsageError: references without hypotheses.
        CheckpointError: the model cannot be used.
    """
    check_hypotheses(hypotheses)
    if hypotheses is not None:
        return _score_existing(settings, references, hypotheses, warn=reporter.warn)
    if references is not None:
        raise UsageError("`references` needs `hypotheses`: the formulas to score against them.")
    data = data or runs.SMALL_DATA
    split = settings.evaluate.split
    pictures = read_labelled(data, split, spacing=settings.latex.spacing)[: settings.evaluate.limit]
    name = model or default_model_for(data)
    folder = output or _folder_of(name, data)
    reporter.info(f"Model: {name}. Data: {data}, split {split}. Predictions: {folder}.")
    request = _request(settings, name, data, pictures, reporter)
    if reuse and _has_predictions(folder, request):
        return replace(_score_existing(settings, None, folder, model=name), reused=True)
    _recognise(settings, reporter, folder, request, pictures)
    return _score_existing(settings, None, folder, model=name)


def _recognise(
    settings: Settings,
    reporter: Reporter,
    folder: Path,
    request: dict[str, Any],
    pictures: Sequence[LabelledPicture],
) -> None:
    result = recognise(settings, reporter, request["model"], pictures)
    rows, perplexity = result.predictions, result.perplexity
    for row in rows:
        if row.error is not None:
            reporter.warn(row.error)
    meta = {
        "format": FORMAT,
        "package": __version__,
        **request,
        "pictures": len(rows),
        "failed": sum(not row.hypotheses for row in rows),
        "perplexity": None if perplexity is None else perplexity.value,
        "perplexity_interval": None if perplexity is None else perplexity.interval,
        "suspicious": len(result.suspects),
    }
    write_suspects(
        folder,
        request["split"],
        result.suspects,
        lambda index: _label(pictures[index], rows[index]),
        checked=result.checked,
        reporter=reporter,
    )
    predictions.write(folder, rows, meta)


def _label(row: LabelledPicture, prediction: Prediction) -> SuspectLabel:
    def picture() -> bytes:
        try:
            return encode_png(open_grey(row.content(), name=row.id))
        except InputError:
            return b""

    best = prediction.hypotheses[:1]
    return SuspectLabel(row.id, row.formula, picture, best[0].latex if best else "")


def _request(
    settings: Settings,
    model: str,
    data: Path,
    pictures: Sequence[LabelledPicture],
    reporter: Reporter,
) -> dict[str, Any]:
    """All that the predictions depend on."""
    content = sha256()
    if (data / MANIFEST).is_file():
        content.update((data / MANIFEST).read_bytes())
    for row in pictures:
        content.update(f"{row.id}\0{row.formula}\n".encode())
    return {
        "model": model,
        "model_sha256": sha256(find_model(model, reporter).read_bytes()).hexdigest(),
        "data": str(data),
        "data_sha256": content.hexdigest(),
        "split": settings.evaluate.split,
        "decode": settings.decode.model_dump(mode="json"),
    }


def _has_predictions(folder: Path, request: dict[str, Any]) -> bool:
    """Whether the folder holds just these predictions, none of them failed."""
    if not (folder / predictions.ROWS_FILE).is_file():
        return False
    meta = predictions.read_meta(folder)
    return not meta.get("failed") and all(meta.get(name) == request[name] for name in request)


def _folder_of(model: str, data: Path) -> Path:
    """The run folder of a model; one without a folder gets one for each data set."""
    path = Path(model.partition("#sha256=")[0])
    if model == PRETRAINED or not path.exists():
        return runs.RESULTS / f"{data.stem}-{short_name(model)}"
    return path if path.is_dir() else path.parent


def _score_existing(
    settings: Settings,
    references: Path | None,
    hypotheses: Path,
    *,
    model: str | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> EvalTextResult:
    """Score a file; with `model`, which made it, the page shows where that looked."""
    examples = read_examples(references, hypotheses, warn=warn)[: settings.evaluate.limit]
    meta = predictions.read_meta(hypotheses) if references is None else {}
    form = settings.evaluate.form
    scores = {
        name: text.score(*forms.tokens_in(name, examples), seed=settings.runtime.seed)
        for name in FORMS
    }
    main, tokens = scores[form], forms.tokens_in(form, examples)
    figures = {name: getattr(main, name) for name in HEADLINE}
    result = EvalTextResult(
        model=meta.get("model"),
        data=str(meta.get("data", references or hypotheses)),
        split=meta.get("split"),
        predictions=str(hypotheses),
        pictures=main.pairs,
        failed=main.missing,
        note=MEMORY if meta.get("split") == "train" else None,
        form=form,
        perplexity=_perplexity(meta),
        suspicious=meta.get("suspicious"),
        forms=tuple(_row(name, form_scores) for name, form_scores in scores.items()),
        styles=_styles(*tokens),
        groups=breakdown.groups(*tokens, [row.source for row in examples]),
        confusions=breakdown.confusions(*tokens),
        report=settings.evaluate.report,
        exit_code=EXIT_PARTIAL if meta.get("failed") else EXIT_OK,
        **figures,
    )
    if settings.evaluate.report:
        draw = None if model is None else attend(settings, model)
        write_text_page(Path(settings.evaluate.report), settings, result, examples, attend=draw)
    return result


def _perplexity(meta: dict[str, Any]) -> Score | None:
    match meta.get("perplexity"), meta.get("perplexity_interval"):
        case float(value), [float(low), float(high)]:
            return Score(value, low, high)
        case float(value), _:
            return Score(value)
        case _:
            return None


def _styles(
    references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str] | None]
) -> StyleScores:
    return text.style_scores(
        [join(tokens) for tokens in references],
        [None if tokens is None else join(tokens) for tokens in hypotheses],
    )


def _row(form: Form, scores: TextScores) -> FormRow:
    return FormRow(
        form=form,
        bleu4=scores.bleu4.value,
        edit_similarity=scores.edit_similarity.value,
        exact_match=scores.exact_match.value,
        bleu4_nltk=scores.bleu4_nltk.value,
        edit_similarity_present=scores.edit_similarity_present.value,
    )
