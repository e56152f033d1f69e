"""`im2latex doctor`."""

from __future__ import annotations

from im2latex_cli.cli.command import command
from im2latex_cli.cli.session import Session
from im2latex_cli.services.doctor import DoctorResult


@command("doctor")
def doctor(session: Session) -> DoctorResult:
    """Show what is here, and what each missing part would give."""
    from im2latex_cli.services import doctor as service

    return service.run(session.settings)
