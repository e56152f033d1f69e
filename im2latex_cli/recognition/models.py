"""A model by its name: which file it is, which backend computes it, and loading it there.

torch is imported only if it computes.
"""

from __future__ import annotations

import platform
import re
import shutil
import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from im2latex_cli import files, runs
from im2latex_cli.decoding.engine import Engine
from im2latex_cli.errors import CheckpointError, InputError, UsageError
from im2latex_cli.headers import Header
from im2latex_cli.onnx import graphs
from im2latex_cli.progress import Reporter, SilentReporter
from im2latex_cli.settings.sources import openmp_threads

PRETRAINED = "pretrained"
"""The name of the model in this package."""
BUNDLED = Path(__file__).parent.parent / "pretrained"
_REMOTE = re.compile(r"://|#sha256=")
"""What only an address has, or a name with a checksum."""
_OWN_MODEL = "name yours with `model`"

Backend = Literal["auto", "torch", "onnx"]


def bundled_model() -> Path | None:
    """Return the model file in this package, if there is one."""
    return min(BUNDLED.glob("*.safetensors"), default=None)


def default_model() -> str:
    """Return the model that is used if none is named: pretrained if bundled, else results/small."""
    return PRETRAINED if bundled_model() else str(runs.SMALL_RESULTS)


def default_model_for(data: Path) -> str:
    """Return the results folder that belongs to a data set if it has a model, else pretrained."""
    folder = runs.RESULTS / data.name
    return str(folder) if runs.model_in(folder) else PRETRAINED


def short_name(model: str) -> str:
    """Return what the results of a model are called that has no folder of its own."""
    from im2latex_cli.recognition import remote

    address = remote.parse(remote.split_pin(model)[0])
    return address.name if address else PRETRAINED


def is_remote(model: str) -> bool:
    """Whether a model is named by an address."""
    from im2latex_cli.recognition import remote

    return remote.parse(remote.split_pin(model)[0]) is not None


def find_model(model: str | Path, reporter: Reporter | None = None) -> Path:
    """Return the model file that a name stands for.

    Args:
        model: `pretrained`, a results folder, an exported folder, a file, `hf://owner/name`
            or an https address; any of them with `#sha256=...`, the checksum that it must have.
        reporter: told about a download.

    Raises:
        CheckpointError: no model is bundled, the folder holds none, or the checksum is another.
        DownloadError: it cannot be downloaded, or the checksum is another.
        InputError: nothing is there.
        UsageError: an address or a checksum that cannot be read.
    """
    if isinstance(model, Path) or not _REMOTE.search(model):
        return _local_model(model)
    from im2latex_cli.recognition import remote  # brings what downloads and locks, 30 ms

    name, pin = remote.split_pin(model)
    if address := remote.parse(name):
        return remote.obtain(address, pin, reporter or SilentReporter())
    path = _local_model(name)
    if pin is not None:
        _check_pin(path, pin)
    return path


def _check_pin(path: Path, pin: str) -> None:
    if path.suffix == runs.GRAPH:
        raise UsageError(f"{path.parent} holds two files; a checksum is for one model file.")
    digest = sha256(path.read_bytes()).hexdigest()
    if digest != pin:
        raise CheckpointError(f"{path} is not the pinned file: its SHA-256 is {digest}.")


def _local_model(model: str | Path) -> Path:
    if str(model) == PRETRAINED:
        if bundled := bundled_model():
            return bundled
        raise CheckpointError(
            "This installation bundles no pretrained model.",
            hint=f"Train a small one with `im2latex run`, or {_OWN_MODEL}.",
        )
    path = Path(model)
    if path.is_dir():
        file = runs.model_in(path) or runs.exported_in(path)
        if file is None:
            raise CheckpointError(
                f"{path} holds no {runs.BEST}.", hint="Name a results folder or a model file."
            )
        return file
    if not path.exists():
        raise InputError(
            f"There is no model at {path}.",
            hint=f"Train one with `im2latex run`, or {_OWN_MODEL}.",
        )
    return path


class ModelSource:
    """The file that a model was loaded from; it is used again only as long as it is the same.

    Args:
        path: a model file, or a graph of an exported folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = self._present_version()

    def check(self) -> Path:
        """Return the path.

        Raises:
            CheckpointError: the file is gone, or was changed since the model was loaded.
        """
        if self._version is None or self._present_version() != self._version:
            raise CheckpointError(
                f"{self._path} is gone or was changed since it was loaded.", hint="Load it again."
            )
        return self._path

    def copy(self, target: Path) -> Path:
        """Copy a model file to a file, or exported graphs into a folder; return the target.

        Raises:
            CheckpointError: as for `check`.
        """
        path = self.check()
        if path.suffix == runs.GRAPH:
            for name in (runs.ENCODER, runs.DECODER):
                files.write_bytes(target / name, (path.parent / name).read_bytes())
        else:
            files.write_bytes(target, path.read_bytes())
        return target

    def _present_version(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


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


def load_model(model: Path, *, device: str, threads: int | None, backend: Backend) -> LoadedModel:
    """Load a model file, or the graphs exported from one.

    Raises:
        CheckpointError: it cannot be used.
        UsageError: the device or the backend is not here, or has no graph of this model.
    """
    choice = choose_backend(model, device=device, backend=backend)
    if choice.folder is None:
        return _with_torch(model, device, threads, choice)
    from im2latex_cli.onnx.engine import OnnxEngine

    exported = graphs.SHIPPED not in choice.folder.parents
    model_graphs = graphs.read(choice.folder) if exported else graphs.join(choice.folder, model)
    engine = OnnxEngine(model_graphs, threads=threads or openmp_threads())
    return LoadedModel(engine, model_graphs.header, choice.reason)


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

    torch_device = choose_device(device)
    use_threads(threads)
    file = checkpoints.load(model)
    return LoadedModel(TorchEngine(file.network(), torch_device), file.header, choice.reason)


def choose_backend(
    model: Path, *, device: str = "auto", backend: Backend = "auto"
) -> BackendChoice:
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
    problem = _onnx_problem(device, explicit=backend == "onnx")
    folder = None if problem else _graphs_for(model)
    if folder is not None:
        return BackendChoice("onnx", "asked for" if backend == "onnx" else "starts faster", folder)
    problem = problem or "there is no graph of this model"
    if backend == "onnx":
        raise UsageError(f"`backend` onnx: {problem}.", hint=_remedy(model, device))
    return BackendChoice("torch", problem)


def _exported(model: Path, device: str, backend: Backend) -> BackendChoice:
    if not graphs.is_exported(model.parent) or model.stem not in graphs.PARTS:
        raise graphs.foreign(model)
    if backend == "torch":
        raise UsageError(
            f"{model.parent} holds ONNX graphs, which torch does not read.",
            hint="Name the model file, or leave out `backend`.",
        )
    if problem := _onnx_problem(device, explicit=True):
        raise UsageError(f"{model.parent}: {problem}.", hint=_remedy(model, device))
    return BackendChoice("onnx", "it is an exported model", model.parent)


def _onnx_problem(device: str, *, explicit: bool) -> str | None:
    """What speaks against onnxruntime here, or None."""
    if device not in {"auto", "cpu"}:
        return f"onnxruntime computes on the CPU, and {device} was asked for"
    if find_spec("onnxruntime") is None:
        return "onnxruntime is not installed"
    if device == "auto" and not explicit and _accelerated():
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
