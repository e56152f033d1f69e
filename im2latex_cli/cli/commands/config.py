"""`im2latex config`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from im2latex_cli import files
from im2latex_cli.cli.command import CommandGroup, PlainFlagsCommand, command
from im2latex_cli.cli.options import Force
from im2latex_cli.cli.session import Session
from im2latex_cli.errors import UsageError
from im2latex_cli.settings import reference
from im2latex_cli.settings.sources import PROJECT_FILE

app = typer.Typer(
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


app.command("init", cls=PlainFlagsCommand)(init)
