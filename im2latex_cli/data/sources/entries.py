"""What a source is made of: formulas with their line numbers, and lines that hold none.

The split of a formula is its own, named by the source, or a stable hash of its normal form.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")
_NAMES: dict[str, Split] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validate": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def own_split(name: str | None) -> Split | None:
    """Return the split that a source's word for it means, or None where it means none."""
    return None if name is None else _NAMES.get(name.strip().lower())


def hashed_split(deciding: str, *, val_share: float, test_share: float) -> Split:
    """Choose a split by one text alone, so that adding formulas moves none.

    The text is the formula's normal form, or the value of a column that groups formulas.

    The lowest `test_share` of all hashes is test, the next `val_share` is val; raising a share
    therefore only moves formulas between train and that split (and val for test).
    """
    digest = hashlib.sha256(deciding.encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"


@dataclass(frozen=True, slots=True)
class Removed:
    """A formula left out because its normal form is there already.

    Attributes:
        index: its place in the input.
        kept: place of the one that stays.
        overlap: it would have been in val or test while train has it; else the same split has it.
    """

    index: int
    kept: int
    overlap: bool


def remove_repeats(items: Iterable[tuple[Split, str]]) -> tuple[list[int], list[Removed]]:
    """Keep each normal form once: in train where train has it, else in val, else in test.

    Args:
        items: split and normal form of every formula, in input order.

    Returns:
        Places of the kept formulas in input order, and what was removed, in input order.
    """
    rows = list(items)
    owner: dict[str, int] = {}
    for split in SPLITS:
        for index, (own, form) in enumerate(rows):
            if own == split:
                owner.setdefault(form, index)
    kept = [index for index, (_, form) in enumerate(rows) if owner[form] == index]
    removed = [
        Removed(index, owner[form], overlap=rows[owner[form]][0] != own)
        for index, (own, form) in enumerate(rows)
        if owner[form] != index
    ]
    return kept, removed


def count(splits: Iterable[Split]) -> dict[str, int]:
    """Count the formulas of each split; every split has a key."""
    counts = Counter(splits)
    return {split: counts[split] for split in SPLITS}


BadReason = Literal[
    "encoding",
    "empty",
    "no-formula",
    "no-picture",
    "no-group",
    "unlisted",
    "not-taken",
    "html",
    "two-labels",
]


@dataclass(frozen=True, slots=True)
class SourceFormula:
    """One formula of a source.

    Attributes:
        line: its line in the source, from 1.
        formula: as the source gives it.
        split: the source's own split for it, or None.
        image: name of the picture that comes with it, or None where it is to be rendered.
        file: the file inside the source, where it has several; lines count from its beginning.
        group: what decides the split in place of the formula; it goes before the source's own.
        origin: where the formula comes from, as the input's column `source` has it, or None.
        part: which of the source's `parts` it belongs to.
    """

    line: int
    formula: str
    split: str | None = None
    image: str | None = None
    file: str | None = None
    group: str | None = None
    origin: str | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a source that holds no usable formula.

    Attributes:
        line: its number, from 1.
        text: what could be read of it.
        reason: short stable name for counting.
        message: one line for people.
        file: the file inside the source, where it has several.
        part: which of the source's `parts` it belongs to.
    """

    line: int
    text: str
    reason: BadReason
    message: str
    file: str | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class MixturePart:
    """One of the data sets that a source consists of.

    Attributes:
        name: short name, never a path.
        share: how much of all formulas are to come from it, relative to the other parts; None if
            all of its formulas are used.
    """

    name: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the formulas of a data set come from.

    Attributes:
        name: short name, never a path.
        digest: SHA-256 of the content, or the version of what generates it.
        read: yields every line in order; each call begins anew.
        picture: bytes of the picture of that name, where pictures come with the formulas.
        renders: whether formulas without a picture are among those that have one.
        options: settings that chose among the content, by dotted name.
        remarks: what the user should know about the content, one line each.
        parts: the data sets that were put together; empty if it is only one.
    """

    name: str
    digest: str
    read: Callable[[], Iterator[SourceFormula | BadLine]]
    picture: Callable[[str], bytes] | None = None
    renders: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    parts: tuple[MixturePart, ...] = ()

    @property
    def is_imported(self) -> bool:
        """Whether every formula comes with its picture, so that none is rendered."""
        return self.picture is not None and not self.renders
