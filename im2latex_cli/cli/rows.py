"""Recognised pictures on stdout, each as soon as it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from im2latex_cli.cli import console
from im2latex_cli.cli.show import plain
from im2latex_cli.errors import Im2LatexError
from im2latex_cli.progress import Reporter

if TYPE_CHECKING:
    from im2latex_cli.services.predict import PredictRow

Form = Literal["text", "jsonl", "json"]


@dataclass(frozen=True, slots=True)
class Predicted:
    """All pictures of one `predict --json`."""

    pictures: list[dict[str, Any]]
    exit_code: int


def write(
    rows: Iterator[PredictRow], form: Form, reporter: Reporter, *, warn: bool
) -> tuple[list[dict[str, Any]], list[Im2LatexError]]:
    """Write each row as text or as a JSON line; "json" writes nothing yet.

    The model's name goes to the reporter, and each failure as a warning where `warn` asks for it.

    Returns:
        The rows as JSON objects (kept for "json" only), and the errors of the failed ones.
    """
    kept, errors = [], []
    for number, row in enumerate(rows):
        if number == 0:
            reporter.info(f"model: {row.model}")
        if row.error:
            errors.append(row.error)
            if warn:
                reporter.warn(str(row.error))
        if form == "text":
            console.out(text(row))
        elif form == "jsonl":
            console.out(json.dumps(to_json(row), ensure_ascii=False))
        else:
            kept.append(to_json(row))
    return kept, errors


def text(row: PredictRow) -> str:
    """Return the best hypothesis on one line; nothing for a failed picture."""
    return " ".join(row.hypotheses[0].latex.splitlines()) if row.hypotheses else ""


def to_json(row: PredictRow) -> dict[str, Any]:
    """Return the row as predict's JSON lines have it."""
    if row.error:
        return {"path": row.path, "error": plain(row.error)}
    best, *others = row.hypotheses
    return {
        "path": row.path,
        "latex": best.latex,
        "confidence": best.confidence,
        "score": best.score,
        "alternatives": [
            {"latex": other.latex, "confidence": other.confidence, "score": other.score}
            for other in others
        ],
        "model": row.model,
    }
