"""Pictures with known formulas, from a data set folder, an imagefolder or a .tar of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from im2latex_cli.data import store
from im2latex_cli.data.sources.imagefolder import open_pairs
from im2latex_cli.data.store import MANIFEST
from im2latex_cli.errors import InputError
from im2latex_cli.latex.normalize import normalize


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


def read(
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
