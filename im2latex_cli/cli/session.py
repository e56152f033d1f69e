"""One invocation of a command: its settings, its progress, and how its result is shown.

Progress goes to stderr: live bars on a terminal, plain lines elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from im2latex_cli import paths
from im2latex_cli.cli import console
from im2latex_cli.cli.console import with_flags
from im2latex_cli.progress import Reporter, SilentStep, Step
from im2latex_cli.settings import reference, sources
from im2latex_cli.settings.sections import Settings
from im2latex_cli.settings.sources import ResolvedSettings, SettingValue, resolve

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBar:
    """A step drawn by rich."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, count: int = 1) -> None:
        """Move the bar by `count` items."""
        self._progress.advance(self._task, count)

    def note(self, text: str) -> None:
        """Show `text` at the end of the bar."""
        self._progress.update(self._task, note=text)

    def resize(self, total: int) -> None:
        """Give the bar another end."""
        self._progress.update(self._task, total=total)


class StepCounter:
    """A step that only counts, for the line written when it ends."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self, count: int = 1) -> None:
        """Count `count` more items."""
        self.done += count

    def note(self, text: str) -> None:
        """Show nothing."""

    def resize(self, total: int) -> None:
        """Change nothing: only finished items are counted."""


class TerminalReporter:
    """Shows work under way to people.

    Args:
        quiet: show warnings only.
        verbose: show details too.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._live: Progress | None = None
        self._columns: tuple[str, ...] = ()

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Draw a bar on a terminal; elsewhere write one line when the step has ended."""
        if self._quiet:
            yield SilentStep()
        elif console.stderr().is_terminal:
            with self._bars() as progress:
                task = progress.add_task(title, total=total, note="")
                try:
                    yield ProgressBar(progress, task)
                finally:
                    progress.stop_task(task)
        else:
            start, count = time.monotonic(), StepCounter()
            yield count
            seconds = time.monotonic() - start
            items = f"{count.done:,} in " if count.done else ""
            self._print(f"{title}: {items}{seconds:.1f} s")

    def info(self, message: str) -> None:
        """Write a line, unless quiet."""
        if not self._quiet:
            self._print(message)

    def detail(self, message: str) -> None:
        """Write a line if verbose."""
        if self._verbose:
            self._print(message, style="dim")

    def warn(self, message: str) -> None:
        """Write a warning, also when quiet."""
        self._print(f"warning: {message}", style="yellow")

    def metrics(self, row: Mapping[str, float | int | str]) -> None:
        """Write one row of a table, under its header if the columns changed."""
        if self._quiet:
            return
        widths = [max(len(name), 10) for name in row]
        if self._columns != tuple(row):
            self._columns = tuple(row)
            names = zip(row, widths, strict=True)
            self._print("  ".join(name.rjust(width) for name, width in names), style="bold")
        cells = zip(row.values(), widths, strict=True)
        self._print("  ".join(_cell(value).rjust(width) for value, width in cells))

    @contextmanager
    def _bars(self) -> Iterator[Progress]:
        """Share one live display among nested steps; rich allows only one at a time."""
        if self._live:
            yield self._live
            return
        self._live = _progress()
        try:
            with self._live:
                yield self._live
        finally:
            self._live = None

    def _print(self, text: str, style: str | None = None) -> None:
        if self._live:
            self._live.console.print(with_flags(text), style=style)
        else:
            console.note(with_flags(text), style)


def _progress() -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console.stderr(),
        # rich would send output for stdout to its own console: right above a bar on the
        # same terminal, wrong when stdout goes to a file.
        redirect_stdout=sys.stdout.isatty(),
    )


def _cell(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


SHARED_PANEL = "Options of every command"


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """The options that every command takes beside its own."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Read this settings file instead of ./im2latex.toml.",
            rich_help_panel=SHARED_PANEL,
        ),
    ] = None
    assigned: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.NAME=VALUE",
            help="Change any setting; can be repeated.",
            rich_help_panel=SHARED_PANEL,
        ),
    ] = None
    show_settings: Annotated[
        bool,
        typer.Option(
            "--show-settings",
            help="Print every setting with its value and origin, and exit.",
            rich_help_panel=SHARED_PANEL,
        ),
    ] = False
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the result as one JSON object.",
            rich_help_panel=SHARED_PANEL,
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Hide progress.", rich_help_panel=SHARED_PANEL),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show details.", rich_help_panel=SHARED_PANEL),
    ] = False
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show the traceback of an error.", rich_help_panel=SHARED_PANEL
        ),
    ] = False


@dataclass(frozen=True)
class Session:
    """The settings, reporter and output of one command.

    Attributes:
        command: the command's full name.
        flag_values: a value for each setting flag, None if the flag was not given.
        shared: the shared options.
    """

    command: str
    flag_values: Sequence[SettingValue]
    shared: SharedOptions

    @cached_property
    def resolved(self) -> ResolvedSettings:
        """The settings with their origins, read on first use.

        Raises:
            SettingsError: naming every problem.
        """
        return resolve(
            [
                *sources.assignments(self.shared.assigned or (), flag="--set"),
                *(item for item in self.flag_values if item.value is not None),
            ],
            env=sources.process_environment(),
            cwd=Path.cwd(),
            config=self.shared.config,
            user=paths.user_settings(),
        )

    @cached_property
    def reporter(self) -> Reporter:
        """Shows progress."""
        return TerminalReporter(quiet=self.shared.quiet, verbose=self.shared.verbose)

    @property
    def as_json(self) -> bool:
        """Whether the result is shown as JSON."""
        return self.shared.as_json

    def check_settings(self) -> None:
        """Raise SettingsError now, before anything slow is imported."""
        _ = self.resolved

    @property
    def settings(self) -> Settings:
        """The validated tree."""
        return self.resolved.settings

    def show(self, result: Any) -> None:
        """Write a service's result to stdout."""
        console.show(self.command, result, as_json=self.as_json, verbose=self.shared.verbose)

    def show_settings(self) -> None:
        """Write every setting with its value and origin to stdout, a named preset included."""
        resolved = self.resolved.with_preset(self.settings.train.preset)
        values = reference.values(resolved.settings)
        if self.as_json:
            origins = resolved.origins
            self.show({name: {"value": values[name], "origin": origins[name]} for name in values})
            return
        texts = {name: reference.to_value(value) for name, value in values.items()}
        widths = [max(map(len, column)) for column in (texts, texts.values())]
        for name, value in texts.items():
            line = f"{name.ljust(widths[0])}  {value.ljust(widths[1])}  {resolved.origins[name]}"
            console.out(line)
