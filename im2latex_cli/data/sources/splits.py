"""Which formula goes where: the source's own split, else a stable hash of the normal form."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
