"""Keys and values of what the hypotheses of a picture have read, once for all of them.

As `network.transformer.Tree`, with NumPy's arrays, laid out as `network.step_graph` takes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.decoding.engine import WrittenNodes

Arrays = dict[str, NDArray[Any]]
BLOCK = 8
"""Steps for which room is taken at a time; all of it goes through attention, behind the mask."""


@dataclass(frozen=True, slots=True)
class OnnxTree:
    """A decoder state whose hypotheses share what they have read; see `DecoderState`.

    Attributes:
        memory: arrays (B, ...) by picture.
        keys: (layers, B, heads, D / heads, N); the first `used` nodes are written.
        values: (layers, B, heads, N, D / heads).
        seen: (B, K, N) to be added to attention logits: 0 where a hypothesis sees a node, else
            minus infinity.
        used: nodes of each picture.
        position: tokens read so far.
        filled: how far these buffers are written, by whichever state.
    """

    memory: Arrays
    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    seen: NDArray[np.float32]
    used: int = 0
    position: int = 0
    filled: WrittenNodes = field(default_factory=WrittenNodes)

    @classmethod
    def begin(cls, memory: Arrays, *, layers: int) -> Self:
        """Nothing read yet: one hypothesis a picture."""
        batch, heads, _, size = memory["memory_0_key"].shape
        return cls(
            memory,
            np.zeros((layers, batch, heads, size, BLOCK), np.float32),
            np.zeros((layers, batch, heads, BLOCK, size), np.float32),
            np.full((batch, 1, BLOCK), -math.inf, np.float32),
        )

    def inputs(self) -> Arrays:
        """What a step takes beside the ids; the last tokens' own nodes are seen by them alone."""
        width = self.seen.shape[1]
        own = np.full((width, width), -math.inf, np.float32)
        np.fill_diagonal(own, 0)
        seen = np.concatenate([self.seen, np.broadcast_to(own, (*self.seen.shape[:2], width))], 2)
        caches = {
            f"cache_{at}_{part}": buffer[at]
            for part, buffer in (("key", self.keys), ("value", self.values))
            for at in range(len(buffer))
        }
        position = np.array([self.position])
        return {**self.memory, **caches, "seen": seen, "position": position}

    def grown(self, keys: list[NDArray[np.float32]], values: list[NDArray[np.float32]]) -> Self:
        """The state after a step, with the keys and values of each layer that it gave."""
        tree, width = self, self.seen.shape[1]
        if self.used + width > self.seen.shape[2]:
            tree = self._with_room(BLOCK * width)
        elif self.filled.nodes != self.used:  # another step was taken from here
            tree = replace(
                self, keys=self.keys.copy(), values=self.values.copy(), filled=WrittenNodes()
            )
        new = slice(tree.used, tree.used + width)
        for at, (key, value) in enumerate(zip(keys, values, strict=True)):
            tree.keys[at, ..., new], tree.values[at, :, :, new] = key, value
        seen = tree.seen.copy()
        own = np.arange(width)
        seen[:, own, tree.used + own] = 0
        tree.filled.nodes = new.stop
        return replace(tree, seen=seen, used=new.stop, position=self.position + 1)

    def repeat(self, times: int) -> Self:
        """See `DecoderState.repeat`."""
        return replace(self, seen=np.repeat(self.seen, times, axis=1))

    def reorder(self, rows: Any) -> Self:
        """See `DecoderState.reorder`."""
        flat = self.seen.reshape(-1, self.seen.shape[2])
        return replace(self, seen=np.take(flat, rows, axis=0).reshape(self.seen.shape))

    def select(self, pictures: Any) -> Self:
        """See `DecoderState.select`."""
        return replace(
            self,
            memory={name: one[pictures] for name, one in self.memory.items()},
            keys=self.keys[:, pictures],
            values=self.values[:, pictures],
            seen=self.seen[pictures],
            filled=WrittenNodes(self.used),
        )

    def _with_room(self, more: int) -> Self:
        """A copy with room for `more` nodes, without those that nobody sees any longer."""
        live = (self.seen[:, :, : self.used] == 0).any(1)
        kept = int(live.sum(1).max())
        order = np.argsort(~live, axis=1, kind="stable")[:, :kept]
        layers, batch, heads, size, _ = self.keys.shape
        keys = np.zeros((layers, batch, heads, size, kept + more), np.float32)
        values = np.zeros((layers, batch, heads, kept + more, size), np.float32)
        seen = np.full((batch, self.seen.shape[1], kept + more), -math.inf, np.float32)
        for at, nodes in enumerate(order):
            keys[:, at, ..., :kept] = self.keys[:, at][..., nodes]
            values[:, at, :, :kept] = self.values[:, at][:, :, nodes]
            seen[at, :, :kept] = self.seen[at][:, nodes]
        return replace(
            self, keys=keys, values=values, seen=seen, used=kept, filled=WrittenNodes(kept)
        )
