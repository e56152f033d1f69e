"""im2latex build, vocab, train, eval-text, eval-image, compare and run: data to a scored model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import Data, DataOrTar, Force, Hypotheses, References, command
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_DATA, SMALL_RESULTS

BUILD = {
    "build.dataset": "--dataset -d",
    "build.output": "--output -o",
    "render.renderer": "--renderer",
    "build.jobs": "--jobs -j",
    "build.executor": "--executor",
    "build.scheduler": "--scheduler",
    "build.limit": "--limit",
    "build.max_failures": "--max-failures",
    "build.size": "--size",
    "build.column": "--column",
    "build.split_by": "--split-by",
    "build.macros": "--macros",
    "build.source": "--source",
    "build.recombine": "--recombine",
    "build.min_examples": "--min-examples",
    "build.longer": "--longer",
    "build.glyphs": "--glyphs",
    "build.report": "--report",
    "render.font_size": "--font-size",
    "render.look": "--look",
    "render.exact": "--exact",
    "render.fonts": "--fonts",
    "latex.spacing": "--spacing",
    "vocab.min_count": "--min-count",
}

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


@command("build", settings=BUILD)
def build(session: Session, *, force: Force = False) -> Any:
    """Build a data set: draw formulas as pictures and count their tokens.

    If interrupted, run the same command again to continue.
    """
    from im2latex_cli.services.building import build as service

    return service.run(session.settings, session.reporter, force=force)


@command("vocab", settings={"vocab.min_count": "--min-count"})
def vocab(session: Session, *, data: Data = SMALL_DATA) -> Any:
    """Count the tokens of the train split and show how they cover val and test."""
    from im2latex_cli.services import vocab as service

    return service.run(session.settings, session.reporter, data=data)


TRAIN = {
    "train.preset": "--preset",
    "train.init": "--init",
    "train.output": "--output -o",
    "train.epochs": "--epochs",
    "train.max_minutes": "--max-minutes",
    "train.batch_size": "--batch-size",
    "train.learning_rate": "--learning-rate",
}

Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]


@command("train", settings=TRAIN, torch=True)
def train(
    session: Session, *, data: Data = SMALL_DATA, resume: Resume = False, force: Force = False
) -> Any:
    """Train a model. Ctrl-C saves it; continue with --resume."""
    from im2latex_cli.services import train as service

    return service.run_together(
        session.resolved, session.reporter, data=data, resume=resume, force=force
    )


RUN = {
    **BUILD,
    **TRAIN,
    "build.output": "--data",
    "decode.beam": "--beam",
}


@command("run", settings=RUN, torch=True)
def run(session: Session, *, force: Force = False) -> Any:
    """Run build, vocab, train and both evaluations, skipping finished steps."""
    from im2latex_cli.services import pipeline as service

    return service.run(session.resolved, session.reporter, force=force)


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
