"""im2latex eval-text, eval-image and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import DataOrTar, Hypotheses, References
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_DATA, SMALL_RESULTS

EVAL_TEXT = {
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


@command("eval-text", settings=EVAL_TEXT, torch=True)
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


EVAL_IMAGE = {
    "evaluate.limit": "--limit",
    "evaluate.report": "--report",
    "evaluate.cdm": "--cdm",
    "render.renderer": "--renderer",
    "build.jobs": "--jobs -j",
}

Results = Annotated[
    Path,
    typer.Option(
        "--results", metavar="DIR|FILE", help="Results folder with predictions.jsonl, or that file."
    ),
]


@command("eval-image", settings=EVAL_IMAGE)
def eval_image(
    session: Session,
    *,
    results: Results = SMALL_RESULTS,
    references: References = None,
    hypotheses: Hypotheses = None,
) -> Any:
    """Render references and predictions and compare the pictures."""
    from im2latex_cli.services.evaluating import eval_image as service

    return service.run(
        session.settings,
        session.reporter,
        results=results,
        references=references,
        hypotheses=hypotheses,
    )


COMPARE = {"evaluate.form": "--form", "evaluate.report": "--report"}

HELP = "Results folder with predictions.jsonl, or that file."
First = Annotated[Path, typer.Argument(metavar="RUN_A", help=HELP)]
Second = Annotated[Path, typer.Argument(metavar="RUN_B", help=HELP)]


@command("compare", settings=COMPARE)
def compare(session: Session, *, run_a: First, run_b: Second) -> Any:
    """Compare two evaluations of the same pictures, with a paired bootstrap test."""
    from im2latex_cli.services.evaluating import compare as service

    return service.run(session.settings, session.reporter, first=run_a, second=run_b)
