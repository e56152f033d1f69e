"""im2latex build, vocab, train, and run, which does all in order."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Data, Force
from im2latex_cli.cli.session import Session
from im2latex_cli.runs import SMALL_DATA

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
