"""Transformer layers: pre-norm, over the encoder's grid and as a decoder with cached keys."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from im2latex_cli.network import incremental_decoder
from im2latex_cli.network.attention import CrossAttention, KeyValue, SelfAttention
from im2latex_cli.network.encoder_output import Decoded, Memory
from im2latex_cli.network.incremental_decoder import Affine, LayerWeights, TreeState, Weights
from im2latex_cli.network.positions import sinusoids


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
        return incremental_decoder.start(weights, memory.features, self._memory(memory), mask)

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
        return incremental_decoder.step(ids, state)

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
