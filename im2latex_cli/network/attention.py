"""Attention: scaled dot product over heads, and the additive kind of recurrent decoders."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from im2latex_cli.network.encoder_output import MASKED

KeyValue = tuple[Tensor, Tensor]
"""Keys and values, (rows, heads, length, D / heads) each."""


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence over itself (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, *, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """Map (B, T, D) to (B, T, D); mask (B, T) is True where a position may be read."""
        query, key, value = (_split(part, self.heads) for part in self.project(x).chunk(3, -1))
        dropout = self.dropout if self.training else 0.0
        return self._join(_mix(query, key, value, mask=mask, causal=causal, dropout=dropout))

    def step(self, x: Tensor, cache: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """Map one more position (R, 1, D), given the keys and values of those before it."""
        query, key, value = (_split(part, self.heads) for part in self.project(x).chunk(3, -1))
        if cache is not None:
            key, value = torch.cat([cache[0], key], dim=2), torch.cat([cache[1], value], dim=2)
        return self._join(F.scaled_dot_product_attention(query, key, value)), (key, value)

    def _join(self, heads: Tensor) -> Tensor:
        joined: Tensor = self.out(heads.transpose(1, 2).flatten(2))
        return joined


class CrossAttention(nn.Module):
    """Multi-head attention of a sequence over the memory, whose keys are computed once."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.project = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def queries(self, x: Tensor) -> Tensor:
        """Map (B, T, D) to queries (B, heads, T, D / heads)."""
        return _split(self.query(x), self.heads)

    def memory(self, features: Tensor) -> KeyValue:
        """Keys and values of the memory's features (B, S, D)."""
        key, value = self.project(features).chunk(2, -1)
        return _split(key, self.heads), _split(value, self.heads)

    def forward(self, queries: Tensor, memory: KeyValue, mask: Tensor | None) -> Tensor:
        """Map queries to (B, T, D); mask (B, S) is True where a cell may be read."""
        dropout = self.dropout if self.training else 0.0
        mixed = _mix(queries, *memory, mask=mask, causal=False, dropout=dropout)
        joined: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return joined

    def taught(self, queries: Tensor, memory: KeyValue, mask: Tensor) -> Tensor:
        """Attention logits of the first head, (B, T, S)."""
        logits = queries[:, 0] @ memory[0][:, 0].transpose(1, 2) / math.sqrt(queries.shape[-1])
        return logits.masked_fill(~mask[:, None], MASKED)


class AdditiveAttention(nn.Module):
    """A two-layer perceptron scores each cell against the query (Bahdanau et al. 2015)."""

    def __init__(self, memory: int, query: int, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory, width, bias=False)
        self.query = nn.Linear(query, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Attention logits (B, K, S) of queries (B, K, Q) over keys (B, S, A)."""
        hidden = torch.tanh(keys[:, None] + self.query(query)[:, :, None])
        logits: Tensor = self.score(hidden)
        return logits.squeeze(-1).masked_fill(~mask[:, None], MASKED)


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, T, D) to (B, heads, T, D / heads)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def _mix(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor | None,
    causal: bool,
    dropout: float,
) -> Tensor:
    """Values (B, heads, T, D) weighed by attention; mask (B, S) is True where one may look.

    For gradients in bfloat16 on a CPU it is written out: the backward pass of torch's fused kernel
    takes two to four times as long there, and sequences are too short for its saving of memory. In
    float32 the fused kernel takes 70 to 90 % of the time without dropout, and 83 to 102 % with it.
    """
    allowed = None if mask is None else mask[:, None, None]
    learns = torch.is_grad_enabled() and query.requires_grad
    if not (learns and query.device.type == "cpu" and query.dtype == torch.bfloat16):
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=dropout, is_causal=causal
        )
    logits = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)
    if causal:
        later = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
        logits = logits.masked_fill(later, MASKED)
    if allowed is not None:
        logits = logits.masked_fill(~allowed, MASKED)
    weights = F.dropout(logits.softmax(dim=-1), dropout)
    return weights.to(value.dtype) @ value
