"""What is evaluated: pictures with known formulas, or references beside hypotheses.

Pictures come from a data set folder, an imagefolder or a .tar of one; hypotheses from our files or
from those of other programs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from im2latex_cli.data import predictions, store
from im2latex_cli.data.predictions import Prediction
from im2latex_cli.data.sources import transcripts
from im2latex_cli.data.sources.imagefolder import open_pairs
from im2latex_cli.data.store import MANIFEST
from im2latex_cli.errors import InputError
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.files import demand_no_url
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import tokenize

PLAIN = (".txt", ".tsv")
"""Files that hold formulas and nothing else."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and the formula it shows.

    Attributes:
        id: name inside its data set.
        image: the picture as people would find it.
        formula: as the source gave it.
        tokens: its normal form.
        content: gives the picture's file, or its bytes; raises InputError where it is missing.
        source: where the formula comes from; empty where nobody said.
    """

    id: str
    image: str
    formula: str
    tokens: tuple[str, ...]
    content: Callable[[], Path | bytes]
    source: str = ""


def read_labelled(
    path: Path, split: str, *, spacing: Literal["keep", "drop"] = "keep"
) -> list[LabelledPicture]:
    """Read one split; an imagefolder without splits is read whole.

    Args:
        path: data set folder, imagefolder or .tar.
        split: train, val or test.
        spacing: for the normal form of formulas that come without tokens.

    Raises:
        InputError: nothing there, no such split, or broken metadata.
    """
    if (path / MANIFEST).is_file() or not path.exists():
        return [_of_record(record) for record in store.read(path, split)]
    pairs = open_pairs(path)
    rows = list(pairs)
    if any(pair.split for pair in rows):
        rows = [pair for pair in rows if pair.split == split]
    if not rows:
        raise InputError(f"{path} has no pictures in its split {split!r}.")
    return [
        LabelledPicture(
            id=pair.id,
            image=str(pairs.path(pair.id) or f"{path}:{pair.id}"),
            formula=pair.formula,
            tokens=normalize(pair.formula, spacing=spacing).tokens,
            content=partial(pairs.picture, pair.id),
            source=pair.source,
        )
        for pair in rows
    ]


def _of_record(record: store.Record) -> LabelledPicture:
    return LabelledPicture(
        id=record.id,
        image=str(record.image),
        formula=record.formula,
        tokens=record.tokens,
        content=lambda: record.image,
        source=record.source,
    )


def are_pictures(references: Path | None, hypotheses: Path) -> bool:
    """Whether the hypotheses come without references, but with their pictures' paths."""
    if references is not None or not (hypotheses.is_dir() or hypotheses.suffix == ".jsonl"):
        return False
    rows = predictions.read(hypotheses)
    return not any(row.reference for row in rows) and any(Path(row.image).is_file() for row in rows)


def check_hypotheses(hypotheses: Path | None) -> None:
    """Raise InputError if the file that a user named does not exist."""
    if hypotheses is not None:
        demand_no_url(hypotheses)
    if hypotheses is not None and not hypotheses.exists():
        raise InputError(
            f"There is no file of hypotheses at {hypotheses}.",
            hint="Check the path of `hypotheses`.",
        )


def read_examples(
    references: Path | None,
    hypotheses: Path,
    *,
    pictures: bool = False,
    warn: Callable[[str], None] = lambda _: None,
) -> list[Example]:
    """Read what is to be scored.

    Args:
        references: .txt, .tsv or .jsonl; None if the hypotheses carry their own references.
        hypotheses: the like, or predictions.jsonl or its folder.
        pictures: hypotheses without any references are welcome.
        warn: takes what a user must know of the pairing.

    Raises:
        InputError: a file is missing or broken, or the two do not fit each other.
    """
    if references is not None:
        file = predictions.rows_file(hypotheses) if hypotheses.is_dir() else hypotheses
        return [
            Example(
                id=row.id,
                reference=row.reference,
                hypothesis=row.hypothesis,
                reference_tokens=row.reference_tokens,
                hypothesis_tokens=row.hypothesis_tokens,
                image=row.image,
                source=row.source,
            )
            for row in transcripts.pair(references, file, warn=warn)
        ]
    if hypotheses.suffix in PLAIN and hypotheses.is_file():
        raise InputError(
            f"{hypotheses} holds no references.", hint="Name a file of them with `references`."
        )
    rows = predictions.read(hypotheses)
    if not any(row.reference for row in rows) and not pictures:
        raise InputError(
            f"{hypotheses} has no references.", hint="Name a file of them with `references`."
        )
    return [of_prediction(row) for row in rows]


def of_prediction(row: Prediction) -> Example:
    """The best hypothesis of a prediction beside its reference."""
    best = row.hypotheses[0] if row.hypotheses else None
    return Example(
        id=row.id,
        reference=row.reference,
        hypothesis=None if best is None else best.latex,
        reference_tokens=tuple(tokenize(row.reference)),
        hypothesis_tokens=None if best is None else best.tokens,
        image=row.image,
        source=row.source,
    )
