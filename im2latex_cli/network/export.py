"""The network as two ONNX graphs without weights: pictures to memory, and a step of the decoder.

A graph knows the network's dimensions, nothing of its vocabulary and no weight: it names the
tensors of the model file that it needs. So one graph serves every model of those dimensions.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from im2latex_cli.decoding.engine import NEEDS, PREFIX, STRIDE
from im2latex_cli.network.encoder_output import Memory
from im2latex_cli.network.network import Network
from im2latex_cli.network.recurrent import RecurrentState
from im2latex_cli.network.step_graph import step_graph
from im2latex_cli.network.torch_engine import to_ink
from im2latex_cli.network.transformer import TransformerDecoder, TransformerState
from im2latex_cli.vision.prepare import UNIT

OPSET = 18
SCORES = "log_probabilities"


@dataclass(frozen=True, slots=True)
class Flat:
    """A decoder's state as named tensors: by picture (B, ...) and by hypothesis (B * K, ...)."""

    memory: dict[str, Tensor]
    rows: dict[str, Tensor]


def flatten(state: TransformerState | RecurrentState, mask: Tensor) -> Flat:
    """Name the tensors of a state; a transformer that has read nothing has caches of length 0."""
    if isinstance(state, RecurrentState):
        memory = {"features": state.features, "keys": state.keys}
        rows = {"hidden": state.hidden, "cell": state.cell, "output": state.output}
        return Flat(memory | {"mask": mask}, rows)
    caches = state.caches or tuple((k[:, :, :0], v[:, :, :0]) for k, v in state.memory)
    return Flat(_named("memory", state.memory) | {"mask": mask}, _named("cache", caches))


def _first(begun: Flat) -> dict[str, Tensor]:
    """The rows with which decoding begins; a transformer's are empty."""
    return {name: one for name, one in begun.rows.items() if not name.startswith("cache")}


def _begun(network: Network, memory: Memory) -> TransformerState | RecurrentState:
    """Nothing read yet."""
    if isinstance(network.decoder, TransformerDecoder):
        return network.decoder.start_graph(memory)
    return network.decoder.start(memory)


def _named(what: str, pairs: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    return {
        f"{what}_{at}_{part}": tensor
        for at, pair in enumerate(pairs)
        for part, tensor in zip(("key", "value"), pair, strict=True)
    }


def _restored(flat: Flat, *, recurrent: bool) -> TransformerState | RecurrentState:
    if recurrent:
        return RecurrentState(**flat.memory, **flat.rows)
    memory = [tensor for name, tensor in flat.memory.items() if name != "mask"]
    caches = list(flat.rows.values())
    return TransformerState(
        tuple(zip(memory[::2], memory[1::2], strict=True)),
        flat.memory["mask"],
        tuple(zip(caches[::2], caches[1::2], strict=True)),
        caches[0].shape[2],
    )


class _Encoder(nn.Module):
    """Grey pictures to all that the decoder begins with."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        memory = self.network.encode(to_ink(pictures), sizes, padded=True)
        flat = flatten(_begun(self.network, memory), memory.mask)
        return (*flat.memory.values(), *(one[:, None] for one in _first(flat).values()))


class _Decoder(nn.Module):
    """Last ids and state to log-probabilities, attention and the next state."""

    def __init__(self, network: Network, names: Flat) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, ids: Tensor, memory: list[Tensor], rows: list[Tensor]) -> tuple[Tensor, ...]:
        shape = ids.shape
        flat = Flat(
            dict(zip(self.names.memory, memory, strict=True)),
            dict(zip(self.names.rows, (one.flatten(0, 1) for one in rows), strict=True)),
        )
        state = _restored(flat, recurrent="hidden" in flat.rows)
        logits, attention, after = self.network.look(ids.flatten(), state, flat.memory["mask"])
        changed = flatten(after, flat.memory["mask"]).rows.values()
        return (
            logits.reshape(*shape, -1),
            attention.softmax(-1),
            *(one.reshape(*shape, *one.shape[1:]) for one in changed),
        )


def graphs(network: Network) -> dict[str, bytes]:
    """The graphs `encoder` and `decoder` of a network, as serialised ONNX models.

    Sizes of pictures and batches, hypotheses and length are free. Height and width of a batch
    are multiples of `prepare.UNIT`.

    Raises:
        ImportError: onnx or onnxscript is not installed.
    """
    network = network.eval()
    pictures = torch.zeros(2, 1, 4 * UNIT[0], 12 * UNIT[1], dtype=torch.uint8)
    sizes = torch.tensor([[40, 90], [64, 96]])
    memory = network.encode(to_ink(pictures), sizes, padded=True)
    state = _begun(network, memory)
    begun = flatten(state, memory.mask)
    later = state.repeat(3)
    for _ in range(5):
        _, _, later = network.look(torch.zeros(6, dtype=torch.int64), later, memory.mask)
    flat = flatten(later, memory.mask)
    return {
        "encoder": _encoder(network, begun, pictures, sizes),
        "decoder": step(network) or _decoder(network, flat),
    }


def step(network: Network) -> bytes | None:
    """The graph of a transformer decoder; None if the decoder is of another kind."""
    if not isinstance(network.decoder, TransformerDecoder):
        return None
    model = step_graph(network.decoder, opset=OPSET)
    inputs = {name for node in model.graph.node for name in node.input}
    needed = sorted(name.removeprefix(PREFIX) for name in inputs if name.startswith(PREFIX))
    return _marked(model, needed, network.stride)


def _encoder(network: Network, begun: Flat, pictures: Tensor, sizes: Tensor) -> bytes:
    batch = Dim("batch")
    high, wide = UNIT[0] * Dim("height_units"), UNIT[1] * Dim("width_units")
    return _traced(
        _Encoder(network),
        (pictures, sizes),
        {"pictures": {0: batch, 2: high, 3: wide}, "sizes": {0: batch}},
        ["pictures", "sizes"],
        [*begun.memory, *_first(begun)],
    )


def _decoder(network: Network, flat: Flat) -> bytes:
    batch, width, cells, length = (Dim(name) for name in ("batch", "beam", "cells", "length"))
    rows = [one.reshape(2, 3, *one.shape[1:]) for one in flat.rows.values()]
    of_rows: dict[int, Any] = {0: batch, 1: width}
    if rows[0].dim() == 5:  # caches (B, K, heads, T, D / heads)
        of_rows[3] = length
    of_memory = [{0: batch, 2 if one.dim() == 4 else 1: cells} for one in flat.memory.values()]
    return _traced(
        _Decoder(network, flat),
        (torch.zeros(2, 3, dtype=torch.int64), list(flat.memory.values()), rows),
        {"ids": {0: batch, 1: width}, "memory": of_memory, "rows": [of_rows] * len(rows)},
        ["ids", *flat.memory, *flat.rows],
        [SCORES, "attention", *(f"next_{name}" for name in flat.rows)],
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter talks of packages that nothing here needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _traced(
    module: _Encoder | _Decoder,
    examples: tuple[Any, ...],
    free: dict[str, Any],
    inputs: list[str],
    outputs: list[str],
) -> bytes:
    with _quietly():
        program = torch.onnx.export(
            module.eval(),
            examples,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=free,
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - it is None only where a file is named
    return _bare(program.model_proto, module.network.stride)


def _bare(model: Any, stride: tuple[int, int]) -> bytes:
    """Take out the weights, what tells of this machine, and shapes that would name a vocabulary."""
    graph = model.graph
    weights = [one for one in graph.initializer if one.name.startswith(PREFIX)]
    names = sorted(one.name.removeprefix(PREFIX) for one in weights)
    for one in weights:
        graph.initializer.remove(one)
    del graph.value_info[:]
    del graph.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    if graph.output[0].name == SCORES:
        graph.output[0].type.tensor_type.shape.dim[-1].dim_param = "vocabulary"
    return _marked(model, names, stride)


def _marked(model: Any, names: Sequence[str], stride: tuple[int, int]) -> bytes:
    """The serialised model with the names of the tensors that it needs, and its stride."""
    for key, value in ((NEEDS, names), (STRIDE, stride)):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
