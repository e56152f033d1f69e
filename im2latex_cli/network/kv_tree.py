"""Keys and values of what the hypotheses of a picture have read, once for all of them.

The tokens that a beam has read are a tree: hypotheses share their beginnings. Each node is kept
once for each picture, in room that is taken in blocks and written in place; which nodes a
hypothesis sees is a mask. So a new order of the hypotheses moves rows of the mask, not keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from im2latex_cli.decoding.torch_ops import TORCH

BLOCK = 16
"""Steps for which room is taken at a time."""


@dataclass(slots=True)
class _Filled:
    """Nodes written into a buffer; a state that has fewer must not write there."""

    nodes: int = 0


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes of B pictures with K hypotheses each.

    Attributes:
        nodes: (layers, B, N, 2 * D) keys and, behind them, values; the first `used` are written.
        mask: (B, K, N) to be added to attention logits: 0 where a hypothesis sees a node, else
            minus infinity.
        used: nodes of each picture.
        filled: how far this buffer is written, by whichever state.
    """

    nodes: Tensor
    mask: Tensor
    used: int
    filled: _Filled = field(default_factory=_Filled)

    @classmethod
    def plant(cls, like: Tensor, *, layers: int) -> Self:
        """No nodes yet, for features `like` (B, S, D): one hypothesis a picture."""
        nodes = like.new_empty((layers, len(like), BLOCK, 2 * like.shape[-1]))
        mask = like.new_full((len(like), 1, BLOCK), -math.inf)
        return cls(nodes, mask, 0)

    def grown(self) -> Self:
        """The tree with one more node for each hypothesis, seen by it alone, to be written."""
        tree, width = self, self.mask.shape[1]
        if self.used + width > self.nodes.shape[2]:
            tree = self._with_room(BLOCK * width)
        elif self.filled.nodes != self.used:  # another step was taken from here
            tree = replace(self, nodes=self.nodes.clone(), mask=self.mask.clone(), filled=_Filled())
        used = tree.used + width
        tree.mask[:, :, tree.used : used] = _apart(width, tree.mask)
        tree.filled.nodes = used
        return replace(tree, used=used)

    def write(self, layer: int, written: Tensor) -> Tensor:
        """Put keys and values (B, K, 2 * D) into the newest nodes; all of the layer's."""
        nodes = self.nodes[layer]
        nodes[:, self.used - written.shape[1] : self.used] = written
        return nodes[:, : self.used]

    def seen(self) -> Tensor | None:
        """The mask (B, 1, K, used), or None where every node is seen."""
        return None if self.mask.shape[1] == 1 else self.mask[:, None, :, : self.used]

    def repeat(self, times: int) -> Self:
        """See `State.repeat`."""
        return replace(self, mask=self.mask.repeat_interleave(times, dim=1))

    def reorder(self, rows: Tensor) -> Self:
        """See `State.reorder`."""
        mask = self.mask.flatten(0, 1).index_select(0, rows).view_as(self.mask)
        return replace(self, mask=mask)

    def select(self, pictures: Tensor) -> Self:
        """See `State.select`."""
        nodes, mask = self.nodes[:, pictures], self.mask[pictures]
        return replace(self, nodes=nodes, mask=mask, filled=_Filled(self.used))

    def _with_room(self, more: int) -> Self:
        """A copy with room for `more` nodes, without those that nobody sees any longer.

        Where the host would wait to know them all are kept, and the room is doubled.
        """
        layers, batch, _, width = self.nodes.shape
        if not TORCH.waits(self.nodes):
            live = self.mask[:, :, : self.used].eq(0).any(1)
            kept = int(live.sum(1).max())
            order = live.byte().argsort(dim=1, descending=True, stable=True)[:, :kept]
            first = torch.arange(batch)[:, None] * self.nodes.shape[2]
            flat = self.nodes.flatten(1, 2).index_select(1, (first + order).flatten())
            old = flat.view(layers, batch, kept, width)
            seen = self.mask.gather(2, order[:, None].expand(-1, self.mask.shape[1], -1))
        else:
            kept, more = self.used, max(more, self.used)
            old, seen = self.nodes[:, :, :kept], self.mask[:, :, :kept]
        nodes = old.new_empty((layers, batch, kept + more, width))
        mask = seen.new_full((*seen.shape[:2], kept + more), -math.inf)
        nodes[:, :, :kept], mask[:, :, :kept] = old, seen
        return replace(self, nodes=nodes, mask=mask, used=kept, filled=_Filled(kept))


def _apart(width: int, like: Tensor) -> Tensor:
    """(K, K): each hypothesis sees the node of its own."""
    return like.new_full((width, width), -math.inf).fill_diagonal_(0)
