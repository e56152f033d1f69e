r"""Where the glyphs of a picture stand, as targets for the taught losses.

A glyph's class is its (font family, code). The place of a token is the centre of its first glyph;
a token that paints nothing itself (`{`, `}`, `^`, `_`, `&`, `\\`, `\frac`) takes the place of
the next token that does; the end token and trailing ones have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from im2latex_cli.train.input.pack import Glyphs, Packed

BACKGROUND = 0
IGNORED = -1
"""Class of cells under glyphs too rare to be a class."""


@dataclass(frozen=True, slots=True)
class GlyphClasses:
    """The glyph classes of a run.

    Attributes:
        names: (font family, code) of class 1, 2, …; class 0 is the background.
        of_kind: class of each kind of a pack, `IGNORED` where it is too rare.
    """

    names: tuple[tuple[str, int], ...]
    of_kind: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names) + 1

    def for_kinds(self, kinds: Sequence[tuple[str, int]]) -> GlyphClasses:
        """The same classes for another pack's numbering of kinds."""
        number = {name: place for place, name in enumerate(self.names, start=1)}
        return replace(self, of_kind=tuple(number.get(kind, IGNORED) for kind in kinds))


def find_classes(packed: Packed, *, min_count: int = 10) -> GlyphClasses | None:
    """Classes of a training split: its kinds that occur often enough; None without glyphs."""
    if not len(packed.glyphs):
        return None
    counts = np.bincount(packed.glyphs[:, 0].astype(np.int64), minlength=len(packed.kinds))
    names = tuple(
        kind for kind, count in zip(packed.kinds, counts, strict=True) if count >= min_count
    )
    return GlyphClasses(names, ()).for_kinds(packed.kinds)


@dataclass(frozen=True, slots=True)
class GlyphTargets:
    """Glyph places of a batch, in pixels of its pictures.

    Attributes:
        rows: (N,) the picture of each glyph.
        classes: (N,) its class.
        centres: (N, 2) x and y of its centre.
        places: (B, T) x and y of what each step paints, (B, T, 2); NaN where nothing.
    """

    rows: Tensor
    classes: Tensor
    centres: Tensor
    places: Tensor

    def tensors(self) -> tuple[Tensor, ...]:
        """The fields in order."""
        return self.rows, self.classes, self.centres, self.places

    def to(self, device: torch.device) -> GlyphTargets:
        """The targets on another device."""
        return GlyphTargets(*(one.to(device, non_blocking=True) for one in self.tensors()))

    def pinned(self) -> GlyphTargets:
        """The targets in memory that a GPU reads by itself."""
        return GlyphTargets(*(one.pin_memory() for one in self.tensors()))


def collate(
    glyphs: Sequence[Glyphs], formulas: Sequence[Sequence[int]], classes: GlyphClasses
) -> GlyphTargets:
    """Targets of a batch.

    Args:
        glyphs: (G, 4) rows of each picture.
        formulas: token ids of each picture, without begin and end; a target row has one step more.
        classes: the run's glyph classes, numbered for this pack.
    """
    steps = max(map(len, formulas), default=0) + 1
    places = np.full((len(formulas), steps, 2), np.nan, dtype=np.float32)
    for row, (marks, formula) in enumerate(zip(glyphs, formulas, strict=True)):
        places[row, : len(formula)] = token_places(marks, len(formula))
    stacked = np.concatenate([*glyphs, np.zeros((0, 4), dtype=np.float32)])
    of_kind = np.asarray(classes.of_kind, dtype=np.int64)
    return GlyphTargets(
        rows=torch.from_numpy(np.repeat(np.arange(len(glyphs)), [len(g) for g in glyphs])),
        classes=torch.from_numpy(of_kind[stacked[:, 0].astype(np.int64)]),
        centres=torch.from_numpy(np.ascontiguousarray(stacked[:, 1:3])),
        places=torch.from_numpy(places),
    )


def token_places(glyphs: Glyphs, length: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(length, 2) x and y of each token: its first glyph, else the next painted token's; NaN."""
    places = np.full((length, 2), np.nan, dtype=np.float32)
    for _, x, y, token in glyphs[::-1]:
        if 0 <= token < length:
            places[int(token)] = x, y
    for step in range(length - 2, -1, -1):
        if np.isnan(places[step, 0]):
            places[step] = places[step + 1]
    return places
