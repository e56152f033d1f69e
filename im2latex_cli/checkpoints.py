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
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialize_tensors
from torch import Tensor

from im2latex_cli import files
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.headers import KEY, REBUILD, Header, damaged, read_model_header
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network, undrawn
from im2latex_cli.settings.sections import ModelSettings
from im2latex_cli.vision.prepare import Preprocessing


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

    @property
    def header(self) -> Header:
        """All but the tensors."""
        return Header(self.dims, self.vocab, self.preprocessing, self.info)

    def network(self) -> Network:
        """The network with these weights, in evaluation mode, on the CPU."""
        network = undrawn(self.dims, len(self.vocab))
        network.load_state_dict(self.tensors)
        return network.eval()


def save(path: Path, model: ModelFile, *, half: bool = False) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: the file.
        model: what to write.
        half: store 16-bit floats; `load` gives 32-bit floats back.
    """
    tensors = {name: _halved(value) if half else value for name, value in model.tensors.items()}
    write_tensors(path, tensors, model.header.to_json())


def load(path: Path) -> ModelFile:
    """Read and check a model file.

    Raises:
        InputError: there is no such file.
        CheckpointError: the file is damaged, of another or a newer format, lacks tensors, or its
            vocabulary does not fit its network.
    """
    tensors, header = read_tensors(path, kind="model")
    told = Header.from_json(header, path=path)
    single = {name: _single(value) for name, value in tensors.items()}
    model = ModelFile(told.dims, told.vocab, told.preprocessing, single, told.info)
    _check(path, model)
    return model


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, whole or not at all."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    text = json.dumps(header, ensure_ascii=False)
    files.write_bytes(path, serialize_tensors(plain, {KEY: text}))


def read_tensors(path: Path, *, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `write_tensors` and check that its header's `kind` is the expected one.

    Raises:
        InputError: there is no such file.
        CheckpointError: not a safetensors file, truncated, or of another kind.
    """
    if not path.is_file():
        raise InputError(f"No model file at {path}.", hint="Train one with `im2latex train`.")
    header = read_model_header(path, kind=kind)
    try:
        tensors = parse_tensors(path.read_bytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise damaged(path) from error
    return tensors, header


def _check(path: Path, model: ModelFile) -> None:
    expected = undrawn(model.dims, len(model.vocab)).state_dict()
    missing = sorted(expected.keys() - model.tensors.keys())
    if missing:
        names = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        raise CheckpointError(
            f"{path}: {len(missing)} tensors are missing ({names}).", hint=REBUILD
        )
    model.tensors = {name: model.tensors[name] for name in expected}
    for name, wanted in expected.items():
        found = model.tensors[name].shape
        if found == wanted.shape:
            continue
        if wanted.shape[:1] == (len(model.vocab),) and found[1:] == wanted.shape[1:]:
            raise CheckpointError(
                f"{path}: the vocabulary has {len(model.vocab)} tokens, the network {found[0]}.",
                hint=REBUILD,
            )
        raise CheckpointError(
            f"{path}: tensor {name} is {tuple(found)}, its dimensions say {tuple(wanted.shape)}.",
            hint=REBUILD,
        )


def _halved(value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value
    small = value.half()
    return small if bool(torch.isfinite(small).all()) else value


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
