"""Just enough of ONNX's file format to put weights into a graph without the onnx package.

An ONNX file is one protocol buffers message, and messages merge by concatenation: what is
appended to a file joins what is there. Field numbers are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, ModelProto, GraphProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

GRAPH, METADATA = 7, 14  # of ModelProto
INITIALIZER = 5  # of GraphProto
DIMS, TYPE, NAME, RAW = 1, 2, 8, 9  # of TensorProto
KEY, VALUE = 1, 2  # of StringStringEntryProto
FLOAT, INT64 = 1, 7  # of TensorProto.DataType

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def with_weights(graph: bytes, weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The graph with initializers."""
    tensors = [_field(INITIALIZER, _tensor(name, value)) for name, value in weights.items()]
    return graph + _field(GRAPH, b"".join(tensors))


def with_metadata(graph: bytes, entries: Mapping[str, str]) -> bytes:
    """The graph with more metadata."""
    return graph + b"".join(
        _field(METADATA, _field(KEY, key.encode()) + _field(VALUE, value.encode()))
        for key, value in entries.items()
    )


def metadata(graph: bytes) -> dict[str, str]:
    """A graph's metadata.

    Raises:
        ValueError: these bytes are no protocol buffers message.
    """
    found = {}
    for number, entry in _fields(graph):
        if number == METADATA:
            parts = dict(_fields(entry))
            found[parts.get(KEY, b"").decode()] = parts.get(VALUE, b"").decode()
    return found


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
