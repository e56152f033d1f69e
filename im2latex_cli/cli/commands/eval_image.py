"""`im2latex eval-image`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Hypotheses, References
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_RESULTS

SETTINGS = {
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


@command("eval-image", settings=SETTINGS)
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
