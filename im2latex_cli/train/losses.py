r"""What training minimises: cross-entropy of the next token, of glyph classes and of attention.

The last two are taught if the renderer said which glyph stands where. The class of a glyph is its
(font family, code). The place of a token is the centre of its first glyph; a token that paints
nothing itself (`{`, `}`, `^`, `_`, `&`, `\\\\`, `\\frac`) takes the place of the next token that
does; the end token and trailing ones have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from im2latex_cli.latex.vocab import PAD
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import TrainSettings
from im2latex_cli.train.pack import Glyphs, PackedSplit

BACKGROUND_WEIGHT = 0.15
"""Weight of cells without a glyph, which are most cells."""

BACKGROUND_STEP = 4
"""Of those only every fourth column counts, for as many: naming hundreds of classes for every
cell of white paper took a quarter of a training step on a CPU."""

_IGNORE = -100

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


def find_classes(packed: PackedSplit, *, min_count: int = 10) -> GlyphClasses | None:
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
        return GlyphTargets(*(tensor.to(device, non_blocking=True) for tensor in self.tensors()))

    def pinned(self) -> GlyphTargets:
        """The targets in memory that a GPU reads by itself."""
        return GlyphTargets(*(tensor.pin_memory() for tensor in self.tensors()))


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


class Mean(NamedTuple):
    """A mean loss, and the weight of all that it is the mean of; 0-dimensional."""

    value: Tensor
    weight: Tensor


def text_loss(logits: Tensor, targets: Tensor, *, smoothing: float) -> Mean:
    """Cross-entropy over the real tokens.

    Args:
        logits: (B, T, V).
        targets: (B, T) token ids, padded.
        smoothing: probability spread over the other tokens.
    """
    value = F.cross_entropy(
        logits.flatten(0, 1).float(),
        targets.flatten(),
        ignore_index=PAD,
        label_smoothing=smoothing,
    )
    return Mean(value, (targets != PAD).sum())


def attention_loss(
    attention: Tensor,
    mask: Tensor,
    targets: GlyphTargets,
    *,
    grid: tuple[int, int],
    frame: tuple[int, int],
) -> Mean:
    """Cross-entropy of the taught head against the cell of each token's glyph.

    Args:
        attention: (B, T, S) logits of the taught head.
        mask: (B, S) True where a cell is real.
        targets: the batch's glyph places.
        grid: rows and columns of the S cells.
        frame: height and width of the padded pictures in pixels.
    """
    cells, is_known = cells_of(targets.places, grid=grid, frame=frame)
    flat = cells[..., 0] * grid[1] + cells[..., 1]
    is_known = is_known & mask.gather(1, flat)
    expected = torch.where(is_known, flat, _IGNORE)
    # A batch without any known place must give 0, not the mean of nothing.
    summed = F.cross_entropy(
        attention.flatten(0, 1).float(), expected.flatten(), ignore_index=_IGNORE, reduction="sum"
    )
    return Mean(summed / is_known.sum().clamp(min=1), is_known.sum())


def cells_of(
    places: Tensor, *, grid: tuple[int, int], frame: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Row and column of the cell under each place, and whether the place is known.

    Args:
        places: (…, 2) x and y in pixels, NaN where unknown.
        grid: rows and columns of cells over the frame.
        frame: height and width of the frame in pixels.

    Returns:
        (…, 2) row and column, clamped into the grid, and (…) truth values.
    """
    is_known = ~places[..., 0].isnan()
    x, y = places.nan_to_num().unbind(-1)
    # Plain numbers, since a tensor of them would have to be sent to the device at every step.
    cells = [
        (coordinate / side * count).floor().long().clamp(min=0, max=count - 1)
        for coordinate, side, count in zip((y, x), frame, grid, strict=True)
    ]
    return torch.stack(cells, dim=-1), is_known


class GlyphHead(nn.Module):
    """Names the glyph whose centre lies in each cell of the encoder's fine features."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classify = nn.Conv2d(channels, classes, kernel_size=1)

    def forward(self, features: Tensor, targets: GlyphTargets, frame: tuple[int, int]) -> Mean:
        """Weighted cross-entropy over the cells with a glyph, and over a part of the others.

        Args:
            features: (B, C, h, w) features that cover the padded pictures.
            targets: the batch's glyphs.
            frame: height and width of the padded pictures in pixels.
        """
        height, width = features.shape[-2:]
        cells, _ = cells_of(targets.centres, grid=(height, width), frame=frame)
        positions = (targets.rows, cells[:, 0], cells[:, 1])
        empty = torch.full(
            (len(features), height, width), BACKGROUND, dtype=torch.long, device=features.device
        )
        empty[positions] = _IGNORE
        glyphs = self._score(
            features.permute(0, 2, 3, 1)[positions],
            torch.where(targets.classes < 0, _IGNORE, targets.classes),
            weight=1.0,
        )
        blank = self._score(
            features[..., ::BACKGROUND_STEP].permute(0, 2, 3, 1).flatten(0, 2),
            empty[..., ::BACKGROUND_STEP].flatten(),
            weight=BACKGROUND_WEIGHT * BACKGROUND_STEP,
        )
        weight = glyphs.weight + blank.weight
        return Mean((glyphs.value + blank.value) / weight.clamp(min=1e-9), weight)

    def _score(self, features: Tensor, expected: Tensor, *, weight: float) -> Mean:
        """Weighted sum over (N, C) features of cells and their classes (N,), and the weights'."""
        logits = F.linear(features, self.classify.weight.flatten(1), self.classify.bias).float()
        summed = F.cross_entropy(logits, expected, ignore_index=_IGNORE, reduction="sum")
        return Mean(summed * weight, (expected != _IGNORE).sum() * weight)


class Objective(nn.Module):
    """The losses of one batch as one module, so that processes can share its gradients.

    A compiler too then sees all of it.

    Attributes:
        network: the network under training.
        head: the glyph classifier, or None.
    """

    def __init__(self, network: Network, head: GlyphHead | None, settings: TrainSettings) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.settings = settings

    def forward(
        self, images: Tensor, sizes: Tensor, ids: Tensor, glyphs: tuple[Tensor, ...] | None
    ) -> dict[str, Tensor]:
        """Losses by name: text, glyph, attention; the last two where they are taught.

        Args:
            images: (B, 1, H, W) ink.
            sizes: (B, 2) heights and widths.
            ids: (B, T + 1) begin, tokens, end, padding.
            glyphs: fields of the batch's `GlyphTargets`, or None.

        Returns:
            (2,) each: the mean, and the weight of what it is the mean of.
        """
        memory = self.network.encode(images, sizes)
        decoded = self.network.decode(memory, ids[:, :-1])
        losses = {
            "text": text_loss(decoded.logits, ids[:, 1:], smoothing=self.settings.label_smoothing)
        }
        if glyphs is not None:
            targets = GlyphTargets(*glyphs)
            frame = cast("tuple[int, int]", tuple(images.shape[-2:]))
            if self.head is not None:
                losses["glyph"] = self.head(memory.glyphs, targets, frame)
            if self.settings.attention_weight:
                losses["attention"] = attention_loss(
                    decoded.attention, memory.mask, targets, grid=memory.grid, frame=frame
                )
        return {name: _stacked(mean) for name, mean in losses.items()}

    def weight(self, name: str) -> float:
        """Weight of a loss in the sum that is minimised."""
        weights = {
            "text": 1.0,
            "glyph": self.settings.glyph_weight,
            "attention": self.settings.attention_weight,
        }
        return weights[name]


def _stacked(mean: Mean) -> Tensor:
    return torch.stack([mean.value, mean.weight.to(mean.value.dtype)])
