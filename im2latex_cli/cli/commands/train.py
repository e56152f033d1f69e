"""`im2latex train`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Data, Force
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_DATA

SETTINGS = {
    "train.preset": "--preset",
    "train.init": "--init",
    "train.output": "--output -o",
    "train.epochs": "--epochs",
    "train.max_minutes": "--max-minutes",
    "train.batch_size": "--batch-size",
    "train.learning_rate": "--learning-rate",
}

Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]


@command("train", settings=SETTINGS, torch=True)
def train(
    session: Session, *, data: Data = SMALL_DATA, resume: Resume = False, force: Force = False
) -> Any:
    """Train a model. Ctrl-C saves it; continue with --resume."""
    from im2latex_cli.services import train as service

    return service.run_together(
        session.resolved, session.reporter, data=data, resume=resume, force=force
    )
