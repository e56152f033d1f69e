"""Which model file a name stands for."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from im2latex_cli import files, runs
from im2latex_cli.errors import CheckpointError, InputError, UsageError
from im2latex_cli.progress import Reporter, SilentReporter

PRETRAINED = "pretrained"
"""The name of the model in this package."""
BUNDLED = Path(__file__).parent.parent / "pretrained"
_REMOTE = re.compile(r"://|#sha256=")
"""What only an address has, or a name with a checksum."""
_OWN_MODEL = "name yours with `model`"


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
