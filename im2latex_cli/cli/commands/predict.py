"""`im2latex predict`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from im2latex_cli.cli import rows
from im2latex_cli.cli.command import command
from im2latex_cli.cli.options import PredictRequest
from im2latex_cli.cli.session import Session
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, UsageError

if TYPE_CHECKING:
    from im2latex_cli.services.reading.inputs import Inputs

STDIN = Path("-")


@command(
    "predict",
    settings={
        "decode.beam": "--beam",
        "decode.nbest": "--nbest",
        "runtime.backend": "--backend",
    },
    torch=True,
)
def predict(session: Session, request: PredictRequest) -> rows.Predicted | None:
    """Read pictures of formulas as LaTeX. Without arguments, open a prompt."""
    shape = _shape(session, request)
    if not request.names_input:
        if sys.stdin.isatty():
            _prompt(session, shape, request)
            return None
        request = replace(request, images=[STDIN])
    if request.null and not request.files_from:
        raise UsageError("-0 needs --files-from.", hint="Add --files-from -.")
    if request.files_from == STDIN and STDIN in (request.images or ()):
        raise UsageError("Standard input cannot be both a picture and a list of paths.")
    if request.overlay and request.find == "never":
        raise UsageError("--overlay draws what is found, and --find never finds nothing.")
    shape = replace(shape, copy_each=request.watch is not None)
    return _read(session, shape, request, _inputs(request))


def _shape(session: Session, request: PredictRequest) -> rows.RowFormat:
    if session.as_json and request.format:
        raise UsageError("--json and --format exclude each other.", hint="Use one of them.")
    form: rows.Form = "json" if session.as_json else request.format or "text"
    if request.tokens and form not in {"json", "jsonl"}:
        raise UsageError("--tokens needs JSON output.", hint="Add --format jsonl.")
    number = request.number or ("tag" if form == "markdown" else "cut")
    return rows.RowFormat(
        form, request.style, tokens=request.tokens, copy=request.copy, tag=number == "tag"
    )


def _inputs(request: PredictRequest) -> Inputs:
    from im2latex_cli.services.reading import pdf
    from im2latex_cli.services.reading.box import Box
    from im2latex_cli.services.reading.inputs import Inputs

    return Inputs(
        named=[_stdin() if image == STDIN else image for image in request.images or ()],
        listed=_stdin() if request.files_from == STDIN else request.files_from,
        null=request.null,
        recursive=request.recursive,
        pages=pdf.Pages.parse(request.pages) if request.pages else None,
        box=Box.parse(request.box) if request.box else None,
        from_clipboard=request.clipboard,
        timeout=request.timeout or None,
        watched=request.watch,
    )


def _read(
    session: Session, shape: rows.RowFormat, request: PredictRequest, inputs: Inputs
) -> rows.Predicted:
    rows.check(shape)
    from im2latex_cli.services.reading import predict as service
    from im2latex_cli.services.reading.find import FindRequest

    total = inputs.count()
    find = FindRequest(
        request.find,
        inline=request.inline,
        overlay=request.overlay,
        numbers=shape.tag or shape.form in {"json", "jsonl"},
    )
    predicted = service.run(
        session.settings,
        session.reporter,
        images=inputs,
        model=request.model,
        attention=request.attention,
        render=request.render,
        total=total,
        find=find,
    )
    done = rows.write(predicted, shape, session.reporter, lone=total == 1)
    if done.lone_error:
        raise done.lone_error
    code = EXIT_PARTIAL if done.failed else EXIT_OK
    if done.failed and done.failed == done.rows:
        code = InputError.exit_code  # nothing was read at all
    if shape.form != "json":
        raise typer.Exit(code)
    return rows.Predicted(done.pictures, code)


def _prompt(session: Session, shape: rows.RowFormat, request: PredictRequest) -> None:
    rows.check(shape)
    from im2latex_cli.cli import prompt

    prompt.run(session, shape, request)


def _stdin() -> BinaryIO:
    return sys.stdin.buffer
