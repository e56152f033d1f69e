"""Graphs on disk: of this package, with weights from model files, and exported ones.

A graph of this package fits every model of its dimensions, whatever the vocabulary. An exported
folder has `encoder.onnx` and `decoder.onnx`, each with its weights and the header of the model
inside.

The onnx package is not needed to put weights into a graph: an ONNX file is one protocol buffers
message, and messages merge by concatenation, so what is appended to a file joins what is there.
Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto,
ModelProto, GraphProto, TensorProto).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse_tensors

from im2latex_cli import files, runs
from im2latex_cli.decoding.engine import NEEDS, PREFIX, STRIDE
from im2latex_cli.errors import CheckpointError
from im2latex_cli.headers import KEY, Header, damaged, read_model_header
from im2latex_cli.settings.sections import ModelSettings

GRAPH, METADATA = 7, 14  # of ModelProto
INITIALIZER = 5  # of GraphProto
DIMS, TYPE, NAME, RAW = 1, 2, 8, 9  # of TensorProto
_FIELD_KEY, VALUE = 1, 2  # of StringStringEntryProto
FLOAT, INT64 = 1, 7  # of TensorProto.DataType

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def insert_weights(graph: bytes, weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The graph with initializers."""
    tensors = [_field(INITIALIZER, _tensor(name, value)) for name, value in weights.items()]
    return graph + _field(GRAPH, b"".join(tensors))


def insert_metadata(graph: bytes, entries: Mapping[str, str]) -> bytes:
    """The graph with more metadata."""
    return graph + b"".join(
        _field(METADATA, _field(_FIELD_KEY, key.encode()) + _field(VALUE, value.encode()))
        for key, value in entries.items()
    )


def read_metadata(graph: bytes) -> dict[str, str]:
    """A graph's metadata.

    Raises:
        ValueError: these bytes are no protocol buffers message.
    """
    entries = {}
    for number, entry in _fields(graph):
        if number == METADATA:
            parts = dict(_fields(entry))
            entries[parts.get(_FIELD_KEY, b"").decode()] = parts.get(VALUE, b"").decode()
    return entries


def _tensor(name: str, value: NDArray[np.float32]) -> bytes:
    kind = INT64 if value.dtype.kind == "i" else FLOAT
    plain = np.ascontiguousarray(value, "<i8" if kind == INT64 else "<f4")
    sides = b"".join(_tag(DIMS, _VARINT) + _varint(side) for side in value.shape)
    return (
        sides
        + _tag(TYPE, _VARINT)
        + _varint(kind)
        + _field(NAME, name.encode())
        + _field(RAW, plain.tobytes())
    )


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers and contents of a message's fields; numbers' contents are left out."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        wire = tag & 7
        if wire == _VARINT:
            _, at = _read_varint(message, at)
        elif wire == _BYTES:
            size, at = _read_varint(message, at)
            if at + size > len(message):
                raise ValueError("a field reaches past the end")
            yield tag >> 3, message[at : at + size]
            at += size
        elif wire in {_EIGHT, _FOUR}:
            at += 8 if wire == _EIGHT else 4
        else:
            raise ValueError(f"no field has wire type {wire}")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a number reaches past the end")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number is too long")


PARTS = ("encoder", "decoder")
SHIPPED = Path(__file__).parent / "shipped"
MODEL, PART = f"{KEY}.model", f"{KEY}.part"
"""Keys of an exported graph's metadata: the model file's digest, which part it is."""
_AGAIN = "Export the model again: im2latex export."


@dataclass(frozen=True, slots=True)
class Graphs:
    """Both graphs, ready for onnxruntime.

    Attributes:
        encoder: serialised, with its weights.
        decoder: likewise.
        header: what the model says of itself.
        stride: height and width of a memory cell in pixels.
    """

    encoder: bytes
    decoder: bytes
    header: Header
    stride: tuple[int, int]


def fingerprint(dims: ModelSettings) -> str:
    """Names the graphs of these dimensions; what matters only in training is left out."""
    told = dims.model_dump(mode="json", exclude={"dropout"})
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def shipped(dims: ModelSettings) -> Path | None:
    """The folder of this package's graphs for these dimensions."""
    folder = SHIPPED / fingerprint(dims)
    return folder if is_exported(folder) else None


def is_exported(folder: Path) -> bool:
    """Whether there are graphs in a folder."""
    return all((folder / f"{part}.onnx").is_file() for part in PARTS)


def beside(model: Path) -> Path | None:
    """Graphs exported from just this model file, where it was exported into its own folder."""
    folder = model.parent / runs.ONNX
    return folder if is_exported(folder) and made_from(folder, model) else None


def made_from(folder: Path, model: Path) -> bool:
    """Whether the graphs in a folder have the weights of this very model file."""
    digest = sha256(model.read_bytes()).hexdigest()
    paths = [folder / f"{part}.onnx" for part in PARTS]
    return all(_metadata(path, path.read_bytes()).get(MODEL) == digest for path in paths)


def read_header(model: Path) -> Header:
    """The header of a safetensors model file.

    Raises:
        CheckpointError: it is none, or does not hold.
    """
    return Header.from_json(read_model_header(model, kind="model"), path=model)


def join(folder: Path, model: Path) -> Graphs:
    """Put a model file's weights into graphs of this package.

    Raises:
        CheckpointError: the file is damaged, or lacks tensors.
    """
    header = read_header(model)
    try:
        tensors = parse_tensors(model.read_bytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise damaged(model) from error
    graphs = bare(folder)
    full = {part: with_weights(graph, tensors, path=model) for part, graph in graphs.items()}
    return Graphs(**full, header=header, stride=_stride(graphs["encoder"]))


def bare(folder: Path) -> dict[str, bytes]:
    """The graphs in a folder, by part."""
    return {part: (folder / f"{part}.onnx").read_bytes() for part in PARTS}


def with_weights(graph: bytes, tensors: Mapping[str, NDArray[Any]], *, path: Path) -> bytes:
    """The graph with those tensors that it needs, as 32-bit floats."""
    needed = json.loads(read_metadata(graph)[NEEDS])
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise CheckpointError(f"{path}: tensors are missing ({missing[0]} …).", hint=_AGAIN)
    return insert_weights(graph, {PREFIX + name: tensors[name] for name in needed})


def read(folder: Path) -> Graphs:
    """Read an exported folder.

    Raises:
        CheckpointError: its files are damaged, foreign, or not of one model.
    """
    paths = {part: folder / f"{part}.onnx" for part in PARTS}
    graphs = bare(folder)
    told = {part: _metadata(paths[part], graph) for part, graph in graphs.items()}
    for part, entries in told.items():
        if KEY not in entries or entries.get(PART) != part:
            raise foreign(paths[part])
    if told["encoder"].get(MODEL) != told["decoder"].get(MODEL):
        raise CheckpointError(f"{folder}: its graphs are of two models.", hint=_AGAIN)
    header = Header.from_json(json.loads(told["encoder"][KEY]), path=paths["encoder"])
    return Graphs(**graphs, header=header, stride=_stride(graphs["encoder"]))


def write(folder: Path, graphs: Mapping[str, bytes], model: Path, header: Header) -> list[Path]:
    """Write graphs with the weights of a model file into a folder; returns their paths."""
    content = model.read_bytes()
    tensors = parse_tensors(content)
    told = {
        KEY: json.dumps(header.to_json(), ensure_ascii=False),
        MODEL: sha256(content).hexdigest(),
    }
    written = []
    for part, graph in graphs.items():
        full = with_weights(graph, tensors, path=model)
        written.append(folder / f"{part}.onnx")
        files.write_bytes(written[-1], insert_metadata(full, {**told, PART: part}))
    return written


def foreign(path: Path) -> CheckpointError:
    """What to say of a file that `write` did not write."""
    return CheckpointError(
        f"{path}: not a graph that im2latex exported.",
        hint="Name a folder that `im2latex export` wrote, or a model file.",
    )


def _metadata(path: Path, graph: bytes) -> dict[str, str]:
    try:
        return read_metadata(graph)
    except (ValueError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path}: not an ONNX file, or cut off ({error}).", hint=_AGAIN
        ) from error


def _stride(graph: bytes) -> tuple[int, int]:
    high, wide = json.loads(read_metadata(graph)[STRIDE])
    return int(high), int(wide)
