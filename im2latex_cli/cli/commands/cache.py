"""`im2latex cache`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from im2latex_cli import paths
from im2latex_cli.cli import console
from im2latex_cli.cli.command import CommandGroup, PlainFlagsCommand, command
from im2latex_cli.cli.session import Session

app = typer.Typer(
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


app.command("path", cls=PlainFlagsCommand)(path)
app.command("clear", cls=PlainFlagsCommand)(clear)
