"""What a source is made of: formulas with their line numbers, and lines that hold none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
