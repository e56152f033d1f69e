"""The data set folder: the only module that knows its layout.

`train/ val/ test/` each hold PNG files and metadata.jsonl (`file_name`, `formula`, `tokens`,
`width`, `height`, and `source` if the input names one), with glyphs also glyphs.jsonl; beside them
lie vocab.json, failures.jsonl and manifest.json, which says what the data set was made from and
with, and nothing of time, host, path or jobs. It is the imagefolder convention of Hugging Face
`datasets`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from im2latex_cli.data.text_files import Row, read_rows
from im2latex_cli.errors import InputError
from im2latex_cli.files import demand_no_url, write_json

MANIFEST_FORMAT = 1
MANIFEST = "manifest.json"


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
    format: int = MANIFEST_FORMAT

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
        write_json(root / MANIFEST, self.to_json())


def load_manifest(root: Path) -> Manifest | None:
    """Read a data set's manifest; None where there is none.

    Raises:
        InputError: it is broken, or of a newer format.
    """
    path = root / MANIFEST
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_bytes())
        number = int(value["format"])
        if number <= MANIFEST_FORMAT:
            return Manifest.from_json(value)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is broken ({error}).", hint="Build the data set again with `force`."
        ) from error
    raise InputError(
        f"{path} has format {number}, made by a newer im2latex-cli; this one knows "
        f"{MANIFEST_FORMAT}.",
        hint="Upgrade im2latex-cli, or build the data set again with `force`.",
    )


SPLITS = ("train", "val", "test")
METADATA = "metadata.jsonl"
GLYPHS = "glyphs.jsonl"
VOCAB = "vocab.json"
FAILURES = "failures.jsonl"
NAMED_MISSING = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a data set.

    Attributes:
        id: split and picture, as in "test/000012".
        image: the picture's path.
        formula: as the source gave it.
        tokens: its normal form.
        width: the picture's width in pixels.
        height: the picture's height in pixels.
        source: where the formula comes from; empty where nobody said.
    """

    id: str
    image: Path
    formula: str
    tokens: tuple[str, ...]
    width: int
    height: int
    source: str = ""


def splits(root: Path) -> list[str]:
    """Name the splits that the data set has, in the order train, val, test.

    Raises:
        InputError: there is no data set at `root`.
    """
    demand_no_url(root)
    if not root.is_dir():
        raise InputError(f"There is no data set at {root}.", hint=_make_it(root))
    found = [name for name in SPLITS if (root / name / METADATA).is_file()]
    if not found:
        raise InputError(
            f"{root} is not a data set: it has no {SPLITS[0]}/{METADATA}.",
            hint="If a build of it was interrupted, run the same im2latex build again; else name "
            "another folder.",
        )
    return found


def read(root: Path, split: str) -> list[Record]:
    """Read one split, in the order of its metadata.

    Raises:
        InputError: no data set, no such split, an empty split, a broken line (file and line
            are named) or listed pictures that are missing.
    """
    known = splits(root)
    if split not in known:
        raise InputError(f"{root} has no split {split!r}.", hint=f"It has {', '.join(known)}.")
    folder = root / split
    records = [
        _record(folder, row, where=f"{folder / METADATA}, line {number}")
        for number, row in read_rows(folder / METADATA)
    ]
    if not records:
        raise InputError(f"The split {split} of {root} is empty.", hint=_make_it(root))
    _demand_pictures(folder, records)
    return records


def _record(folder: Path, row: Row, *, where: str) -> Record:
    try:
        name = _plain_name(row["file_name"])
        return Record(
            id=f"{folder.name}/{Path(name).stem}",
            image=folder / name,
            formula=str(row["formula"]),
            tokens=tuple(row["tokens"].split()),
            width=int(row["width"]),
            height=int(row["height"]),
            source=str(row.get("source") or ""),
        )
    except KeyError as error:
        raise InputError(f"{where}: no {error.args[0]!r} in this line.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: broken line ({error}).") from error


def _plain_name(name: object) -> str:
    if not isinstance(name, str) or Path(name).name != name or name in {"", ".", ".."}:
        raise ValueError(f"file_name {name!r} is not the name of a file beside it")
    return name


def _demand_pictures(folder: Path, records: list[Record]) -> None:
    present = {path.name for path in folder.iterdir()}
    missing = [record.image.name for record in records if record.image.name not in present]
    if missing:
        shown = ", ".join(missing[:NAMED_MISSING])
        more = f" and {len(missing) - NAMED_MISSING} more" if len(missing) > NAMED_MISSING else ""
        raise InputError(
            f"{folder} lacks {len(missing)} of its {len(records)} pictures: {shown}{more}.",
            hint="Build the data set again with `force`.",
        )


def _make_it(root: Path) -> str:
    return f"Make one with im2latex build, output folder {root}."
