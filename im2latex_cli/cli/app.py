"""The `im2latex` executable. Commands import their services inside, so `--help` stays fast."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from im2latex_cli._version import __version__
from im2latex_cli.cli.command import PlainFlagsCommand, RootGroup
from im2latex_cli.cli.commands import evaluate, maintain, offer, pages, predict, training
from im2latex_cli.cli.console import out
from im2latex_cli.settings.sources import limit_openmp_spinning

app = typer.Typer(
    name="im2latex",
    cls=RootGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(value: bool) -> None:  # noqa: FBT001 - the shape that Typer calls
    if value:
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


app.command("build", cls=PlainFlagsCommand)(training.build)
app.command("vocab", cls=PlainFlagsCommand)(training.vocab)
app.command("train", cls=PlainFlagsCommand)(training.train)
app.command("eval-text", cls=PlainFlagsCommand)(evaluate.eval_text)
app.command("eval-image", cls=PlainFlagsCommand)(evaluate.eval_image)
app.command("compare", cls=PlainFlagsCommand)(evaluate.compare)
app.command("predict", cls=PlainFlagsCommand)(predict.predict)
app.command("serve", cls=PlainFlagsCommand)(offer.serve)
app.command("mcp", cls=PlainFlagsCommand)(offer.mcp)
app.command("export", cls=PlainFlagsCommand)(offer.export)
app.command("run", cls=PlainFlagsCommand)(training.run)
app.command("doctor", cls=PlainFlagsCommand)(maintain.doctor)
app.add_typer(maintain.config_app, name="config")
app.add_typer(maintain.cache_app, name="cache")
app.add_typer(pages.app, name="pages")


def main() -> None:
    """Run the executable, with UTF-8 on stdout; what UTF-8 lacks in a file name is escaped."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    limit_openmp_spinning()
    app(prog_name="im2latex")
