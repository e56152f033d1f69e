"""`im2latex build`."""

from __future__ import annotations

from typing import Any

from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import Force
from im2latex_cli.cli.session import Session

SETTINGS = {
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


@command("build", settings=SETTINGS)
def build(session: Session, *, force: Force = False) -> Any:
    """Build a data set: draw formulas as pictures and count their tokens.

    If interrupted, run the same command again to continue.
    """
    from im2latex_cli.services.building import build as service

    return service.run(session.settings, session.reporter, force=force)
