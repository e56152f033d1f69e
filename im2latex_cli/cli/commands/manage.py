"""im2latex config, cache and doctor: the settings, the downloads, and what is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from im2latex_cli import files, paths
from im2latex_cli.cli import console
from im2latex_cli.cli.command import Force, command
from im2latex_cli.cli.group import CommandGroup, PlainFlagsCommand
from im2latex_cli.cli.session import Session
from im2latex_cli.errors import UsageError
from im2latex_cli.settings import reference
from im2latex_cli.settings.sources import PROJECT_FILE

config_app = typer.Typer(
    cls=CommandGroup, no_args_is_help=True, help="Manage the settings of the current folder."
)


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """The settings file that was written."""

    written: Path
    settings: int


@command("config init", checks_settings=False)
def init(session: Session, *, force: Force = False) -> ConfigResult:  # noqa: ARG001
    """Write im2latex.toml with every setting, its default and its help, commented out."""
    path = Path(PROJECT_FILE)
    if path.exists() and not force:
        raise UsageError(
            f"{path} exists and may hold your settings.", hint="Use --force to overwrite it."
        )
    files.write_text(path, reference.template())
    return ConfigResult(written=path, settings=len(reference.leaves()))


config_app.command("init", cls=PlainFlagsCommand)(init)


cache_app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    help="Manage downloads and other files that can be recreated.",
)


@dataclass(frozen=True, slots=True)
class CachePath:
    """Where the cache lies."""

    path: Path


@dataclass(frozen=True, slots=True)
class CacheClearResult:
    """What clearing the cache freed."""

    path: Path
    freed_bytes: int


@command("cache path", checks_settings=False)
def path(session: Session) -> CachePath | None:
    """Print the path of the cache folder."""
    folder = paths.cache_folder()
    if session.as_json:
        return CachePath(folder)
    console.out(str(folder))
    return None


@command("cache clear", checks_settings=False)
def clear(session: Session) -> CacheClearResult:  # noqa: ARG001 - every command has one
    """Delete the cache folder."""
    return CacheClearResult(path=paths.cache_folder(), freed_bytes=paths.clear_cache())


cache_app.command("path", cls=PlainFlagsCommand)(path)
cache_app.command("clear", cls=PlainFlagsCommand)(clear)


@command("doctor")
def doctor(session: Session) -> Any:
    """Show what is installed, and what each missing program or package would add."""
    from im2latex_cli.services import doctor as service

    return service.run(session.settings)
