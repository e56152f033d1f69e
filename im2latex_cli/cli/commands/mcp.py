"""`im2latex mcp`."""

from __future__ import annotations

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Model
from im2latex_cli.cli.session import Session


@command(
    "mcp",
    settings={"decode.beam": "--beam", "runtime.backend": "--backend"},
    torch=True,
)
def mcp(session: Session, *, model: Model = None) -> None:
    """Let agents read pictures: a server of the Model Context Protocol on stdin and stdout."""
    from im2latex_cli.services import mcp as service

    service.run(session.settings, session.reporter, model=model)
