"""im2latex compare: two runs on the same pictures; which got better, which got worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.errors import InputError
from im2latex_cli.evaluate import forms, intervals, text
from im2latex_cli.evaluate.forms import Example, Form
from im2latex_cli.evaluate.intervals import Difference
from im2latex_cli.progress import Reporter
from im2latex_cli.report.evaluation import Case, Report, html
from im2latex_cli.report.page import Table
from im2latex_cli.results import DETAIL
from im2latex_cli.services.evaluating import report as pages
from im2latex_cli.services.evaluating.inputs import read_examples
from im2latex_cli.settings.sections import Settings

CASES = 10
"""Cases listed on each side."""
COMPARED = ("bleu4", "edit_similarity", "exact_match")


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One picture that the two runs read differently well; edit similarities in percent."""

    id: str
    a: float
    b: float
    reference: str = field(metadata=DETAIL)
    read_by_a: str = field(metadata=DETAIL)
    read_by_b: str = field(metadata=DETAIL)


@dataclass(frozen=True, slots=True)
class CompareResult:
    """What compare prints.

    Attributes:
        a, b: the two runs.
        form: of all figures.
        pictures: pictures that both were scored on.
        figures: of both, the difference b - a with its 95 % interval, and on which share of
            resampled corpora b is better.
        b_better, b_worse: pictures that b read better and worse than a, and how many are alike.
        alike: pictures read equally well.
        better, worse: the largest changes.
        report: the HTML page, or None.
    """

    a: str
    b: str
    form: Form
    pictures: int
    b_better: int
    b_worse: int
    alike: int
    figures: tuple[Difference, ...]
    better: tuple[CaseChange, ...]
    worse: tuple[CaseChange, ...]
    report: str | None = None
    exit_code: int = 0


def run(settings: Settings, reporter: Reporter, *, first: Path, second: Path) -> CompareResult:
    """Compare the predictions of two runs on the same pictures.

    Args:
        settings: the settings tree; `evaluate.form` and `evaluate.report` count here.
        reporter: warns of pictures that only one run has.
        first: results folder or predictions.jsonl of the run a.
        second: of the run b.

    Raises:
        InputError: predictions are missing or broken, the runs share no picture, or they have
            different references for one.
    """
    left, right = _common(first, second, reporter)
    form = settings.evaluate.form
    before, after = (text.statistics(*forms.tokens_in(form, side)) for side in (left, right))
    figures = {name: text.FIGURES[name] for name in COMPARED}
    scores = [text.similarities(*forms.tokens_in(form, side)) for side in (left, right)]
    gains = [b - a for a, b in zip(*scores, strict=True)]
    order = sorted(range(len(gains)), key=lambda index: (-gains[index], index))
    better = [index for index in order[:CASES] if gains[index] > 0]
    worse = [index for index in reversed(order[-CASES:]) if gains[index] < 0]
    result = CompareResult(
        a=str(first),
        b=str(second),
        form=form,
        pictures=len(left),
        b_better=sum(gain > 0 for gain in gains),
        b_worse=sum(gain < 0 for gain in gains),
        alike=sum(gain == 0 for gain in gains),
        figures=intervals.compare(before, after, figures, seed=settings.runtime.seed),
        better=tuple(_change(index, left, right, scores) for index in better),
        worse=tuple(_change(index, left, right, scores) for index in worse),
        report=settings.evaluate.report,
    )
    if settings.evaluate.report:
        selection = {"better": better, "worse": worse}
        cases = pages.make_pairs(settings, (left, right), scores, selection, form=form)
        files.write_text(Path(settings.evaluate.report), html(_page(result, cases)))
    return result


def _common(first: Path, second: Path, reporter: Reporter) -> tuple[list[Example], list[Example]]:
    """The examples of both runs for the pictures that both have, in the first's order."""
    left, right = ({row.id: row for row in read_examples(None, path)} for path in (first, second))
    shared = [name for name in left if name in right]
    if not shared:
        raise InputError(
            f"{first} and {second} have no picture in common.",
            hint="Make both with im2latex eval-text on the same data set and split.",
        )
    unpaired = len(left) + len(right) - 2 * len(shared)
    if unpaired:
        reporter.warn(f"{unpaired} pictures are in one run only and were left out.")
    for name in shared:
        if left[name].reference != right[name].reference:
            raise InputError(
                f"{first} and {second} have different references for {name}.",
                hint="Make both with im2latex eval-text on the same data set and split.",
            )
    return [left[name] for name in shared], [right[name] for name in shared]


def _change(
    index: int, left: Sequence[Example], right: Sequence[Example], scores: Sequence[Sequence[float]]
) -> CaseChange:
    return CaseChange(
        id=left[index].id,
        a=scores[0][index],
        b=scores[1][index],
        reference=left[index].reference,
        read_by_a=left[index].hypothesis or "",
        read_by_b=right[index].hypothesis or "",
    )


def _page(result: CompareResult, cases: tuple[Case, ...]) -> Report:
    rows = tuple(
        (
            row.figure.replace("bleu4", "BLEU-4").replace("_", " "),
            *(f"{value:.2f}" for value in (row.a, row.b, row.difference)),
            "{:.2f} to {:.2f}".format(*row.difference_interval),
            f"{row.resampled_b_better:.1f}",
        )
        for row in result.figures
    )
    header = ("figure", "a", "b", "b - a", "95 % interval", "b better, % of resampled corpora")
    return Report(
        title="im2latex compare",
        facts={
            "a": result.a,
            "b": result.b,
            "form": result.form,
            "pictures": f"{result.pictures:,}: b read {result.b_better:,} better, "
            f"{result.b_worse:,} worse, {result.alike:,} as well",
        },
        figures=(),
        tables=(Table("Paired bootstrap", header, rows),),
        cases=cases,
    )
