"""`im2latex predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer

from im2latex_cli.cli import rows
from im2latex_cli.cli.command import command
from im2latex_cli.cli.session import Session
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, UsageError

Images = Annotated[
    list[Path] | None,
    typer.Argument(metavar="IMAGE...", help="Pictures; - is standard input.", show_default=False),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="pretrained, a results folder or a model file; by default pretrained where this "
        "package bundles it, else results/small.",
    ),
]
Format = Annotated[
    Literal["text", "jsonl"] | None,
    typer.Option(
        "--format",
        metavar="text|jsonl",
        show_default="text",
        help="text: a line of LaTeX per picture; jsonl: a JSON object per picture.",
    ),
]
Attention = Annotated[
    Path | None,
    typer.Option("--attention", metavar="OUT.png", help="Draw where the model looked."),
]


@command("predict", settings={"decode.beam": "--beam", "decode.nbest": "--nbest"}, torch=True)
def predict(
    session: Session,
    *,
    images: Images = None,
    model: Model = None,
    format: Format = None,  # noqa: A002 - the flag's name
    attention: Attention = None,
) -> rows.Predicted:
    """Read pictures of formulas as LaTeX."""
    if session.as_json and format:
        raise UsageError("--json and --format exclude each other.", hint="Give one of them.")
    inputs = _inputs(images or [])
    from im2latex_cli.services import predict as service

    recognised = service.run(
        session.settings, session.reporter, images=inputs, model=model, attention=attention
    )
    form = "json" if session.as_json else format or "text"
    pictures, errors = rows.write(recognised, form, session.reporter, warn=len(inputs) > 1)
    if errors and len(inputs) == 1:
        raise errors[0]
    code = EXIT_PARTIAL if errors else EXIT_OK
    if form != "json":
        raise typer.Exit(code)
    return rows.Predicted(pictures, code)


def _inputs(images: list[Path]) -> list[Path | BinaryIO]:
    """Return the pictures to read: files, or standard input where nothing else was given."""
    if not images and sys.stdin.isatty():
        raise UsageError(
            "No picture was given.", hint="Name image files, or send one picture to standard input."
        )
    named = images or [Path("-")]
    return [sys.stdin.buffer if str(image) == "-" else image for image in named]
