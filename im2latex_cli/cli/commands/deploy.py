"""im2latex export, serve and mcp: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from im2latex_cli.cli.command import Force, Model, command
from im2latex_cli.cli.session import Session

Format = Annotated[
    Literal["onnx"],
    typer.Option("--format", metavar="onnx", help="onnx: the encoder and one step of the decoder."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder for encoder.onnx and decoder.onnx; default: onnx in the model's folder.",
    ),
]


HubFolder = Annotated[
    Path | None,
    typer.Option(
        "--to-hub-folder",
        metavar="DIR",
        help="Write a folder for a model hub instead: model card, configuration, weights, graphs.",
    ),
]
Scores = Annotated[
    list[Path] | None,
    typer.Option(
        "--scores",
        metavar="DIR",
        help="Results folder of eval-text whose scores go into the model card; can be repeated. "
        "Default: the model's own.",
    ),
]


@command("export")
def export(
    session: Session,
    *,
    format: Format = "onnx",  # noqa: A002, ARG001 - the flag's name; there is one format
    model: Model = None,
    output: Output = None,
    to_hub_folder: HubFolder = None,
    scores: Scores = None,
    force: Force = False,
) -> Any:
    """Export a model to ONNX, with its vocabulary and preprocessing."""
    from im2latex_cli.services import export as service

    return service.run(
        session.settings,
        session.reporter,
        model=model,
        output=output,
        to_hub_folder=to_hub_folder,
        scores=scores or (),
        force=force,
    )


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


@command(
    "mcp",
    settings={"decode.beam": "--beam", "runtime.backend": "--backend"},
    torch=True,
)
def mcp(session: Session, *, model: Model = None) -> None:
    """Let agents read pictures: a server of the Model Context Protocol on stdin and stdout."""
    from im2latex_cli.services import mcp as service

    service.run(session.settings, session.reporter, model=model)
