"""`im2latex vocab`."""

from __future__ import annotations

from typing import Any

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Data
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_DATA


@command("vocab", settings={"vocab.min_count": "--min-count"})
def vocab(session: Session, *, data: Data = SMALL_DATA) -> Any:
    """Count the tokens of the train split and show how they cover val and test."""
    from im2latex_cli.services import vocab as service

    return service.run(session.settings, session.reporter, data=data)
