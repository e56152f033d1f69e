"""`im2latex doctor`."""

from __future__ import annotations

from typing import Any

from im2latex_cli.cli.command import command
from im2latex_cli.cli.session import Session


@command("doctor")
def doctor(session: Session) -> Any:
    """Show what is installed, and what each missing program or package would add."""
    from im2latex_cli.services import doctor as service

    return service.run(session.settings)
