"""Labels that do not fit their pictures: their loss is far above that of labels as long.

A trained model finds a right label likely even if it would read the picture a little otherwise. A
label of another picture is unlikely from its first token on. `train` and `eval-text` list them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from im2latex_cli import files
from im2latex_cli.progress import Reporter
from im2latex_cli.report.evaluation import SuspiciousPicture, suspicious_html

MAX_PICTURES = 200
"""Pictures on the sheet; the list has all."""

NEIGHBOURS = 100
"""Pictures with labels of about the same length, whose median loss is the usual one."""
FEWEST = 20
"""Pictures below which nothing is usual."""
LEAST = 2.0
"""Loss per token, in nats, below which no label is suspicious: a probability of 0.135."""
TIMES = 4.0
"""A suspicious loss is this many times the usual one."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that may be wrong.

    Attributes:
        index: its place among the pictures.
        loss: its cross-entropy per token, in nats.
        usual: the median loss of labels of about the same length.
    """

    index: int
    loss: float
    usual: float


def find_suspects(losses: Sequence[float], lengths: Sequence[int]) -> list[Suspect]:
    """Find labels whose loss is far above that of labels of about the same length.

    Args:
        losses: cross-entropy per token of each label, given its picture, in nats.
        lengths: tokens of each label.

    Returns:
        The suspects, the largest loss first.
    """
    if len(losses) < FEWEST:
        return []
    ordered = np.argsort(np.asarray(lengths), kind="stable")
    values = np.asarray(losses, np.float64)[ordered]
    width = min(NEIGHBOURS + 1, len(values))
    suspects = []
    for position in np.flatnonzero(values > LEAST):
        first = int(np.clip(position - width // 2, 0, len(values) - width))
        usual = float(np.median(values[first : first + width]))
        if values[position] > TIMES * usual:
            suspects.append(Suspect(int(ordered[position]), float(values[position]), usual))
    return sorted(suspects, key=lambda suspect: (-suspect.loss, suspect.index))


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """What is known of a suspect.

    Attributes:
        id: the picture's id.
        formula: its label.
        picture: returns the PNG file; empty if it cannot be read.
        reading: what the model reads; empty if it was not asked.
    """

    id: str
    formula: str
    picture: Callable[[], bytes]
    reading: str = ""


def write_suspects(
    folder: Path,
    split: str,
    suspects: Sequence[Suspect],
    labels: Callable[[int], SuspectLabel],
    *,
    checked: int,
    reporter: Reporter,
) -> None:
    """Write `suspicious-SPLIT.jsonl` and, if there are any, a sheet to look at.

    Args:
        folder: where the files go; those of an earlier run are replaced.
        split: of the data set.
        suspects: the largest loss first.
        labels: what is known of the picture of an index.
        checked: how many labels were looked at.
        reporter: gets a warning that names the sheet.
    """
    labelled = [labels(suspect.index) for suspect in suspects]
    rows = [
        {
            "id": label.id,
            "formula": label.formula,
            **({"reading": label.reading} if label.reading else {}),
            "loss": round(suspect.loss, 4),
            "usual_loss": round(suspect.usual, 4),
        }
        for suspect, label in zip(suspects, labelled, strict=True)
    ]
    files.write_jsonl(folder / f"suspicious-{split}.jsonl", rows)
    sheet = folder / f"suspicious-{split}.html"
    if not suspects:
        sheet.unlink(missing_ok=True)
        return
    pairs = [
        SuspiciousPicture(
            id=label.id,
            picture=label.picture(),
            label=label.formula,
            reading=label.reading,
            verdict=f"loss {suspect.loss:.2f} per token, {suspect.usual:.2f} is usual",
        )
        for suspect, label in islice(zip(suspects, labelled, strict=True), MAX_PICTURES)
    ]
    facts = {
        "labels checked": f"{checked:,}",
        "suspicious": f"{len(suspects):,}, of which {len(pairs):,} are shown",
        "why": "the model finds the label far less likely than other labels of this length: it "
        "belongs to another picture, or shows something that the model has not learned",
    }
    files.write_text(sheet, suspicious_html(f"Suspicious labels: {split}", facts, pairs))
    reporter.warn(
        f"{len(suspects)} of {checked} labels may not belong to their pictures: see {sheet}."
    )
