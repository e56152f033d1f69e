"""A step of the transformer decoder as an ONNX graph, written node by node.

Traced, a step has 740 nodes, of which onnxruntime keeps 340, and most of the time of a step goes
into small ones; here it has 150. Keys and values of earlier tokens are kept once for a picture,
and the graph gives only those of the last tokens (see `onnx.tree`), so none is copied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from im2latex_cli.decoding.engine import PREFIX
from im2latex_cli.network.transformer import DecoderLayer, TransformerDecoder, frequencies

EPSILON = 1e-5
"""Of `nn.LayerNorm`."""
_HEADS_FIRST, _KEYS = (0, 2, 1, 3), (0, 2, 3, 1)
_ALL = -1


def step_graph(decoder: TransformerDecoder, *, opset: int) -> Any:
    """The graph without weights, as an ONNX model; shapes as in docs/how-to/export.md.

    Raises:
        ImportError: onnx is not installed.
    """
    return _StepGraph(decoder).model(opset)


class _StepGraph:
    """Collects the nodes of a graph.

    Args:
        decoder: whose step is written.
    """

    def __init__(self, decoder: TransformerDecoder) -> None:
        from onnx import helper

        self._onnx = helper
        self._layers = len(decoder.layers)
        self._taught = decoder.taught_layer
        self._width = decoder.embedding.embedding_dim
        layers = (layer for layer in decoder.layers if isinstance(layer, DecoderLayer))
        self._heads = next(layers).attend.heads
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def model(self, opset: int) -> Any:
        """The whole graph."""
        outputs = self._step()
        helper = self._onnx
        graph = helper.make_graph(
            self._nodes,
            "step",
            [self._value(*one) for one in self._inputs()],
            [self._value(*one) for one in outputs],
            initializer=list(self._constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 10
        model.producer_name = "im2latex"
        return model

    def _inputs(self) -> list[tuple[str, str, Sequence[Any]]]:
        head = self._width // self._heads
        memory = ("batch", self._heads, "cells", head)
        keys, values = ("batch", self._heads, head, "nodes"), ("batch", self._heads, "nodes", head)
        found: list[tuple[str, str, Sequence[Any]]] = [("ids", "INT64", ("batch", "beam"))]
        for at in range(self._layers):
            found += [(f"memory_{at}_{part}", "FLOAT", memory) for part in ("key", "value")]
        found += [("mask", "BOOL", ("batch", "cells")), ("position", "INT64", (1,))]
        found += [("seen", "FLOAT", ("batch", "beam", "nodes_and_beam"))]
        for at in range(self._layers):
            found += [(f"cache_{at}_key", "FLOAT", keys), (f"cache_{at}_value", "FLOAT", values)]
        return found

    def _step(self) -> list[tuple[str, str, Sequence[Any]]]:
        """Write all nodes; name, type and shape of the outputs."""
        x = self._embedded()
        shape = self._node("Shape", "ids")
        sizes = np.array([self._heads, self._width // self._heads])
        self._split_shape = self._node("Concat", shape, self._constant("head_sizes", sizes), axis=0)
        nodes = self._node("Shape", "cache_0_key", start=3)
        beam = self._node("Shape", "ids", start=1)
        self._parts = self._node("Concat", nodes, beam, axis=0)
        seen = self._node("Unsqueeze", "seen", self._constant("heads_axis", np.array([1])))
        real = self._node("Unsqueeze", "mask", self._constant("query_axes", np.array([1, 2])))
        zero, never = (
            self._constant(name, np.array(value, np.float32))
            for name, value in (("zero", 0), ("never", np.finfo(np.float32).min))
        )
        hidden = self._node("Where", real, zero, never)
        head = self._width // self._heads
        outputs: list[tuple[str, str, Sequence[Any]]] = [
            ("log_probabilities", "FLOAT", ("batch", "beam", "vocabulary")),
            ("attention", "FLOAT", ("batch", "beam", "cells")),
        ]
        for at in range(self._layers):
            x = self._read(x, at, seen)
            x = self._look(x, at, hidden)
            x = self._think(x, at)
            outputs += [
                (f"key_{at}", "FLOAT", ("batch", self._heads, head, "beam")),
                (f"value_{at}", "FLOAT", ("batch", self._heads, "beam", head)),
            ]
        normal = self._norm(x, "norm")
        logits = self._node("Gemm", normal, self._weight("embedding.weight"), transB=1)
        scores = self._node("LogSoftmax", logits, axis=-1)
        back = self._node("Concat", shape, self._constant("rest", np.array([_ALL])), axis=0)
        self._node("Reshape", scores, back, name="log_probabilities")
        return outputs

    def _embedded(self) -> str:
        """The last ids with their position, (R, D)."""
        found = self._node("Gather", self._weight("embedding.weight"), "ids")
        root = self._constant("root", np.array(math.sqrt(self._width), np.float32))
        scaled = self._node("Mul", found, root)
        place = self._node("Cast", "position", to=1)
        rates = self._constant("frequencies", frequencies(self._width, torch.device("cpu")).numpy())
        angles = self._node("Mul", place, rates)
        last = self._constant("last_axis", np.array([1]))
        waves = [self._node("Unsqueeze", self._node(kind, angles), last) for kind in ("Sin", "Cos")]
        flat = self._constant("all", np.array([_ALL]))
        position = self._node("Reshape", self._node("Concat", *waves, axis=1), flat)
        rows = self._constant("rows", np.array([_ALL, self._width]))
        return self._node("Reshape", self._node("Add", scaled, position), rows)

    def _read(self, x: str, at: int, seen: str) -> str:
        """Attention over the tokens read so far, of earlier steps and the last."""
        name = f"layers.{at}.attend"
        projected = self._linear(self._norm(x, f"layers.{at}.norm_self"), f"{name}.project")
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        self._nodes.append(
            self._onnx.make_node("Split", [projected], parts, axis=1, num_outputs=len(parts))
        )
        query, key, value = (self._node("Reshape", part, self._split_shape) for part in parts)
        query = self._scaled(query)
        key = self._node("Transpose", key, name=f"key_{at}", perm=_KEYS)
        value = self._node("Transpose", value, name=f"value_{at}", perm=_HEADS_FIRST)
        logits = [self._node("MatMul", query, keys) for keys in (f"cache_{at}_key", key)]
        both = self._node("Add", self._node("Concat", *logits, axis=-1), seen)
        weights = self._node("Softmax", both, axis=-1)
        earlier, last = f"{name}.earlier", f"{name}.last"
        self._nodes.append(
            self._onnx.make_node("Split", [weights, self._parts], [earlier, last], axis=-1)
        )
        mixed = self._node(
            "Add",
            self._node("MatMul", earlier, f"cache_{at}_value"),
            self._node("MatMul", last, value),
        )
        return self._node("Add", x, self._joined(mixed, f"{name}.out"))

    def _look(self, x: str, at: int, hidden: str) -> str:
        """Attention over the picture."""
        name = f"layers.{at}.cross"
        query = self._linear(self._norm(x, f"layers.{at}.norm_cross"), f"{name}.query")
        query = self._scaled(self._node("Reshape", query, self._split_shape))
        keys = self._node("Transpose", f"memory_{at}_key", perm=(0, 1, 3, 2))
        logits = self._node("Add", self._node("MatMul", query, keys), hidden)
        weights = self._node("Softmax", logits, axis=-1)
        if at == self._taught:
            first = self._constant("first", np.array(0))
            self._node("Gather", weights, first, name="attention", axis=1)
        mixed = self._node("MatMul", weights, f"memory_{at}_value")
        return self._node("Add", x, self._joined(mixed, f"{name}.out"))

    def _think(self, x: str, at: int) -> str:
        """The feed-forward layers; GELU is spelled as onnxruntime knows it."""
        inner = self._linear(self._norm(x, f"layers.{at}.norm_inner"), f"layers.{at}.inner.first")
        root, one, half = (
            self._constant(name, np.array(value, np.float32))
            for name, value in (("root_of_two", math.sqrt(2)), ("one", 1), ("half", 0.5))
        )
        erf = self._node("Erf", self._node("Div", inner, root))
        doubled = self._node("Mul", inner, self._node("Add", erf, one))
        outer = self._linear(self._node("Mul", doubled, half), f"layers.{at}.inner.second")
        return self._node("Add", x, outer)

    def _scaled(self, query: str) -> str:
        """(B, K, heads, D / heads) to (B, heads, K, D / heads), divided as attention divides."""
        factor = np.array(1 / math.sqrt(self._width // self._heads), np.float32)
        scaled = self._node("Mul", query, self._constant("attention_factor", factor))
        return self._node("Transpose", scaled, perm=_HEADS_FIRST)

    def _joined(self, mixed: str, name: str) -> str:
        """(B, heads, K, D / heads) to (R, D), mapped."""
        together = self._node("Transpose", mixed, perm=_HEADS_FIRST)
        rows = self._constant("rows", np.array([_ALL, self._width]))
        return self._linear(self._node("Reshape", together, rows), name)

    def _linear(self, x: str, name: str) -> str:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._node("Gemm", x, weight, bias, transB=1)

    def _norm(self, x: str, name: str) -> str:
        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._node("LayerNormalization", x, weight, bias, axis=-1, epsilon=EPSILON)

    def _weight(self, name: str) -> str:
        return f"{PREFIX}decoder.{name}"

    def _constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self._constants[name] = numpy_helper.from_array(value, name)
        return name

    def _node(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; its name."""
        output = name or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(self._onnx.make_node(kind, inputs, [output], **attributes))
        return output

    def _value(self, name: str, kind: str, shape: Sequence[Any]) -> Any:
        from onnx import TensorProto

        number = TensorProto.DataType.Value(kind)
        return self._onnx.make_tensor_value_info(name, number, list(shape))
