"""The `im2latex` executable.

A command's module is imported once the command is used, and its service once it runs, so that a
start costs what that command needs.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from im2latex_cli.cli.console import out
from im2latex_cli.cli.group import PlainFlagsCommand, RootGroup

COMMANDS = {
    "build": "pipeline:build",
    "vocab": "pipeline:vocab",
    "train": "pipeline:train",
    "eval-text": "pipeline:eval_text",
    "eval-image": "pipeline:eval_image",
    "compare": "pipeline:compare",
    "predict": "predict:predict",
    "serve": "deploy:serve",
    "mcp": "deploy:mcp",
    "export": "deploy:export",
    "run": "pipeline:run",
    "doctor": "manage:doctor",
    "config": "manage:config_app",
    "cache": "manage:cache_app",
    "pages": "pages:app",
}
"""In the order of `--help`: the module in `commands`, and its function or group."""

YOUNG_OBJECTS = 50_000
"""New objects after which Python looks for garbage; it would after 700 to 2,000."""


class _Commands(Mapping[str, Any]):
    """The commands by name, as Typer wants them; each is made when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        module, attribute = COMMANDS[name].split(":")
        body = getattr(import_module(f"im2latex_cli.cli.commands.{module}"), attribute)
        if isinstance(body, typer.Typer):
            group = typer.main.get_group(body)
            group.name = name
            return group
        wrapper = typer.Typer(add_completion=False)
        wrapper.command(name, cls=PlainFlagsCommand)(body)
        return typer.main.get_command(wrapper)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Root(RootGroup):
    """The root command with the commands above."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Commands()})


app = typer.Typer(
    name="im2latex",
    cls=_Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(value: bool) -> None:  # noqa: FBT001 - the shape that Typer calls
    if value:
        from im2latex_cli._version import __version__  # reading metadata takes 20 ms

        out(f"im2latex {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Read pictures of printed formulas as LaTeX; build data sets, train and evaluate readers."""


def main() -> None:
    """Run the executable, with UTF-8 on stdout; what UTF-8 lacks in a file name is escaped."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    # Imports make objects that stay: looking for garbage among them takes a twentieth of a start.
    gc.set_threshold(YOUNG_OBJECTS)
    app(prog_name="im2latex")
