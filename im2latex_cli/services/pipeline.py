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
from im2latex_cli.settings.resolve import ResolvedSettings


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step and what became of it."""

    step: str
    outcome: str
    where: str


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """What the whole run came to.

    Attributes:
        steps: each step: done now, or there already.
        build, vocab, train, eval_text, eval_image: the results of the steps.
        exit_code: 0, or 7 where a step did only part of its work.
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
        reporter: where progress goes.
        force: do every step anew.

    Raises:
        Im2LatexError: of the first step that cannot go on; what is done is kept.
    """
    settings = resolved.settings
    made = build.run(settings, reporter, force=force)
    data = Path(made.output)
    counted = vocab.run(settings, reporter, data=data)
    folder = Path(settings.train.output or runs.folder_for(data))
    resume = (folder / runs.STATE).is_file() and not force
    trained = train.run(resolved, reporter, data=data, resume=resume, force=force)
    read = eval_text.run(settings, reporter, model=trained.output, data=data, reuse=not force)
    drawn = eval_image.run(settings, reporter, results=Path(trained.output))
    results = (made, counted, trained, read, drawn)
    partial = any(getattr(result, "exit_code", EXIT_OK) == EXIT_PARTIAL for result in results)
    return PipelineResult(
        steps=tuple(_rows(made, trained, read, drawn)),
        build=made,
        vocab=counted,
        train=trained,
        eval_text=read,
        eval_image=drawn,
        exit_code=EXIT_PARTIAL if partial else EXIT_OK,
    )


def _rows(
    made: BuildResult, trained: TrainResult, read: EvalTextResult, drawn: EvalImageResult
) -> Iterator[StepRow]:
    yield StepRow("build", "built" if made.built else "was there", made.output)
    yield StepRow("vocab", "counted", made.output)
    yield StepRow("train", trained.status, trained.output)
    yield StepRow("eval-text", "was there, scored" if read.reused else "read", read.predictions)
    yield StepRow("eval-image", "scored", drawn.results)
