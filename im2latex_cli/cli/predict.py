"""`im2latex predict`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from im2latex_cli.cli import predict_options as options
from im2latex_cli.cli import rows
from im2latex_cli.cli.asked import Asked
from im2latex_cli.cli.command import command
from im2latex_cli.cli.session import Session
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, UsageError

if TYPE_CHECKING:
    from im2latex_cli.services.inputs import Inputs

STDIN = Path("-")
TIMEOUT = 60.0


@command(
    "predict",
    settings={
        "decode.beam": "--beam",
        "decode.nbest": "--nbest",
        "runtime.backend": "--backend",
    },
    torch=True,
)
def predict(
    session: Session,
    *,
    images: options.Images = None,
    recursive: options.Recursive = False,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    pages: options.PdfPages = None,
    box: options.Box = None,
    clipboard: options.Clipboard = False,
    timeout: options.Timeout = TIMEOUT,
    watch: options.Watch = None,
    model: options.Model = None,
    format: options.Format = None,  # noqa: A002 - the flag's name
    style: options.Style = "compact",
    tokens: options.Tokens = False,
    copy: options.Copy = False,
    render: options.Render = None,
    attention: options.Attention = None,
) -> rows.Predicted | None:
    """Read pictures of formulas as LaTeX; with nothing to read, on a terminal, ask for paths."""
    shape = _shape(session, format, style, tokens=tokens, copy=copy)
    asked = Asked(model, attention, render)
    named = list(images or [])
    if not (named or files_from or clipboard or watch):
        if sys.stdin.isatty():
            _prompt(session, shape, asked)
            return None
        named = [STDIN]
    if null and not files_from:
        raise UsageError("-0 says how --files-from ends its paths.", hint="Give --files-from -.")
    if files_from == STDIN and STDIN in named:
        raise UsageError("Standard input is either a picture or a list of paths, not both.")
    shape = replace(shape, copy_each=watch is not None)
    from im2latex_cli.services import pdf
    from im2latex_cli.services.box import Box
    from im2latex_cli.services.inputs import Inputs

    inputs = Inputs(
        named=[_stdin() if image == STDIN else image for image in named],
        listed=_stdin() if files_from == STDIN else files_from,
        null=null,
        recursive=recursive,
        pages=pdf.Pages.parse(pages) if pages else None,
        box=Box.parse(box) if box else None,
        from_clipboard=clipboard,
        timeout=timeout or None,
        watched=watch,
    )
    return _read(session, shape, asked, inputs)


def _shape(
    session: Session, form: rows.Form | None, style: rows.Style, *, tokens: bool, copy: bool
) -> rows.Shape:
    if session.as_json and form:
        raise UsageError("--json and --format exclude each other.", hint="Give one of them.")
    form = "json" if session.as_json else form or "text"
    if tokens and form not in {"json", "jsonl"}:
        raise UsageError("--tokens needs a form with room for them.", hint="Add --format jsonl.")
    return rows.Shape(form, style, tokens=tokens, copy=copy)


def _read(session: Session, shape: rows.Shape, asked: Asked, inputs: Inputs) -> rows.Predicted:
    rows.check(shape)
    from im2latex_cli.services import predict as service

    total = inputs.count()
    recognised = service.run(
        session.settings,
        session.reporter,
        images=inputs,
        model=asked.model,
        attention=asked.attention,
        render=asked.render,
        total=total,
    )
    done = rows.write(recognised, shape, session.reporter, lone=total == 1)
    if done.lone_error:
        raise done.lone_error
    code = EXIT_PARTIAL if done.failed else EXIT_OK
    if done.failed and done.failed == done.rows:
        code = InputError.exit_code  # nothing was read at all
    if shape.form != "json":
        raise typer.Exit(code)
    return rows.Predicted(done.pictures, code)


def _prompt(session: Session, shape: rows.Shape, asked: Asked) -> None:
    rows.check(shape)
    from im2latex_cli.cli import prompt

    prompt.run(session, shape, asked)


def _stdin() -> BinaryIO:
    return sys.stdin.buffer
