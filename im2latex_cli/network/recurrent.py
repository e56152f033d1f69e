"""A recurrent decoder that looks at the picture once a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor, nn

from im2latex_cli.decoding.engine import take_pictures
from im2latex_cli.network.attention import AdditiveAttention
from im2latex_cli.network.encoder_output import Decoded, Memory


@dataclass(frozen=True, slots=True)
class RecurrentState:
    """Where the decoder stands; memory by picture, the rest by row.

    Attributes:
        features: (B, S, D). keys: (B, S, A). mask: (B, S).
        hidden: (R, U). cell: (R, U), equal to hidden for a GRU.
        output: (R, O), fed into the next step.
    """

    features: Tensor
    keys: Tensor
    mask: Tensor
    hidden: Tensor
    cell: Tensor
    output: Tensor

    def repeat(self, times: int) -> Self:
        """See `DecoderState.repeat`."""
        return self._map_rows(lambda rows: rows.repeat_interleave(times, dim=0))

    def reorder(self, rows: Tensor) -> Self:
        """See `DecoderState.reorder`."""
        return self._map_rows(lambda old: old.index_select(0, rows))

    def select(self, pictures: Tensor) -> Self:
        """See `DecoderState.select`."""
        batch = self.features.shape[0]
        kept = self._map_rows(lambda rows: take_pictures(rows, pictures, batch=batch))
        memory = {name: getattr(self, name)[pictures] for name in ("features", "keys", "mask")}
        return replace(kept, **memory)

    def _map_rows(self, change: Callable[[Tensor], Tensor]) -> Self:
        return replace(
            self,
            hidden=change(self.hidden),
            cell=change(self.cell),
            output=change(self.output),
        )


class RecurrentDecoder(nn.Module):
    """LSTM or GRU with additive attention, input feeding and a trained start state.

    At each step (Luong et al. 2015, section 3.3, with Bahdanau's scores): the cell reads the
    token and the previous output, its state queries the memory, and the output
    `tanh(W [state; context])` gives the logits.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        kind: Literal["lstm", "gru"],
        memory: int,
        units: int,
        attention: int,
        output: int,
        embedding: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding)
        make = nn.LSTMCell if kind == "lstm" else nn.GRUCell
        self.cell: nn.LSTMCell | nn.GRUCell = make(embedding + output, units)
        self.first = nn.Linear(memory, 2 * units + output)
        self.attention = AdditiveAttention(memory, units, attention)
        self.output = nn.Linear(units + memory, output)
        self.logits = nn.Linear(output, vocab_size)
        self.dropout = nn.Dropout(dropout)
        self.sizes = [units, units, output]
        self._initialise()

    def start(self, memory: Memory) -> RecurrentState:
        """One row a picture; the first state is a trained projection of the picture's mean."""
        weight = memory.mask[..., None].to(memory.features.dtype)
        mean = (memory.features * weight).sum(1) / weight.sum(1)
        hidden, cell, output = torch.split(torch.tanh(self.first(mean)), self.sizes, dim=-1)
        keys = self.attention.key(memory.features)
        return RecurrentState(memory.features, keys, memory.mask, hidden, cell, output)

    def decode(self, memory: Memory, ids: Tensor) -> Decoded:
        """Teacher forced: (B, T) ids to what should follow each of them."""
        state = self.start(memory)
        embedded = self.dropout(self.embedding(ids))
        outputs, attention = [], []
        for token in embedded.unbind(dim=1):
            state, looked = self._advance(token, state)
            outputs.append(state.output)
            attention.append(looked)
        logits = self.logits(self.dropout(torch.stack(outputs, dim=1)))
        return Decoded(logits, torch.cat(attention, dim=1))

    def step(self, ids: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """Last ids (R,) to logits (R, V) and the next state."""
        state, _ = self._advance(self.embedding(ids), state)
        return self.logits(state.output), state

    def look(
        self, ids: Tensor, state: RecurrentState, mask: Tensor
    ) -> tuple[Tensor, Tensor, RecurrentState]:
        """Like `step`, and the attention logits (B, K, S); the mask is the state's."""
        state, looked = self._advance(self.embedding(ids), replace(state, mask=mask))
        return self.logits(state.output), looked, state

    def _advance(self, token: Tensor, state: RecurrentState) -> tuple[RecurrentState, Tensor]:
        """Read one embedded token a row (R, E); also the attention logits (B, K, S)."""
        read = torch.cat([token, state.output], dim=-1)
        if isinstance(self.cell, nn.LSTMCell):
            hidden, cell = self.cell(read, (state.hidden, state.cell))
        else:
            hidden = cell = self.cell(read, state.hidden)
        query = hidden.view(state.features.shape[0], -1, hidden.shape[-1])
        looked = self.attention(query, state.keys, state.mask)
        context = looked.softmax(dim=-1).to(state.features.dtype) @ state.features
        output = torch.tanh(self.output(torch.cat([hidden, context.flatten(0, 1)], dim=-1)))
        return replace(state, hidden=hidden, cell=cell, output=output), looked

    def _initialise(self) -> None:
        nn.init.normal_(self.embedding.weight, std=self.embedding.embedding_dim**-0.5)
        for linear in (
            self.first,
            self.output,
            self.logits,
            self.attention.key,
            self.attention.query,
        ):
            nn.init.xavier_uniform_(linear.weight)
        nn.init.orthogonal_(self.cell.weight_hh)
        nn.init.xavier_uniform_(self.cell.weight_ih)
        nn.init.zeros_(self.cell.bias_ih)
        nn.init.zeros_(self.cell.bias_hh)
        if isinstance(self.cell, nn.LSTMCell):
            units = self.cell.hidden_size
            nn.init.ones_(self.cell.bias_ih[units : 2 * units])  # forget gates start open
