"""im2latex pages train: the finder of formulas, from a data set of pages to a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from im2latex_cli import files
from im2latex_cli.errors import Interrupted, UsageError
from im2latex_cli.network.torch_engine import use_threads
from im2latex_cli.pages import network, store
from im2latex_cli.pages.finder import Finder
from im2latex_cli.pages.network import FinderNetwork
from im2latex_cli.pages.picture import TEXT_HEIGHT, page_picture
from im2latex_cli.pages.regions import Matches
from im2latex_cli.pages.store import PageRecord
from im2latex_cli.progress import Reporter, Step
from im2latex_cli.services.eval_pages import displays, open_pages
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.finder import JITTER, FinderProgress, TrainingPage, train

REPORTED = 25
"""Steps between two reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderRequest:
    """How a finder is trained.

    Attributes:
        data: data set of pages.
        output: file for the finder.
        steps: most training steps.
        batch: crops of pages per step.
        learning_rate: the highest.
        max_minutes: time limit of the training.
        init: finder to begin with, or None for random weights.
        force: replace the file.
    """

    data: Path
    output: Path
    steps: int
    batch: int
    learning_rate: float
    max_minutes: float
    init: Path | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class TrainFinderResult:
    """What a training gave.

    Attributes:
        model: the file.
        pages: pages it was trained on.
        steps: steps done.
        loss: mean of the last steps.
        precision: of displays on the split val, in percent.
        recall: likewise.
        seconds: how long it took.
    """

    model: str
    pages: int
    steps: int
    loss: float
    precision: float
    recall: float
    seconds: float


def run(settings: Settings, reporter: Reporter, request: FinderRequest) -> TrainFinderResult:
    """Train a finder on the split train of a data set of pages; score it on val.

    Raises:
        InputError: there is no such data set, or no finder to begin with.
        CheckpointError: the finder to begin with is damaged.
        UsageError: the file is there already.
        Interrupted: Ctrl-C; nothing is written.
    """
    output = request.output
    if output.exists() and not request.force:
        raise UsageError(f"{output} is there already.", hint="Name another file, or `force`.")
    started = time.perf_counter()
    use_threads(settings.runtime.threads)
    records = store.read(request.data, "train")
    held_out = store.read(request.data, "val")
    try:
        weights, last = _train(records, request, settings.runtime.seed, reporter)
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped; no finder was written.") from error
    metadata = network.metadata(
        pages=len(records), steps=last.step, batch=request.batch, seed=settings.runtime.seed
    )
    files.write_bytes(output, save(weights, metadata))
    matches = sum(displays(Finder(FinderNetwork(weights)), held_out, reporter), Matches())
    return TrainFinderResult(
        str(output),
        len(records),
        last.step,
        round(last.loss, 4),
        round(matches.precision, 2),
        round(matches.recall, 2),
        round(time.perf_counter() - started, 1),
    )


def _train(
    records: Sequence[PageRecord], request: FinderRequest, seed: int, reporter: Reporter
) -> tuple[dict[str, NDArray[np.float16]], FinderProgress]:
    """The weights of a new finder, and the last report of its training."""
    last = FinderProgress(0, 0.0, 0.0)
    first = None if request.init is None else _checked(request.init)
    with reporter.step("Open pages", total=len(records)) as step:
        pages = list(_pages(records, step))
    with reporter.step("Train", total=request.steps) as step:

        def report(progress: FinderProgress) -> None:
            nonlocal last
            last = progress
            step.advance()
            if progress.step % REPORTED == 0:
                step.note(f"loss {progress.loss:.3f}")

        trained = train(
            pages,
            steps=request.steps,
            batch=request.batch,
            learning_rate=request.learning_rate,
            max_seconds=60 * request.max_minutes,
            seed=seed,
            report=report,
            first=first,
        )
    return trained.weights(), last


def _checked(path: Path) -> dict[str, NDArray[np.floating]]:
    weights = network.read_weights(path)
    FinderNetwork(weights)
    return weights


def _pages(records: Sequence[PageRecord], step: Step) -> Iterator[TrainingPage]:
    """Pages with text of the largest size that training needs."""
    for record, grey in open_pages(records):
        page = page_picture(grey, text_height=TEXT_HEIGHT * JITTER[1])
        factor = page.factor / page.shrunk
        boxes = tuple((region.kind, region.box.scaled(factor)) for region in record.regions)
        step.advance()
        yield TrainingPage(page.small, boxes)
