"""What a model read: hypotheses beside references, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from im2latex_cli.data.text_files import Row, read_rows
from im2latex_cli.errors import InputError
from im2latex_cli.files import demand_no_url, write_json, write_jsonl
from im2latex_cli.latex.tokenizer import tokenize

ROWS_FILE = "predictions.jsonl"
META_FILE = "predictions.meta.json"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of a picture.

    Attributes:
        latex: compact LaTeX.
        tokens: the tokens behind it.
        score: natural log-probability; of a picture that was read at several sizes, that of the
            mean probability.
        confidence: 0 to 1.
        token_scores: natural log-probability of each token and, unless truncated, of the end,
            at the size at which the formula is likeliest; empty if they were not stored.
        truncated: the formula was cut off, or had to end, at the greatest length.
    """

    latex: str
    tokens: tuple[str, ...]
    score: float
    confidence: float
    token_scores: tuple[float, ...] = field(default=(), compare=False)
    truncated: bool = field(default=False, compare=False)

    def to_json(self) -> Row:
        """The hypothesis as every JSON output shows it; tokens as one space-separated string."""
        return {
            "latex": self.latex,
            "tokens": " ".join(self.tokens),
            "score": self.score,
            "confidence": self.confidence,
        }

    @classmethod
    def from_json(cls, value: Any) -> Hypothesis:
        """Read `to_json`'s form; lacking tokens are cut from `latex`; a bare string is `latex`."""
        row: Row = {"latex": value} if isinstance(value, str) else value
        latex = str(row["latex"])
        tokens = row.get("tokens")
        if isinstance(tokens, str):
            tokens = tokens.split()
        return cls(
            latex=latex,
            tokens=tuple(tokenize(latex) if tokens is None else map(str, tokens)),
            score=float(row.get("score", 0.0)),
            confidence=float(row.get("confidence", 0.0)),
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model made of one picture.

    Attributes:
        id: the record's id ("test/000012"), or the path that predict was given.
        image: where the picture was, as text.
        reference: the formula as the source gave it; empty where nobody knows it.
        reference_tokens: its normal form.
        hypotheses: best first; empty where the picture failed.
        error: one line saying why it failed, or None.
        error_code: short stable name of that failure, as in `errors`.
        source: where the formula comes from; empty where nobody said.
    """

    id: str
    image: str
    reference: str
    reference_tokens: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]
    error: str | None = None
    error_code: str = "input"
    source: str = ""

    def to_json(self) -> Row:
        """One line of predictions.jsonl."""
        row: Row = {
            "id": self.id,
            "image": self.image,
            "reference": self.reference,
            "reference_tokens": " ".join(self.reference_tokens),
            "hypotheses": [hypothesis.to_json() for hypothesis in self.hypotheses],
        }
        if self.source:
            row["source"] = self.source
        if self.error is not None:
            row["error"] = {"code": self.error_code, "message": self.error}
        return row

    @classmethod
    def from_json(cls, row: Row) -> Prediction:
        """Read a line of predictions.jsonl or of predict's JSON lines."""
        error, code = _error(row)
        tokens = row.get("reference_tokens", "")
        image = str(row["image"] if "image" in row else row["path"])
        return cls(
            id=str(row.get("id", image)),
            image=image,
            reference=str(row.get("reference", "")),
            reference_tokens=tuple(tokens.split() if isinstance(tokens, str) else tokens),
            hypotheses=_hypotheses(row),
            error=error,
            error_code=code,
            source=str(row.get("source") or ""),
        )


def _error(row: Row) -> tuple[str | None, str]:
    error = row.get("error")
    if isinstance(error, dict):
        return str(error["message"]), str(error.get("code", "input"))
    return (None if error is None else str(error)), "input"


def _hypotheses(row: Row) -> tuple[Hypothesis, ...]:
    if "hypotheses" in row:
        rows = list(row["hypotheses"])
    elif "latex" in row:
        rows = [row, *row.get("alternatives", ())]
    elif row.get("error") is not None:
        rows = []
    else:
        raise KeyError("hypotheses")
    return tuple(Hypothesis.from_json(one) for one in rows)


def write(folder: Path, predictions: Iterable[Prediction], meta: Mapping[str, Any]) -> None:
    """Write predictions.jsonl and predictions.meta.json into `folder`, each whole or not at all."""
    write_jsonl(folder / ROWS_FILE, (prediction.to_json() for prediction in predictions))
    write_json(folder / META_FILE, dict(meta))


def read(path: Path) -> list[Prediction]:
    """Read predictions.jsonl of a results folder, or any file of its kind or of predict's.

    Args:
        path: the folder or the file.

    Raises:
        InputError: nothing there, nothing in it, or a broken line (file and line are named).
    """
    file = rows_file(path)
    predictions = []
    for number, row in read_rows(file):
        try:
            predictions.append(Prediction.from_json(row))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{file}, line {number}: not a prediction ({_missing(error)}).",
                hint="Write it again with im2latex eval-text or im2latex predict (format jsonl).",
            ) from error
    if not predictions:
        raise InputError(f"{file} is empty.", hint="Run im2latex eval-text first.")
    return predictions


def read_meta(path: Path) -> dict[str, Any]:
    """Read predictions.meta.json beside the predictions; empty where there is none.

    Raises:
        InputError: the file is broken.
    """
    file = rows_file(path).with_name(META_FILE)
    if not file.is_file():
        return {}
    try:
        meta = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file} is not JSON ({error}).") from error
    return meta if isinstance(meta, dict) else {}


def rows_file(path: Path) -> Path:
    """Find the file of predictions at `path`.

    Raises:
        InputError: there is none.
    """
    if path.is_dir():
        path = path / ROWS_FILE
    demand_no_url(path)
    if not path.is_file():
        raise InputError(
            f"There are no predictions at {path}.", hint="Run im2latex eval-text first."
        )
    return path


def _missing(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)
