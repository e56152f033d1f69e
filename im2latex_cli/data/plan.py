"""What a build will make: every formula with its normal form, its split and its picture's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from im2latex_cli.data.entries import BadLine, Entry, Source
from im2latex_cli.data.splits import Split, hashed_split, own_split, remove_repeats
from im2latex_cli.latex.normalize import normalize

UNSOUND = "unsound"
DUPLICATE = "duplicate"
OVERLAP = "overlap"
REMOVED = (DUPLICATE, OVERLAP)
"""Reasons of rows that are no failures: the same normal form is in the data set already."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One formula that will have a picture.

    Attributes:
        line: its line in the source.
        formula: as the source gives it.
        form: its normal form, tokens separated by spaces.
        split: where it goes.
        file_name: its picture's name inside the split; fixed before anything is rendered.
        image: name of the picture that comes with it, or None.
    """

    line: int
    formula: str
    form: str
    split: Split
    file_name: str
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """One line that has no picture: a row of failures.jsonl."""

    line: int
    formula: str
    reason: str
    message: str

    def to_json(self) -> dict[str, object]:
        """The row as the file has it."""
        return {
            "line": self.line,
            "formula": self.formula,
            "reason": self.reason,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything known before rendering.

    Attributes:
        items: formulas to render, in source order.
        left: lines that will not be rendered, in source order.
    """

    items: tuple[Planned, ...]
    left: tuple[Left, ...]


def make_plan(
    source: Source,
    *,
    limit: int | None,
    val_share: float,
    test_share: float,
    spacing: Literal["keep", "drop"],
) -> Plan:
    """Read, normalise and split all formulas of a source, and drop repeats."""
    sound: list[tuple[Entry, str, Split]] = []
    left: list[Left] = []
    for line in islice(source.read(), limit):
        if isinstance(line, BadLine):
            left.append(Left(line.line, line.text, line.reason, line.message))
            continue
        normal = normalize(line.formula, spacing=spacing)
        if normal.problem is not None or not normal.tokens:
            problem = normal.problem or "nothing is left of it"
            left.append(Left(line.line, line.formula, UNSOUND, problem))
            continue
        split = own_split(line.split) or hashed_split(
            normal.tokens, val_share=val_share, test_share=test_share
        )
        sound.append((line, " ".join(normal.tokens), split))
    kept, removed = remove_repeats((split, form) for _, form, split in sound)
    for one in removed:
        entry, keeper = sound[one.index][0], sound[one.kept]
        where = f"in {keeper[2]}, line {keeper[0].line}"
        reason = OVERLAP if one.overlap else DUPLICATE
        left.append(Left(entry.line, entry.formula, reason, f"the same normal form is {where}"))
    left.sort(key=lambda row: row.line)
    return Plan(tuple(_name(sound[index] for index in kept)), tuple(left))


def _name(rows: Iterator[tuple[Entry, str, Split]]) -> Iterator[Planned]:
    counts: Counter[str] = Counter()
    for entry, form, split in rows:
        name = f"{counts[split]:06d}.png"
        counts[split] += 1
        yield Planned(entry.line, entry.formula, form, split, name, entry.image)
