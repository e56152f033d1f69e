"""Recognised pictures on stdout, each as soon as it is there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from im2latex_cli.cli import console
from im2latex_cli.cli.console import plain
from im2latex_cli.errors import Im2LatexError, UsageError
from im2latex_cli.progress import Reporter
from im2latex_cli.reading_warning import ReadingWarning

if TYPE_CHECKING:
    from im2latex_cli.data.predictions import Hypothesis
    from im2latex_cli.formats import Conversion
    from im2latex_cli.services.reading.predict import PredictRow

Form = Literal["text", "jsonl", "tsv", "markdown", "typst", "mathml", "omml", "docx", "json"]
Style = Literal["compact", "im2markup", "katex"]
HEADER = "path\tlatex\tconfidence"
MORE_ADVICE = {ReadingWarning.TEXT_AROUND: ", or give --box"}
"""What the command line can do beside the advice of a warning."""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How rows are written.

    Attributes:
        form: the format; "json" writes nothing before the end.
        style: how LaTeX is spelled.
        tokens: rows in JSON have tokens and log-probabilities.
        copy: put all formulas on the clipboard at the end, in the output's format.
        copy_each: put each row's formula there as it comes instead.
        tag: keep an equation number in LaTeX.
        gaps: a failed picture has its empty line, so that lines can be counted.
    """

    form: Form = "text"
    style: Style = "compact"
    tokens: bool = False
    copy: bool = False
    copy_each: bool = False
    tag: bool = False
    gaps: bool = True


@dataclass(frozen=True, slots=True)
class Predicted:
    """All pictures of one `predict --json`."""

    pictures: list[dict[str, Any]]
    exit_code: int


@dataclass(slots=True)
class Written:
    """What became of all rows.

    Attributes:
        pictures: the rows as JSON objects, kept for "json" only.
        rows: how many there were.
        failed: how many of them failed.
        lone_error: the error of the only row, where one was expected.
    """

    pictures: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    failed: int = 0
    lone_error: Im2LatexError | None = None


def check(shape: RowFormat) -> None:
    """Raise UsageError, before a model is loaded, if the format cannot go where output goes."""
    if shape.form != "docx":
        return
    if sys.stdout.isatty():
        raise UsageError(
            "--format docx writes a file, not text.",
            hint="Send it to one: im2latex predict a.png --format docx > formulas.docx",
        )
    if shape.copy_each:
        raise UsageError("--format docx writes its file at the end; --watch has none.")


def write(
    rows: Iterator[PredictRow], shape: RowFormat, reporter: Reporter, *, lone: bool
) -> Written:
    """Write each row as soon as it comes.

    The model's name and doubts go to the reporter, and failures as warnings. Where one row is
    expected (`lone`) and comes, its failure is left to the caller.
    """
    done = Written()
    copied: list[str] = []
    document: list[tuple[str, ...]] = []
    for row in rows:
        done.rows += 1
        if done.rows == 1:
            reporter.info(f"model: {row.model}")
        elif done.lone_error:
            reporter.warn(str(done.lone_error))
            done.lone_error = None
        formula = _formula(row, shape)
        _tell(row, shape, formula, done, reporter, lone=lone)
        if shape.form == "docx":
            document += (best.tokens for best in row.hypotheses[:1])
        elif shape.form == "json":
            done.pictures.append(to_json(row, shape, formula.text))
        else:
            _out(row, shape, formula.text, first=done.rows == 1)
        if shape.copy and row.hypotheses:
            copied.append(formula.text + _copied_tag(row, shape))
            if shape.copy_each:
                _copy(copied)
                copied.clear()
    if copied:
        _copy(copied)
    if shape.form == "docx":
        _document(document, reporter)
    return done


def _document(formulas: list[tuple[str, ...]], reporter: Reporter) -> None:
    """Write a Word document of all formulas; their warnings go to the reporter."""
    from im2latex_cli.formats.omml import docx

    content, warnings = docx(formulas)
    for warning in warnings:
        reporter.warn(f"docx: {warning}.")
    sys.stdout.buffer.write(content)
    sys.stdout.flush()


def _formula(row: PredictRow, shape: RowFormat) -> Conversion:
    """Write the best hypothesis in the format of the output, in LaTeX for those that hold LaTeX.

    A failed picture gives an empty text.
    """
    from im2latex_cli.formats import Conversion

    if not row.hypotheses:
        return Conversion("", ())
    best = row.hypotheses[0]
    if shape.form in ("typst", "mathml", "omml"):
        from im2latex_cli.formats.convert import convert

        return convert(best.tokens, shape.form)
    return Conversion(latex(best, shape.style), ())


def _copy(lines: list[str]) -> None:
    from im2latex_cli.services.reading import clipboard

    clipboard.copy("\n".join(lines))


def _tell(
    row: PredictRow,
    shape: RowFormat,
    formula: Conversion,
    done: Written,
    reporter: Reporter,
    *,
    lone: bool,
) -> None:
    if row.error:
        done.failed += 1
        if lone and done.rows == 1:
            done.lone_error = row.error
        else:
            reporter.warn(str(row.error))
    if shape.form not in {"json", "jsonl"}:
        for warning in row.warnings:
            advice = warning.advice + MORE_ADVICE.get(warning, "")
            reporter.warn(f"{row.path}: {warning}: {advice}.")
        for loss in formula.warnings:
            reporter.warn(f"{row.path}: {shape.form}: {loss}.")


def _out(row: PredictRow, shape: RowFormat, formula: str, *, first: bool) -> None:
    if shape.form == "jsonl":
        console.out(json.dumps(to_json(row, shape, formula), ensure_ascii=False))
        return
    if not (shape.gaps or row.hypotheses):
        return
    if shape.form == "tsv" and first:
        console.out(HEADER)
    if shape.form == "markdown" and not first:
        console.out("")
    console.out(text(row, shape, formula))


def text(row: PredictRow, shape: RowFormat, formula: str) -> str:
    """Return one line for the row: its formula as written; nothing for a failed picture."""
    best = row.hypotheses[0] if row.hypotheses else None
    labelled = formula + _tag(row, shape) if best else ""
    if shape.form == "tsv":
        path = " ".join(row.path.split("\t")).replace("\n", " ")
        return f"{path}\t{labelled}\t{f'{best.confidence:.4f}' if best else ''}"
    if best is None:
        return ""
    if shape.form == "markdown":
        return f"$${labelled}$$"
    return labelled if shape.form == "text" else formula


def latex(hypothesis: Hypothesis, style: Style) -> str:
    """Spell a hypothesis in one line; im2markup's form falls back where it has none."""
    converted = ""
    if style == "im2markup":
        from im2latex_cli.latex.dialects.printers import im2markup

        converted = " ".join(im2markup(hypothesis.latex))
    elif style == "katex":
        from im2latex_cli.latex.dialects.printers import katex

        converted = katex(hypothesis.tokens)
    return " ".join((converted or hypothesis.latex).splitlines())


def to_json(row: PredictRow, shape: RowFormat, formula: str) -> dict[str, Any]:
    """Return the row as predict's JSON lines have it; `formula` is the LaTeX of the best."""
    record: dict[str, Any] = {"path": row.path, **row.where()}
    if row.error:
        record["error"] = plain(row.error)
    if row.hypotheses:
        best, *others = row.hypotheses
        record |= _hypothesis(best, shape, formula + _tag(row, shape))
        record["alternatives"] = [
            _hypothesis(other, shape, latex(other, shape.style)) for other in others
        ]
    return record | {
        "model": row.model,
        "milliseconds": round(row.milliseconds, 1),
        "warnings": list(row.warnings),
    }


def _tag(row: PredictRow, shape: RowFormat) -> str:
    number = row.number if shape.tag else None
    return f" \\tag{{{number}}}" if number else ""


def _copied_tag(row: PredictRow, shape: RowFormat) -> str:
    return "" if shape.form in {"typst", "mathml", "omml"} else _tag(row, shape)


def _hypothesis(hypothesis: Hypothesis, shape: RowFormat, formula: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "latex": formula,
        "confidence": hypothesis.confidence,
        "score": hypothesis.score,
    }
    if shape.tokens:
        record["tokens"] = " ".join(hypothesis.tokens)
        record["log_probabilities"] = [round(score, 4) for score in hypothesis.token_scores]
    return record
