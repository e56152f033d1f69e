"""Which library computes a network, and loading it there. torch is imported only where it does."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from im2latex_cli import runs
from im2latex_cli.decoding.engine import Engine
from im2latex_cli.errors import UsageError
from im2latex_cli.headers import Header
from im2latex_cli.onnx import graphs
from im2latex_cli.settings.sources import openmp_threads

Backend = Literal["auto", "torch", "onnx"]


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """What computes a model, and why.

    Attributes:
        backend: "torch" or "onnx".
        reason: in words.
        folder: the graphs for onnx.
    """

    backend: Literal["torch", "onnx"]
    reason: str
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, ready to read.

    Attributes:
        engine: its network.
        header: what the model says of itself.
        reason: why this engine.
    """

    engine: Engine
    header: Header
    reason: str


def load(model: Path, *, device: str, threads: int | None, backend: Backend) -> LoadedModel:
    """Load a model file, or the graphs exported from one.

    Raises:
        CheckpointError: it cannot be used.
        UsageError: the device or the backend is not here, or has no graph of this model.
    """
    choice = choose(model, device=device, backend=backend)
    if choice.folder is None:
        return _with_torch(model, device, threads, choice)
    from im2latex_cli.onnx.engine import OnnxEngine

    exported = graphs.SHIPPED not in choice.folder.parents
    found = graphs.read(choice.folder) if exported else graphs.join(choice.folder, model)
    engine = OnnxEngine(found, threads=threads or openmp_threads())
    return LoadedModel(engine, found.header, choice.reason)


def _with_torch(
    model: Path, device: str, threads: int | None, choice: BackendChoice
) -> LoadedModel:
    if find_spec("torch") is None:
        raise UsageError(
            f"{model} needs PyTorch, which is not installed ({choice.reason}).",
            hint="Install it (pip install torch), or export the model where it is installed.",
        )
    from im2latex_cli import checkpoints
    from im2latex_cli.network.torch_engine import TorchEngine, choose_device, use_threads

    chosen = choose_device(device)
    use_threads(threads)
    file = checkpoints.load(model)
    return LoadedModel(TorchEngine(file.network(), chosen), file.header, choice.reason)


def choose(model: Path, *, device: str = "auto", backend: Backend = "auto") -> BackendChoice:
    """What computes a model.

    Args:
        model: a model file, or a file of an exported folder.
        device: as users name it.
        backend: what they ask for.

    Raises:
        CheckpointError: the file is damaged or foreign.
        UsageError: what was asked for cannot be.
    """
    if model.suffix == runs.GRAPH:
        return _exported(model, device, backend)
    if backend == "torch":
        return BackendChoice("torch", "asked for")
    against = _against(device, asked=backend == "onnx")
    folder = None if against else _graphs_for(model)
    if folder is not None:
        return BackendChoice("onnx", "asked for" if backend == "onnx" else "starts faster", folder)
    against = against or "there is no graph of this model"
    if backend == "onnx":
        raise UsageError(f"`backend` onnx: {against}.", hint=_remedy(model, device))
    return BackendChoice("torch", against)


def _exported(model: Path, device: str, backend: Backend) -> BackendChoice:
    if not graphs.is_exported(model.parent) or model.stem not in graphs.PARTS:
        raise graphs.foreign(model)
    if backend == "torch":
        raise UsageError(
            f"{model.parent} holds ONNX graphs, which torch does not read.",
            hint="Name the model file, or leave out `backend`.",
        )
    if against := _against(device, asked=True):
        raise UsageError(f"{model.parent}: {against}.", hint=_remedy(model, device))
    return BackendChoice("onnx", "it is an exported model", model.parent)


def _against(device: str, *, asked: bool) -> str | None:
    """What speaks against onnxruntime here, or None."""
    if device not in {"auto", "cpu"}:
        return f"onnxruntime computes on the CPU, and {device} was asked for"
    if find_spec("onnxruntime") is None:
        return "onnxruntime is not installed"
    if device == "auto" and not asked and _accelerated():
        return "torch may use a GPU here"
    return None


def _remedy(model: Path, device: str) -> str:
    if device not in {"auto", "cpu"}:
        return "Take `device` cpu, or `backend` torch."
    if find_spec("onnxruntime") is None:
        return "Install it: pip install 'im2latex-cli[onnx]'."
    return f"Make one: im2latex export `model` {model}; or take `backend` torch."


def _graphs_for(model: Path) -> Path | None:
    return graphs.shipped(graphs.read_header(model).dims) or graphs.beside(model)


def _accelerated() -> bool:
    """Whether torch is likely to find a GPU; asking it would take longer than reading a picture."""
    if sys.platform == "darwin":
        gpu = platform.machine() == "arm64"
    else:
        gpu = Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None
    return gpu and _torch_has_gpus()


def _torch_has_gpus() -> bool:
    from importlib.metadata import PackageNotFoundError, version  # takes 20 ms, so asked for last

    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False
