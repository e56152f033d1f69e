"""What a model file says of itself: dimensions, vocabulary, preprocessing, and what is known.

Model files of torch and exported graphs carry the same header; reading it needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from im2latex_cli.decoding.calibration import Calibration
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.settings.sections import ModelSettings
from im2latex_cli.vision.prepare import Preprocessing

FORMAT = 1
"""Version of the header that this package writes."""
KEY = "im2latex"
"""Where a file's metadata keeps the header."""
REBUILD = "Train again, or take a model file that this version wrote."


@dataclass
class Header:
    """All of a model but its weights.

    Attributes:
        dims: the network's dimensions.
        vocab: its tokens, with their counts in the training data.
        preprocessing: what a picture goes through before the network.
        info: scores, training data, calibration; JSON values.
    """

    dims: ModelSettings
    vocab: Vocab
    preprocessing: Preprocessing
    info: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        from im2latex_cli._version import __version__  # takes 20 ms, and reading needs it never

        return {
            "kind": "model",
            "format": FORMAT,
            "package": __version__,
            "dims": self.dims.model_dump(mode="json"),
            "vocab": self.vocab.to_json(),
            "preprocessing": self.preprocessing.to_json(),
            "info": self.info,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any], *, path: Path) -> Header:
        """From a file's JSON object of any format up to this.

        Raises:
            CheckpointError: of a newer format, or something is wrong in it.
        """
        found = upgrade(found, path=path)
        try:
            return cls(
                ModelSettings.model_validate(found["dims"]),
                Vocab.from_json(found["vocab"]),
                Preprocessing.from_json(found["preprocessing"]),
                dict(found.get("info", {})),
            )
        except (KeyError, TypeError, ValueError, ValidationError, InputError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path}: its header does not hold ({reason}).", hint=REBUILD
            ) from error

    @property
    def calibration(self) -> Calibration | None:
        """How scores become confidence, where that was fitted.

        Raises:
            CheckpointError: it does not hold.
        """
        fitted = self.info.get("calibration")
        if fitted is None:
            return None
        try:
            return Calibration.from_json(fitted)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"The model's calibration does not hold ({error!r}).", hint="Train the model again."
            ) from error


def upgrade(header: Mapping[str, Any], *, path: Path) -> dict[str, Any]:
    """Bring the header of an older format up to `FORMAT`, one version at a time."""
    version = header.get("format")
    if not isinstance(version, int) or version < 1:
        raise CheckpointError(f"{path}: format {version!r} is unknown.", hint=REBUILD)
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


def read_model_header(path: Path, *, kind: str) -> dict[str, Any]:
    """Read the header inside of a safetensors file of ours; the tensors are not read.

    Raises:
        CheckpointError: not a safetensors file, cut off, or of another kind.
    """
    header = read_any_header(path)
    if header is None or header.get("kind") != kind:
        raise CheckpointError(
            f"{path}: a safetensors file, but not a {kind} file of im2latex.", hint=REBUILD
        )
    return header


def read_any_header(path: Path) -> dict[str, Any] | None:
    """Read the header inside of any safetensors file; None if it is not ours.

    Raises:
        CheckpointError: not a safetensors file, or cut off.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        header = json.loads(metadata.get(KEY, "null"))
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(path) from error
    return header if isinstance(header, dict) else None


def damaged(path: Path) -> CheckpointError:
    """What to say of a file that is no sound safetensors file."""
    with path.open("rb") as file:
        is_cut = file.read(10)[8:9] == b"{"
    if is_cut:
        return CheckpointError(f"{path}: the model file is truncated or damaged.", hint=REBUILD)
    return CheckpointError(f"{path}: not a safetensors model file.", hint=REBUILD)
