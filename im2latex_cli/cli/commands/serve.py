"""`im2latex serve`."""

from __future__ import annotations

from typing import Any

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Model
from im2latex_cli.cli.session import Session


@command(
    "serve",
    settings={
        "serve.host": "--host",
        "serve.port": "--port -p",
        "serve.batch": "--batch",
        "serve.queue": "--queue",
        "serve.timeout": "--timeout",
        "serve.max_bytes": "--max-bytes",
        "serve.max_document_bytes": "--max-document-bytes",
        "serve.max_pages": "--max-pages",
        "decode.beam": "--beam",
        "runtime.backend": "--backend",
    },
    torch=True,
)
def serve(session: Session, *, model: Model = None) -> Any:
    """Serve a local web page and an HTTP API that read pictures."""
    from im2latex_cli.services import serve as service

    return service.run(session.settings, session.reporter, model=model)
