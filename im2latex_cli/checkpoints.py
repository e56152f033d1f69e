"""Model files: one safetensors file whose header carries all that predicting needs.

Owns the file format, its checks and its upgrades. Nothing is ever unpickled. The same writer and
reader serve the state from which a training goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialize_tensors
from torch import Tensor

from im2latex_cli import __version__, files
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.model.network import Network
from im2latex_cli.settings.training import ModelSettings
from im2latex_cli.vision.prepare import Preprocessing

FORMAT = 1
"""Version of the header that this package writes."""

_KEY = "im2latex"
_REBUILD = "Train again, or take a model file that this version wrote."


@dataclass
class ModelFile:
    """A trained network and everything needed to use it.

    Attributes:
        dims: the network's dimensions.
        vocab: its tokens, with their counts in the training data.
        preprocessing: what a picture goes through before the network.
        tensors: the network's state, float32.
        info: scores, training data, calibration; JSON values.
    """

    dims: ModelSettings
    vocab: Vocab
    preprocessing: Preprocessing
    tensors: dict[str, Tensor]
    info: dict[str, Any] = field(default_factory=dict)

    def network(self) -> Network:
        """The network with these weights, in evaluation mode, on the CPU."""
        network = Network(self.dims, len(self.vocab))
        network.load_state_dict(self.tensors)
        return network.eval()


def save(path: Path, model: ModelFile, *, half: bool = False) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: the file.
        model: what to write.
        half: store 16-bit floats; `load` gives 32-bit floats back.
    """
    header = {
        "kind": "model",
        "format": FORMAT,
        "package": __version__,
        "dims": model.dims.model_dump(mode="json"),
        "vocab": model.vocab.to_json(),
        "preprocessing": model.preprocessing.to_json(),
        "info": model.info,
    }
    tensors = {name: _halved(value) if half else value for name, value in model.tensors.items()}
    write_tensors(path, tensors, header)


def load(path: Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        InputError: there is no such file.
        CheckpointError: the file is damaged, of another or a newer format, lacks tensors, or its
            vocabulary does not fit its network.
    """
    tensors, header = read_tensors(path, kind="model")
    header = upgrade(header, path=path)
    try:
        model = ModelFile(
            dims=ModelSettings.model_validate(header["dims"]),
            vocab=Vocab.from_json(header["vocab"]),
            preprocessing=Preprocessing.from_json(header["preprocessing"]),
            tensors={name: _single(value) for name, value in tensors.items()},
            info=dict(header.get("info", {})),
        )
    except (KeyError, TypeError, ValueError, ValidationError, InputError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"{path}: its header does not hold ({reason}).", hint=_REBUILD
        ) from error
    _check(path, model)
    return model


def upgrade(header: Mapping[str, Any], *, path: Path) -> dict[str, Any]:
    """Bring the header of an older format up to `FORMAT`, one version at a time."""
    version = header.get("format")
    if not isinstance(version, int) or version < 1:
        raise CheckpointError(f"{path}: format {version!r} is unknown.", hint=_REBUILD)
    if version > FORMAT:
        raise CheckpointError(
            f"{path}: format {version} is newer than this version reads (up to {FORMAT}).",
            hint="Upgrade im2latex-cli.",
        )
    upgraded = dict(header)
    for step in range(version, FORMAT):
        upgraded = _UPGRADES[step](upgraded)
    return upgraded


_UPGRADES: dict[int, Any] = {}
"""From each old format to the next: a function from header to header."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, whole or not at all."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    text = json.dumps(header, ensure_ascii=False)
    files.write_bytes(path, serialize_tensors(plain, {_KEY: text}))


def read_tensors(path: Path, *, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `write_tensors` and check that its header's `kind` is the expected one.

    Raises:
        InputError: there is no such file.
        CheckpointError: not a safetensors file, truncated, or of another kind.
    """
    if not path.is_file():
        raise InputError(f"No model file at {path}.", hint="Train one with `im2latex train`.")
    content = path.read_bytes()
    try:
        header = _header(content)
        tensors = parse_tensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(_damage(path, content), hint=_REBUILD) from error
    if header is None or header.get("kind") != kind:
        raise CheckpointError(
            f"{path}: a safetensors file, but not a {kind} file of im2latex.", hint=_REBUILD
        )
    return tensors, header


def _header(content: bytes) -> dict[str, Any] | None:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError("no header")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    if _KEY not in metadata:
        return None
    header = json.loads(metadata[_KEY])
    return header if isinstance(header, dict) else None


def _damage(path: Path, content: bytes) -> str:
    if len(content) > 9 and content[8:9] == b"{":
        return f"{path}: the model file is truncated or damaged."
    return f"{path}: not a safetensors model file."


def _check(path: Path, model: ModelFile) -> None:
    with torch.device("meta"):
        expected = Network(model.dims, len(model.vocab)).state_dict()
    missing = sorted(expected.keys() - model.tensors.keys())
    if missing:
        names = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        raise CheckpointError(
            f"{path}: {len(missing)} tensors are missing ({names}).", hint=_REBUILD
        )
    model.tensors = {name: model.tensors[name] for name in expected}
    for name, wanted in expected.items():
        found = model.tensors[name].shape
        if found == wanted.shape:
            continue
        if wanted.shape[:1] == (len(model.vocab),) and found[1:] == wanted.shape[1:]:
            raise CheckpointError(
                f"{path}: the vocabulary has {len(model.vocab)} tokens, the network {found[0]}.",
                hint=_REBUILD,
            )
        raise CheckpointError(
            f"{path}: tensor {name} is {tuple(found)}, its dimensions say {tuple(wanted.shape)}.",
            hint=_REBUILD,
        )


def _halved(value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value
    small = value.half()
    return small if bool(torch.isfinite(small).all()) else value


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
