"""im2latex pages eval: how many formulas of a data set of pages are found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import InputError
from im2latex_cli.pages import store
from im2latex_cli.pages.finder import Finder, find_by_rules
from im2latex_cli.pages.regions import FoundFormula, Matches, RegionKind, match
from im2latex_cli.pages.store import PageRecord
from im2latex_cli.progress import Reporter
from im2latex_cli.vision.image import open_grey

Find = Callable[[NDArray[np.uint8]], list[FoundFormula]]


@dataclass(frozen=True, slots=True)
class EvalPagesResult:
    """Scores in percent; a box is right from an intersection over union of 0.7 on.

    Attributes:
        pages: how many.
        displays: displayed formulas on them.
        precision: right displays among those found.
        recall: right displays among the true ones.
        numbers_precision: the same for equation numbers.
        numbers_recall: the same for equation numbers.
        false_on_plain_pages: displays found on pages that have none.
        plain_pages: how many those are.
        rules_precision: displays found by the layout rules alone.
        rules_recall: likewise.
        milliseconds: median time for one page.
    """

    pages: int
    displays: int
    precision: float
    recall: float
    numbers_precision: float
    numbers_recall: float
    false_on_plain_pages: int
    plain_pages: int
    rules_precision: float
    rules_recall: float
    milliseconds: float


def run(
    reporter: Reporter, *, data: Path, split: str, model: Path | None, limit: int | None
) -> EvalPagesResult:
    """Score a finder on a data set of pages, beside the layout rules.

    Args:
        reporter: shows progress.
        data: the data set.
        split: train, val or test.
        model: the finder's file; None takes the one of this package.
        limit: only so many pages.

    Raises:
        InputError: there is no such data set or file.
        CheckpointError: the file cannot be used.
    """
    finder = Finder.load(model)
    records = store.read(data, split)[:limit]
    total, numbers, rules = Matches(), Matches(), Matches()
    plain = false = 0
    times = []
    with reporter.step("Find", total=len(records)) as step:
        for record, page in open_pages(records):
            started = time.perf_counter()
            formulas = finder(page)
            times.append(1000 * (time.perf_counter() - started))
            matches = _match(formulas, record)
            total += matches
            numbers += match(
                [number for one in formulas for number in one.numbers],
                record.boxes(RegionKind.NUMBER),
            )
            rules += _match(find_by_rules(page), record)
            if not matches.true:
                plain += 1
                false += matches.found
            step.advance()
    return EvalPagesResult(
        pages=len(records),
        displays=total.true,
        precision=round(total.precision, 2),
        recall=round(total.recall, 2),
        numbers_precision=round(numbers.precision, 2),
        numbers_recall=round(numbers.recall, 2),
        false_on_plain_pages=false,
        plain_pages=plain,
        rules_precision=round(rules.precision, 2),
        rules_recall=round(rules.recall, 2),
        milliseconds=round(float(np.median(times)), 1),
    )


def displays(finder: Find, records: Sequence[PageRecord], reporter: Reporter) -> Iterator[Matches]:
    """How the displays found on each page agree with the true ones."""
    with reporter.step("Find", total=len(records)) as step:
        for record, page in open_pages(records):
            yield _match(finder(page), record)
            step.advance()


def _match(formulas: Iterable[FoundFormula], record: PageRecord) -> Matches:
    boxes = [one.box for one in formulas if one.kind is RegionKind.DISPLAY]
    return match(boxes, record.boxes(RegionKind.DISPLAY))


def open_pages(records: Iterable[PageRecord]) -> Iterator[tuple[PageRecord, NDArray[np.uint8]]]:
    """Pages with their pictures; blank sheets, on which there is nothing to find, are white."""
    for record in records:
        try:
            yield record, open_grey(record.image, name=str(record.image))
        except InputError as error:
            if "blank" not in str(error):
                raise
            yield record, np.full((64, 64), 255, np.uint8)
