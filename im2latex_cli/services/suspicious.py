"""The files of pictures whose label may be wrong, which train and eval-text write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.evaluate.suspicion import Suspect
from im2latex_cli.progress import Reporter
from im2latex_cli.report.evaluation import SuspiciousPicture, suspicious_html

SHOWN = 200
"""Pictures on the sheet; the list has all."""


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
    known = [labels(suspect.index) for suspect in suspects]
    rows = [
        {
            "id": label.id,
            "formula": label.formula,
            **({"reading": label.reading} if label.reading else {}),
            "loss": round(suspect.loss, 4),
            "usual_loss": round(suspect.usual, 4),
        }
        for suspect, label in zip(suspects, known, strict=True)
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
        for suspect, label in islice(zip(suspects, known, strict=True), SHOWN)
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
