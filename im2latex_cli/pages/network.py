"""The finder's network, computed by NumPy: fully convolutional, 556,000 weights.

A picture is brought to a half, a quarter, ... a sixty-fourth of its size and back to a quarter;
features of the same size are added on the way back. For each cell of 4 x 4 pixels it says how
likely the ink there is text, a display, an equation number or an inline formula, and how far the
edges of its display are. `network.finder` is the same in torch, for training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from im2latex_cli.errors import CheckpointError, InputError

CELL = 4
"""Pixels of a cell's side."""
DEEPEST = 64
"""Pixels of the side of the coarsest cell; pictures are padded to multiples of it."""
CLASSES = ("text", "display", "number", "inline")
EDGES = 4
"""Outputs after the classes: logarithms of the distances to left, top, right and bottom."""
EDGE_UNIT = 8.0
"""Pixels that an output of 0 stands for."""
LONGEST = 6.0
"""Largest output for a distance."""
FORMAT = "im2latex.finder"
VERSION = "2"

Floats = NDArray[np.float32]


Values = TypeVar("Values", bound=Any)
"""Arrays or tensors."""


class Layer(NamedTuple):
    """One convolution; all but the last are followed by a rectifier.

    Attributes:
        inputs: channels.
        outputs: channels.
        side: of the kernel.
        stride: of its steps.
    """

    inputs: int
    outputs: int
    side: int = 3
    stride: int = 1


LAYERS: Mapping[str, Layer] = {
    "stem2": Layer(1, 12, stride=2),
    "stem4": Layer(12, 24, stride=2),
    "down8": Layer(24, 40, stride=2),
    "conv8": Layer(40, 40),
    "down16": Layer(40, 64, stride=2),
    "conv16": Layer(64, 64),
    "down32": Layer(64, 80, stride=2),
    "conv32a": Layer(80, 80),
    "down64": Layer(80, 96, stride=2),
    "conv64a": Layer(96, 96),
    "conv64b": Layer(96, 96),
    "up32": Layer(96, 80, side=1),
    "conv32b": Layer(80, 80),
    "up16": Layer(80, 64, side=1),
    "merge16": Layer(64, 64),
    "up8": Layer(64, 40, side=1),
    "merge8": Layer(40, 40),
    "up4": Layer(40, 24, side=1),
    "merge4": Layer(24, 24),
    "head": Layer(24, len(CLASSES) + EDGES, side=1),
}


class Maps(NamedTuple):
    """What the network says of each cell.

    Attributes:
        classes: (h, w, 4) probabilities, in the order of CLASSES.
        edges: (h, w, 4) left, top, right and bottom edge of the display that the cell is in, in
            pixels of the finder's picture; meaningless elsewhere.
    """

    classes: Floats
    edges: Floats


class FinderNetwork:
    """The network with its weights.

    Args:
        weights: for each layer `NAME.weight` (outputs, inputs, side, side) and `NAME.bias`.

    Raises:
        CheckpointError: one is missing or has another shape.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.floating]]) -> None:
        self._kernels: dict[str, tuple[Floats, Floats]] = {}
        for name, layer in LAYERS.items():
            shape = (layer.outputs, layer.inputs, layer.side, layer.side)
            kernel, bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
            if kernel is None or bias is None or kernel.shape != shape:
                raise CheckpointError(f"The finder lacks {name}, or it has another shape.")
            flat = kernel.astype(np.float32).transpose(2, 3, 1, 0).reshape(-1, layer.outputs)
            self._kernels[name] = np.ascontiguousarray(flat), bias.astype(np.float32)

    def __call__(self, picture: NDArray[np.uint8]) -> Maps:
        """Look at a picture (H, W) of the finder's size of text, 255 is paper."""
        height, width = picture.shape
        padded = [-(-side // DEEPEST) * DEEPEST for side in picture.shape]
        ink = np.zeros((*padded, 1), np.float32)
        ink[:height, :width, 0] = (255 - picture.astype(np.float32)) / 255
        rows, columns = -(-height // CELL), -(-width // CELL)
        return decode(forward(self._layer, _doubled, ink)[:rows, :columns])

    def _layer(self, name: str, values: Floats) -> Floats:
        kernel, bias = self._kernels[name]
        outputs = _convolve(values, kernel, LAYERS[name]) + bias
        return outputs if name == "head" else np.maximum(outputs, 0.0, out=outputs)


def forward(
    layer: Callable[[str, Values], Values], doubled: Callable[[Values], Values], ink: Values
) -> Values:
    """The order of the layers, for NumPy here and for torch in training.

    Args:
        layer: applies the layer of a name, with its activation.
        doubled: repeats every cell in both directions.
        ink: the picture, 0 to 1, sides multiples of `DEEPEST`.
    """
    four = layer("stem4", layer("stem2", ink))
    eight = layer("conv8", layer("down8", four))
    sixteen = layer("conv16", layer("down16", eight))
    thirty_two = layer("conv32a", layer("down32", sixteen))
    deepest = layer("conv64b", layer("conv64a", layer("down64", thirty_two)))
    thirty_two = layer("conv32b", thirty_two + doubled(layer("up32", deepest)))
    sixteen = layer("merge16", sixteen + doubled(layer("up16", thirty_two)))
    eight = layer("merge8", eight + doubled(layer("up8", sixteen)))
    four = layer("merge4", four + doubled(layer("up4", eight)))
    return layer("head", four)


def _convolve(values: Floats, kernel: Floats, layer: Layer) -> Floats:
    """Convolve (H, W, C) with zeros around it."""
    height, width, channels = values.shape
    if layer.side == 1:
        return (values.reshape(-1, channels) @ kernel).reshape(height, width, -1)
    framed = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3), axis=(0, 1))
    windows = windows[:: layer.stride, :: layer.stride].transpose(0, 1, 3, 4, 2)
    rows, columns = windows.shape[:2]
    return (windows.reshape(rows * columns, -1) @ kernel).reshape(rows, columns, -1)


def _doubled(values: Floats) -> Floats:
    return values.repeat(2, axis=0).repeat(2, axis=1)


def decode(outputs: Floats) -> Maps:
    """Probabilities and edges from the network's outputs (h, w, 8)."""
    logits = outputs[..., : len(CLASSES)]
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    distances = EDGE_UNIT * np.exp(np.clip(outputs[..., len(CLASSES) :], -LONGEST, LONGEST))
    rows, columns = outputs.shape[:2]
    x = (np.arange(columns, dtype=np.float32) + 0.5) * CELL
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * CELL
    left, top, right, bottom = np.moveaxis(distances, -1, 0)
    edges = np.stack((x - left, y - top, x + right, y + bottom), axis=-1)
    return Maps(shares / shares.sum(axis=-1, keepdims=True), edges)


def load(path: Path) -> FinderNetwork:
    """Load a finder's file.

    Raises:
        InputError: there is none.
        CheckpointError: it is damaged, or of another kind.
    """
    return FinderNetwork(read_weights(path))


def read_weights(path: Path) -> dict[str, NDArray[np.floating]]:
    """Kernels and biases of a finder's file.

    Raises:
        InputError: there is none.
        CheckpointError: it is damaged, or of another kind.
    """
    if not path.is_file():
        raise InputError(
            f"There is no finder at {path}.", hint="Train one with im2latex pages train."
        )
    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or no finder ({error}).", hint="Fetch or train it again."
        ) from error
    if told.get("format") != FORMAT or told.get("version") != VERSION:
        raise CheckpointError(
            f"{path} is no finder of this version.", hint="Train one with im2latex pages train."
        )
    return weights


def metadata(**values: object) -> dict[str, str]:
    """What a finder's file says of itself."""
    return {"format": FORMAT, "version": VERSION, "training": json.dumps(values)}
