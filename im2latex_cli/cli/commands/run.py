"""`im2latex run`."""

from __future__ import annotations

from typing import Any

from im2latex_cli.cli.command import command
from im2latex_cli.cli.commands import build as build_command
from im2latex_cli.cli.commands import train as train_command
from im2latex_cli.cli.options import Force
from im2latex_cli.cli.session import Session

SETTINGS = {
    **build_command.SETTINGS,
    **train_command.SETTINGS,
    "build.output": "--data",
    "decode.beam": "--beam",
}


@command("run", settings=SETTINGS, torch=True)
def run(session: Session, *, force: Force = False) -> Any:
    """Run build, vocab, train and both evaluations, skipping finished steps."""
    from im2latex_cli.services import pipeline as service

    return service.run(session.resolved, session.reporter, force=force)
