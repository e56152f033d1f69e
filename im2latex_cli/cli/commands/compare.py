"""`im2latex compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.session import Session

SETTINGS = {"evaluate.form": "--form", "evaluate.report": "--report"}

HELP = "Results folder with predictions.jsonl, or that file."
First = Annotated[Path, typer.Argument(metavar="RUN_A", help=HELP)]
Second = Annotated[Path, typer.Argument(metavar="RUN_B", help=HELP)]


@command("compare", settings=SETTINGS)
def compare(session: Session, *, run_a: First, run_b: Second) -> Any:
    """Compare two evaluations of the same pictures, with a paired bootstrap test."""
    from im2latex_cli.services.evaluating import compare as service

    return service.run(session.settings, session.reporter, first=run_a, second=run_b)
