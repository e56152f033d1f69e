"""`im2latex eval-text`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import DataOrTar, Hypotheses, References
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_DATA

SETTINGS = {
    "evaluate.split": "--split",
    "decode.beam": "--beam",
    "runtime.backend": "--backend",
    "evaluate.limit": "--limit",
    "evaluate.form": "--form",
    "evaluate.report": "--report",
}

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="pretrained, a results folder, a model file, hf://OWNER/NAME or an https address; "
        "default: results/NAME of the data set if it exists, else pretrained.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder for predictions.jsonl; default: the results folder.",
    ),
]


@command("eval-text", settings=SETTINGS, torch=True)
def eval_text(
    session: Session,
    *,
    model: Model = None,
    data: DataOrTar = SMALL_DATA,
    output: Output = None,
    references: References = None,
    hypotheses: Hypotheses = None,
) -> Any:
    """Read the pictures of a split and compare the LaTeX with the references."""
    from im2latex_cli.services.evaluating import eval_text as service

    return service.run(
        session.settings,
        session.reporter,
        model=model,
        data=data,
        output=output,
        references=references,
        hypotheses=hypotheses,
    )
