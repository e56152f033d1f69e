"""The layout of a results folder, and the folders that commands take by default. No torch."""

from __future__ import annotations

from pathlib import Path

DATA = Path("data")
"""Root of the data sets that `build` makes."""
RESULTS = Path("results")
"""Root of the results folders that `train` makes."""
SMALL_DATA = DATA / "small"
SMALL_RESULTS = RESULTS / "small"

BEST = "best.safetensors"
"""The model with the best evaluation."""
LAST = "last.safetensors"
"""The model of the last evaluation or interruption."""
HUB_MODEL = "model.safetensors"
"""The model in a folder for a hub."""
STATE = "state.safetensors"
"""What a training resumes from."""
SETTINGS = "settings.toml"
VOCAB = "vocab.json"
ONNX = "onnx"
"""Subfolder of the graphs that `export` makes."""
GRAPH = ".onnx"
"""Suffix of a graph."""
ENCODER = f"encoder{GRAPH}"
DECODER = f"decoder{GRAPH}"


def folder_for(data: Path) -> Path:
    """Return the results folder that belongs to a data set by default."""
    return RESULTS / data.resolve().name


def model_in(folder: Path) -> Path | None:
    """Return the model file of a results folder, the best one first, or of a hub's; or None."""
    return _first(folder, BEST, LAST, HUB_MODEL)


def exported_in(folder: Path) -> Path | None:
    """Return the encoder's graph in an exported folder or in a results folder, or None."""
    return _first(folder, ENCODER, f"{ONNX}/{ENCODER}")


def _first(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
