"""im2latex run: build, vocab, train, eval-text, eval-image; run again, it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from im2latex_cli import runs
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL
from im2latex_cli.progress import Reporter
from im2latex_cli.results import DETAIL
from im2latex_cli.services import train, vocab
from im2latex_cli.services.building import build
from im2latex_cli.services.building.build import BuildResult
from im2latex_cli.services.evaluating import eval_image, eval_text
from im2latex_cli.services.evaluating.figures import EvalImageResult, EvalTextResult
from im2latex_cli.services.train import TrainResult
from im2latex_cli.services.vocab import VocabResult
from im2latex_cli.settings.sources import ResolvedSettings


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step and its outcome."""

    step: str
    outcome: str
    where: str


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """What the whole run came to.

    Attributes:
        steps: each step: done now, or there already.
        build, vocab, train, eval_text, eval_image: the results of the steps.
        exit_code: 0, or 7 if a step did only part of its work.
    """

    steps: tuple[StepRow, ...]
    build: BuildResult = field(metadata=DETAIL)
    vocab: VocabResult = field(metadata=DETAIL)
    train: TrainResult = field(metadata=DETAIL)
    eval_text: EvalTextResult
    eval_image: EvalImageResult
    exit_code: int = EXIT_OK


def run(resolved: ResolvedSettings, reporter: Reporter, *, force: bool = False) -> PipelineResult:
    """Run every step; a step whose result is there already only says so.

    Args:
        resolved: the settings; training chooses its preset itself.
        reporter: shows progress.
        force: do every step anew.

    Raises:
        Im2LatexError: of the first step that cannot go on; finished work is kept.
    """
    settings = resolved.settings
    data_set = build.run(settings, reporter, force=force)
    data = Path(data_set.output)
    vocabulary = vocab.run(settings, reporter, data=data)
    folder = Path(settings.train.output or runs.folder_for(data))
    resume = (folder / runs.STATE).is_file() and not force
    training = train.run(resolved, reporter, data=data, resume=resume, force=force)
    texts = eval_text.run(settings, reporter, model=training.output, data=data, reuse=not force)
    images = eval_image.run(settings, reporter, results=Path(training.output))
    results = (data_set, vocabulary, training, texts, images)
    partial = any(getattr(result, "exit_code", EXIT_OK) == EXIT_PARTIAL for result in results)
    return PipelineResult(
        steps=tuple(_rows(data_set, training, texts, images)),
        build=data_set,
        vocab=vocabulary,
        train=training,
        eval_text=texts,
        eval_image=images,
        exit_code=EXIT_PARTIAL if partial else EXIT_OK,
    )


def _rows(
    data_set: BuildResult,
    training: TrainResult,
    texts: EvalTextResult,
    images: EvalImageResult,
) -> Iterator[StepRow]:
    yield StepRow("build", "built" if data_set.built else "was there", data_set.output)
    yield StepRow("vocab", "counted", data_set.output)
    yield StepRow("train", training.status, training.output)
    yield StepRow("eval-text", "was there, scored" if texts.reused else "read", texts.predictions)
    yield StepRow("eval-image", "scored", images.results)
