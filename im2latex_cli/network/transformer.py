"""Transformer layers: pre-norm, over the encoder's grid and as a decoder with cached keys.

Positions are sinusoidal, in one and two dimensions (Vaswani et al. 2017, section 3.5).

For reading, the decoder has a step of its own (`step`): the same sums without what a step does not
need, which are modules, whose calls take as long as a small product; dropout; positions computed
anew; a cache for each hypothesis. The tokens that a beam has read are a tree (`Tree`): hypotheses
share their beginnings. Each node is kept once for each picture, in room that is taken in blocks and
written in place; which nodes a hypothesis sees is a mask. So a new order of the hypotheses moves
rows of the mask, not keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from im2latex_cli.decoding.engine import WrittenNodes
from im2latex_cli.decoding.torch_ops import TORCH
from im2latex_cli.network.attention import CrossAttention, KeyValue, SelfAttention
from im2latex_cli.network.encoder_output import Decoded, Memory


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Positions (N,) as sines and cosines (N, width), interleaved; `width` must be even."""
    angles = positions[:, None].float() * frequencies(width, positions.device)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def frequencies(width: int, device: torch.device) -> Tensor:
    """Radians a position, (width / 2,)."""
    steps = torch.arange(0, width, 2, device=device, dtype=torch.float32)
    return torch.exp(steps * (-math.log(1e4) / width))


def grid_sinusoids(rows: int, columns: int, width: int, *, device: torch.device) -> Tensor:
    """Positions of a grid's cells, (rows * columns, width): first half the row, then the column.

    `width` must be a multiple of 4.
    """
    row = sinusoids(torch.arange(rows, device=device), width // 2)
    column = sinusoids(torch.arange(columns, device=device), width // 2)
    both = [row[:, None].expand(rows, columns, -1), column[None].expand(rows, columns, -1)]
    return torch.cat(both, dim=-1).flatten(0, 1)


BLOCK = 16
"""Steps for which room is taken at a time."""


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
    filled: WrittenNodes = field(default_factory=WrittenNodes)

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
            tree = replace(
                self, nodes=self.nodes.clone(), mask=self.mask.clone(), filled=WrittenNodes()
            )
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
        """See `DecoderState.repeat`."""
        return replace(self, mask=self.mask.repeat_interleave(times, dim=1))

    def reorder(self, rows: Tensor) -> Self:
        """See `DecoderState.reorder`."""
        mask = self.mask.flatten(0, 1).index_select(0, rows).view_as(self.mask)
        return replace(self, mask=mask)

    def select(self, pictures: Tensor) -> Self:
        """See `DecoderState.select`."""
        nodes, mask = self.nodes[:, pictures], self.mask[pictures]
        return replace(self, nodes=nodes, mask=mask, filled=WrittenNodes(self.used))

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
        return replace(self, nodes=nodes, mask=mask, used=kept, filled=WrittenNodes(kept))


def _apart(width: int, like: Tensor) -> Tensor:
    """(K, K): each hypothesis sees the node of its own."""
    return like.new_full((width, width), -math.inf).fill_diagonal_(0)


POSITIONS = 64
"""Positions computed at a time."""

Affine = tuple[Tensor, Tensor]
"""Weight and bias."""


class LayerWeights(NamedTuple):
    """Of one decoder layer, in the order in which a step needs them.

    Attributes:
        norm_self: before attention over what was read. project: to queries, keys and values.
        out: from heads. norm_cross: before attention over the memory. query: to queries.
        cross_out: from heads. norm_inner: before the feed-forward layers `first` and `second`.
    """

    norm_self: Affine
    project: Affine
    out: Affine
    norm_cross: Affine
    query: Affine
    cross_out: Affine
    norm_inner: Affine
    first: Affine
    second: Affine


class Weights(NamedTuple):
    """Of a decoder: embeddings (V, D), the last norm, the layers; how many heads."""

    embedding: Tensor
    norm: Affine
    layers: tuple[LayerWeights, ...]
    heads: int


@dataclass(frozen=True, slots=True)
class TreeState:
    """Where the decoder stands.

    Attributes:
        weights: of the decoder.
        memory: keys and values of the pictures for each layer, B rows.
        mask: (B, S), or None where nothing is padded.
        tree: keys and values of the tokens so far.
        positions: (P, D), P at least the position.
        position: tokens read so far.
    """

    weights: Weights
    memory: tuple[KeyValue, ...]
    mask: Tensor | None
    tree: Tree
    positions: Tensor
    position: int = 0

    def repeat(self, times: int) -> Self:
        """See `DecoderState.repeat`."""
        return replace(self, tree=self.tree.repeat(times))

    def reorder(self, rows: Tensor) -> Self:
        """See `DecoderState.reorder`."""
        return replace(self, tree=self.tree.reorder(rows))

    def select(self, pictures: Tensor) -> Self:
        """See `DecoderState.select`."""
        memory = tuple((key[pictures], value[pictures]) for key, value in self.memory)
        mask = None if self.mask is None else self.mask[pictures]
        return replace(self, memory=memory, mask=mask, tree=self.tree.select(pictures))


def start(
    weights: Weights, features: Tensor, memory: tuple[KeyValue, ...], mask: Tensor | None
) -> TreeState:
    """Nothing read yet: one row for each of the features (B, S, D)."""
    tree = Tree.plant(features, layers=len(weights.layers))
    packed = tuple((key.contiguous(), value.contiguous()) for key, value in memory)
    return TreeState(weights, packed, mask, tree, _positions(POSITIONS, features))


def step(ids: Tensor, state: TreeState) -> tuple[Tensor, TreeState]:
    """Last ids (R,) to logits (R, V) and the next state."""
    weights, heads = state.weights, state.weights.heads
    if state.position == len(state.positions):
        state = replace(state, positions=_positions(2 * state.position, state.positions))
    tree = state.tree.grown()
    seen, allowed = tree.seen(), None if state.mask is None else state.mask[:, None, None]
    width = weights.embedding.shape[1]
    x = F.embedding(ids.view(len(tree.mask), -1), weights.embedding) * math.sqrt(width)
    x = x + state.positions[state.position]
    for number, (layer, memory) in enumerate(zip(weights.layers, state.memory, strict=True)):
        projected = F.linear(_norm(x, layer.norm_self), *layer.project)
        query, read = projected.split_with_sizes((width, 2 * width), -1)
        key, value = tree.write(number, read).split_with_sizes((width, width), -1)
        mixed = F.scaled_dot_product_attention(
            _split(query, heads), _split(key, heads), _split(value, heads), attn_mask=seen
        )
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), *layer.out)
        query = _split(F.linear(_norm(x, layer.norm_cross), *layer.query), heads)
        mixed = F.scaled_dot_product_attention(query, *memory, attn_mask=allowed)
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), *layer.cross_out)
        inner = F.gelu(F.linear(_norm(x, layer.norm_inner), *layer.first))
        x = x + F.linear(inner, *layer.second)
    logits = F.linear(_norm(x, weights.norm), weights.embedding).flatten(0, 1)
    return logits, replace(state, tree=tree, position=state.position + 1)


def _norm(x: Tensor, affine: Affine) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], *affine)


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, T, D) to (B, heads, T, D / heads)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def _positions(count: int, like: Tensor) -> Tensor:
    places = torch.arange(count, device=like.device)
    return sinusoids(places, like.shape[-1]).to(like.dtype)


class FeedForward(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(width, inner)
        self.second = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Keep (B, T, D)."""
        mapped: Tensor = self.second(self.dropout(F.gelu(self.first(x))))
        return mapped


class EncoderLayer(nn.Module):
    """Self-attention over the cells of a picture."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(width)
        self.norm_inner = nn.LayerNorm(width)
        self.attend = SelfAttention(width, heads, dropout)
        self.inner = FeedForward(width, inner, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Keep (B, S, D); mask (B, S) or None."""
        x = x + self.dropout(self.attend(self.norm_self(x), mask=mask))
        kept: Tensor = x + self.dropout(self.inner(self.norm_inner(x)))
        return kept


class DecoderLayer(nn.Module):
    """Causal self-attention, attention over the memory, feed-forward."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(width)
        self.norm_cross = nn.LayerNorm(width)
        self.norm_inner = nn.LayerNorm(width)
        self.attend = SelfAttention(width, heads, dropout)
        self.cross = CrossAttention(width, heads, dropout)
        self.inner = FeedForward(width, inner, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: KeyValue, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, T, D) to (B, T, D); also the queries put to the memory."""
        x = x + self.dropout(self.attend(self.norm_self(x), causal=True))
        return self._look(x, memory, mask)

    def step(
        self, x: Tensor, memory: KeyValue, mask: Tensor | None, cache: KeyValue | None
    ) -> tuple[Tensor, Tensor, KeyValue]:
        """Map one position (R, 1, D); the rows of a picture share its memory; also the queries."""
        attended, cache = self.attend.step(self.norm_self(x), cache)
        x = (x + attended).view(memory[0].shape[0], -1, x.shape[-1])
        x, queries = self._look(x, memory, mask)
        return x.reshape(-1, 1, x.shape[-1]), queries, cache

    def weights(self) -> LayerWeights:
        """For `stepping`."""
        return LayerWeights(
            _affine(self.norm_self),
            _affine(self.attend.project),
            _affine(self.attend.out),
            _affine(self.norm_cross),
            _affine(self.cross.query),
            _affine(self.cross.out),
            _affine(self.norm_inner),
            _affine(self.inner.first),
            _affine(self.inner.second),
        )

    def _look(self, x: Tensor, memory: KeyValue, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        queries = self.cross.queries(self.norm_cross(x))
        x = x + self.dropout(self.cross(queries, memory, mask))
        return x + self.dropout(self.inner(self.norm_inner(x))), queries


@dataclass(frozen=True, slots=True)
class TransformerState:
    """Where the decoder of a graph stands; memory by picture, caches by row.

    Attributes:
        memory: keys and values of the picture for each layer, B rows.
        mask: (B, S), or None where nothing is padded.
        caches: keys and values of the tokens so far for each layer, R rows; empty at first.
        position: tokens read so far.
    """

    memory: tuple[KeyValue, ...]
    mask: Tensor | None
    caches: tuple[KeyValue, ...] = ()
    position: int = 0

    def repeat(self, times: int) -> Self:
        """Turn each row into `times` equal rows."""
        caches = (
            (k.repeat_interleave(times, 0), v.repeat_interleave(times, 0)) for k, v in self.caches
        )
        return replace(self, caches=tuple(caches))


class TransformerDecoder(nn.Module):
    """Pre-norm decoder layers; the output layer shares the weights of the embeddings."""

    def __init__(
        self, vocab_size: int, *, width: int, heads: int, inner: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.layers = nn.ModuleList(
            DecoderLayer(width, heads, inner, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.taught_layer = min(1, layers - 1)

    def start(self, memory: Memory) -> TreeState:
        """One row a picture, nothing read."""
        layers = self._layers()
        weights = Weights(
            self.embedding.weight,
            _affine(self.norm),
            tuple(layer.weights() for layer in layers),
            layers[0].attend.heads,
        )
        mask = memory.mask if memory.padded else None
        return start(weights, memory.features, self._memory(memory), mask)

    def start_graph(self, memory: Memory) -> TransformerState:
        """The same for a graph, which keeps a cache for each hypothesis."""
        return TransformerState(self._memory(memory), memory.mask if memory.padded else None)

    def _memory(self, memory: Memory) -> tuple[KeyValue, ...]:
        """Keys and values of the pictures for each layer."""
        return tuple(layer.cross.memory(memory.features) for layer in self._layers())

    def decode(self, memory: Memory, ids: Tensor) -> Decoded:
        """Teacher forced: (B, T) ids to what should follow each of them."""
        seen, mask = self._memory(memory), memory.mask if memory.padded else None
        positions = torch.arange(ids.shape[1], device=ids.device)
        x = self.dropout(self._embed(ids, positions))
        attention = x.new_empty(0)
        for index, layer in enumerate(self._layers()):
            x, queries = layer(x, seen[index], mask)
            if index == self.taught_layer:
                attention = layer.cross.taught(queries, seen[index], memory.mask)
        return Decoded(self._logits(x), attention)

    def step(self, ids: Tensor, state: TreeState) -> tuple[Tensor, TreeState]:
        """Last ids (R,) to logits (R, V) and the next state."""
        return step(ids, state)

    def look(
        self, ids: Tensor, state: TransformerState, mask: Tensor
    ) -> tuple[Tensor, Tensor, TransformerState]:
        """Like `step`, and the attention logits (B, K, S) of the taught head."""
        position = torch.full((1,), state.position, device=ids.device)
        x = self._embed(ids[:, None], position)
        caches, taught = [], x
        for index, layer in enumerate(self._layers()):
            memory, before = state.memory[index], state.caches[index] if state.caches else None
            x, queries, cache = layer.step(x, memory, state.mask, before)
            caches.append(cache)
            taught = queries if index == self.taught_layer else taught
        after = replace(state, caches=tuple(caches), position=state.position + 1)
        memory, cross = state.memory[self.taught_layer], self._layers()[self.taught_layer].cross
        return self._logits(x[:, 0]), cross.taught(taught, memory, mask), after

    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        width = self.embedding.embedding_dim
        embedded: Tensor = self.embedding(ids) * math.sqrt(width)
        return embedded + sinusoids(positions, width).to(embedded.dtype)

    def _logits(self, x: Tensor) -> Tensor:
        return F.linear(self.norm(x), self.embedding.weight)

    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]


def _affine(module: nn.Linear | nn.LayerNorm) -> Affine:
    return module.weight, module.bias
