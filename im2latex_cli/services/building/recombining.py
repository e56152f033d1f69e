"""The formulas that a build adds to the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from im2latex_cli.data.plan import BuildPlan, with_made
from im2latex_cli.data.sources.entries import Source
from im2latex_cli.errors import UsageError
from im2latex_cli.progress import Reporter
from im2latex_cli.recombination.maker import VERSION, recombine
from im2latex_cli.settings.sections import BuildSettings
from im2latex_cli.settings.tree import Settings


def is_enabled(build: BuildSettings) -> bool:
    """Whether the settings add formulas."""
    return bool(build.recombine or build.min_examples)


def relevant_settings(settings: Settings, source: Source) -> dict[str, Any]:
    """Everything that decides which formulas are made, by dotted name.

    Raises:
        UsageError: the pictures come with the formulas, so made ones would be painted otherwise.
    """
    build = settings.build
    if not is_enabled(build):
        return {}
    if source.is_imported:
        raise UsageError(
            f"{source.name} comes with its pictures, so no formulas can be added to it.",
            hint="Build its formulas from a table, or leave out `build.recombine` and "
            "`build.min_examples`.",
        )
    return {
        "build.recombine": build.recombine,
        "build.min_examples": build.min_examples,
        "build.longer": build.longer,
        "recombination": VERSION,
        "runtime.seed": settings.runtime.seed,
    }


def with_recombined(plan: BuildPlan, settings: Settings, reporter: Reporter) -> BuildPlan:
    """Add recombined formulas of the train split; none equals one of val or test.

    Args:
        plan: of the real formulas.
        settings: how many to make, and the seed.
        reporter: shows progress, and a warning if fewer could be made.
    """
    build = settings.build
    if not is_enabled(build):
        return plan
    train = [item.form.split(" ") for item in plan.items if item.split == "train"]
    others = [item.form.split(" ") for item in plan.items if item.split != "train"]
    formulas = recombine(
        train,
        build.recombine,
        seed=settings.runtime.seed,
        held_out=others,
        spacing=settings.latex.spacing,
        longer=build.longer,
        min_examples=build.min_examples,
    )
    total = None if build.min_examples else build.recombine
    forms = list(_with_progress(formulas, total, reporter))
    if len(forms) < build.recombine:
        reporter.warn(
            f"Only {len(forms)} of {build.recombine} formulas could be made"
            f" from the {len(train)} of the train split."
        )
    return with_made(plan, forms)


def _with_progress(
    formulas: Iterator[Sequence[str]], total: int | None, reporter: Reporter
) -> Iterator[Sequence[str]]:
    with reporter.step("Recombining", total) as step:
        for form in formulas:
            yield form
            step.advance()
