"""A transformer decoder's step, for reading only.

The same sums as in `transformer`, without what a step does not need: modules, whose calls take as
long as a small product; dropout; positions computed anew; a cache for each hypothesis (`tree`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from im2latex_cli.network.attention import KeyValue
from im2latex_cli.network.kv_tree import Tree
from im2latex_cli.network.positions import sinusoids

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
        """See `State.repeat`."""
        return replace(self, tree=self.tree.repeat(times))

    def reorder(self, rows: Tensor) -> Self:
        """See `State.reorder`."""
        return replace(self, tree=self.tree.reorder(rows))

    def select(self, pictures: Tensor) -> Self:
        """See `State.select`."""
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
