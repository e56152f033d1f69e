"""What is scored: references beside the best hypotheses, from our files or anybody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Prediction
from im2latex_cli.data.sources import transcripts
from im2latex_cli.errors import InputError
from im2latex_cli.evaluate.forms import Example
from im2latex_cli.files import demand_no_url
from im2latex_cli.latex.tokenizer import tokenize

PLAIN = (".txt", ".tsv")
"""Files that hold formulas and nothing else."""


def are_pictures(references: Path | None, hypotheses: Path) -> bool:
    """Whether the hypotheses come without references, but with their pictures' paths."""
    if references is not None or not (hypotheses.is_dir() or hypotheses.suffix == ".jsonl"):
        return False
    rows = predictions.read(hypotheses)
    return not any(row.reference for row in rows) and any(Path(row.image).is_file() for row in rows)


def check(hypotheses: Path | None) -> None:
    """Raise InputError if the file that a user named does not exist."""
    if hypotheses is not None:
        demand_no_url(hypotheses)
    if hypotheses is not None and not hypotheses.exists():
        raise InputError(
            f"There is no file of hypotheses at {hypotheses}.",
            hint="Check the path of `hypotheses`.",
        )


def read(
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
