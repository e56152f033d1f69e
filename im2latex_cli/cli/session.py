"""One invocation of a command: its settings, its reporter, and how its result is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import typer

from im2latex_cli import paths
from im2latex_cli.cli import console, show
from im2latex_cli.cli.bars import TerminalReporter
from im2latex_cli.progress import Reporter
from im2latex_cli.settings import reference, sources
from im2latex_cli.settings.resolve import ResolvedSettings, resolve
from im2latex_cli.settings.sources import SettingValue
from im2latex_cli.settings.tree import Settings

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
        show.show(self.command, result, as_json=self.as_json, verbose=self.shared.verbose)

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
