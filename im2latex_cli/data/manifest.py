"""manifest.json: what a data set was made from and with; nothing of time, host, path or jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from im2latex_cli.errors import InputError
from im2latex_cli.files import write_json

FORMAT = 1
FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of a finished data set; its presence says that the data set is complete.

    Attributes:
        dataset: the data set's name.
        source: name and SHA-256 of where the formulas came from.
        renderer: name of the renderer, or "imported" where pictures came with the formulas.
        renderer_version: the renderer's own version.
        settings: every setting that shapes the folder, by dotted name.
        counts: pictures of each split, failed formulas, removed repeats.
        failures: failed formulas by reason.
        format: version of the folder's layout.
    """

    dataset: str
    source: Mapping[str, str]
    renderer: str
    renderer_version: str
    settings: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """The manifest in the key order of the file."""
        return {
            "format": self.format,
            "dataset": self.dataset,
            "source": dict(self.source),
            "renderer": {"name": self.renderer, "version": self.renderer_version},
            "settings": dict(self.settings),
            "counts": dict(self.counts),
            "failures": dict(self.failures),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Manifest:
        """Read `to_json`'s form."""
        return cls(
            dataset=value["dataset"],
            source=value["source"],
            renderer=value["renderer"]["name"],
            renderer_version=value["renderer"]["version"],
            settings=value["settings"],
            counts=value["counts"],
            failures=value["failures"],
            format=value["format"],
        )

    def save(self, root: Path) -> None:
        """Write the manifest into the data set folder, whole or not at all."""
        write_json(root / FILE, self.to_json())


def load(root: Path) -> Manifest | None:
    """Read a data set's manifest; None where there is none.

    Raises:
        InputError: it is broken, or of a newer format.
    """
    path = root / FILE
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_bytes())
        number = int(value["format"])
        if number <= FORMAT:
            return Manifest.from_json(value)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is broken ({error}).", hint="Build the data set again with `force`."
        ) from error
    raise InputError(
        f"{path} has format {number}, made by a newer im2latex-cli; this one knows {FORMAT}.",
        hint="Upgrade im2latex-cli, or build the data set again with `force`.",
    )
