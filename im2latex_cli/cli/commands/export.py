"""`im2latex export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Force
from im2latex_cli.cli.predict_options import Model
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


@command("export")
def export(
    session: Session,
    *,
    format: Format = "onnx",  # noqa: A002, ARG001 - the flag's name; there is one format
    model: Model = None,
    output: Output = None,
    force: Force = False,
) -> Any:
    """Export a model to ONNX, with its vocabulary and preprocessing."""
    from im2latex_cli.services import export as service

    return service.run(session.settings, session.reporter, model=model, output=output, force=force)
