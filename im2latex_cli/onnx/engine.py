"""A network that onnxruntime computes, on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from im2latex_cli.decoding.batches import alike
from im2latex_cli.decoding.engine import Grey, take_pictures
from im2latex_cli.errors import CheckpointError
from im2latex_cli.onnx.graphs import Graphs
from im2latex_cli.onnx.tree import OnnxTree
from im2latex_cli.vision.prepare import stack

Arrays = dict[str, NDArray[Any]]
NEXT = "next_"
"""Before the name of what a step changes."""
_SPENT = ("allocate memory", "bad_alloc", "bad allocation")


@dataclass(frozen=True, slots=True)
class OnnxState:
    """See `DecoderState`.

    Attributes:
        memory: arrays (B, ...) by picture. rows: arrays (B * K, ...) by hypothesis.
    """

    memory: Arrays
    rows: Arrays

    def repeat(self, times: int) -> Self:
        """See `DecoderState.repeat`."""
        return self._map_rows(lambda rows: np.repeat(rows, times, axis=0))

    def reorder(self, rows: Any) -> Self:
        """See `DecoderState.reorder`."""
        return self._map_rows(lambda old: np.take(old, rows, axis=0))

    def select(self, pictures: Any) -> Self:
        """See `DecoderState.select`."""
        batch = len(self.memory["mask"])
        kept = self._map_rows(lambda rows: take_pictures(rows, pictures, batch=batch))  # type: ignore[arg-type, return-value]
        return replace(kept, memory={name: one[pictures] for name, one in self.memory.items()})

    def _map_rows(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        return replace(self, rows={name: change(one) for name, one in self.rows.items()})


State = OnnxState | OnnxTree


class OnnxEngine:
    """See `engine.Engine`; its arrays are NumPy's.

    Args:
        graphs: the network.
        threads: CPU threads; None is one for each core.

    Raises:
        CheckpointError: onnxruntime cannot use a graph.
    """

    name = "onnx"
    device = None

    def __init__(self, graphs: Graphs, *, threads: int | None = None) -> None:
        self.stride = graphs.stride
        self.cores = threads or os.cpu_count() or 1
        self._encoder = _session("encoder", graphs.encoder, threads)
        self._decoder = _session("decoder", graphs.decoder, threads)
        outputs = [one.name for one in self._decoder.get_outputs()]
        self._changed = [name.removeprefix(NEXT) for name in outputs if name.startswith(NEXT)]
        self._layers = sum(name.startswith("key_") for name in outputs)
        self._outputs = outputs

    @contextmanager
    def pool(self) -> Iterator[Executor]:
        """See `Engine.pool`."""
        with ThreadPoolExecutor(self.cores, "reading") as pool:
            yield pool

    @contextmanager
    def running(self) -> Iterator[None]:
        """See `Engine.running`."""
        try:
            yield
        except Exception as error:  # its exceptions share no other class
            if not any(words in str(error) for words in _SPENT):
                raise
            raise MemoryError(str(error)) from error

    def start(self, pictures: Sequence[Grey]) -> State:
        """See `Engine.start`."""
        memory = self._encode(pictures) if len(pictures) == 1 else self._encode_apart(pictures)
        if self._layers:
            return OnnxTree.begin(memory, layers=self._layers)
        rows = {name: memory.pop(name)[:, 0] for name in self._changed}
        return OnnxState(memory, rows)

    def _encode_apart(self, pictures: Sequence[Grey]) -> Arrays:
        """Encode pictures of almost the same size together, so that no padding is computed."""
        encoded: dict[int, Arrays] = {}
        for group in alike([picture.shape for picture in pictures]):
            found = self._encode([pictures[at] for at in group])
            for place, at in enumerate(group):
                encoded[at] = {name: one[place] for name, one in found.items()}
        return _joined([encoded[at] for at in range(len(pictures))], self._changed)

    def _encode(self, pictures: Sequence[Grey]) -> Arrays:
        """The encoder's outputs by name, (B, ...) each."""
        canvas, sizes = stack(pictures)
        found = self._encoder.run(None, {"pictures": canvas, "sizes": sizes})
        names = [one.name for one in self._encoder.get_outputs()]
        return dict(zip(names, found, strict=True))

    def step(self, ids: Any, state: State) -> tuple[Any, State]:
        """See `Engine.step`."""
        scores, _, state = self._look(ids, state)
        return scores, state

    def likelihoods(self, pictures: Sequence[Grey], formulas: Sequence[list[int]]) -> list[float]:
        """See `Engine.likelihoods`."""
        state = self.start(pictures)
        ids = np.zeros((len(formulas), max(map(len, formulas))), np.int64)
        for row, formula in zip(ids, formulas, strict=True):
            row[: len(formula)] = formula
        lengths = np.array([len(formula) for formula in formulas])
        totals = np.zeros(len(formulas), np.float64)
        for at in range(1, ids.shape[1]):
            scores, state = self.step(ids[:, at - 1], state)
            chosen = np.take_along_axis(scores, ids[:, at, None], 1)[:, 0]
            totals += np.where(at < lengths, chosen, 0)
        return [float(total) for total in totals]

    def attention(self, picture: Grey, ids: list[int]) -> NDArray[np.float32]:
        """See `Engine.attention`."""
        state = self.start([picture])  # one picture keeps its padding, so that cells fill the grid
        looked = []
        for one in ids:
            _, attention, state = self._look(np.array([one]), state)
            looked.append(attention[0, 0])
        height, width = stack([picture])[0].shape[2:]
        grid = (height // self.stride[0], width // self.stride[1])
        return np.stack(looked).reshape(-1, *grid)

    def _look(self, ids: Any, state: State) -> tuple[Any, Any, State]:
        """Log-probabilities (R, V), attention (B, K, S), and the next state."""
        batch = len(state.memory["mask"])
        if isinstance(state, OnnxTree):
            given = {**state.inputs(), "ids": ids.reshape(batch, -1)}
            scores, attention, *nodes = self._decoder.run(self._outputs, given)
            after = state.grown(nodes[::2], nodes[1::2])
            return scores.reshape(-1, scores.shape[2]), attention, after
        shape = (batch, len(ids) // batch)
        split = {
            name: one.reshape(*shape, *one.shape[1:])
            for name, one in (("ids", ids), *state.rows.items())
        }
        scores, attention, *rows = self._decoder.run(self._outputs, {**state.memory, **split})
        changed = (one.reshape(-1, *one.shape[2:]) for one in rows)
        rows_after = dict(zip(self._changed, changed, strict=True))
        return scores.reshape(-1, scores.shape[2]), attention, replace(state, rows=rows_after)


def _joined(pictures: Sequence[Arrays], rows: Collection[str]) -> Arrays:
    """The encoder's outputs for pictures, without their padding, as one batch.

    Args:
        pictures: for each picture mask (S,), arrays (..., S, D) and those of `rows`.
        rows: names of the arrays that do not go by cell.
    """
    counts = np.array([picture["mask"].sum() for picture in pictures])
    joined: Arrays = {"mask": np.arange(counts.max()) < counts[:, None]}
    for name, first in pictures[0].items():
        if name in rows:
            joined[name] = np.stack([picture[name] for picture in pictures])
        elif name != "mask":
            shape = (*first.shape[:-2], counts.max(), first.shape[-1])
            joined[name] = np.zeros((len(pictures), *shape), first.dtype)
            for slot, picture, count in zip(joined[name], pictures, counts, strict=True):
                slot[..., :count, :] = picture[name][..., picture["mask"], :]
    return joined


def _session(part: str, graph: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; it warns of what it optimises
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"onnxruntime cannot use the {part}'s graph ({reason}).",
            hint="Export the model again: im2latex export, or take `backend` torch.",
        ) from error
