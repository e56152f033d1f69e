"""Pictures with formulas made by others: an imagefolder, or a .tar of one.

Nothing is extracted to disk; a picture is looked up among the names that are there, so a name
cannot lead outside. Works for a folder with one metadata.jsonl and for one with a folder a split.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from im2latex_cli.data.jsonl import parse_row
from im2latex_cli.data.splits import Split, own_split
from im2latex_cli.errors import InputError

METADATA = "metadata.jsonl"


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture with its formula.

    Attributes:
        id: name inside the folder, such as "test/000012.png".
        formula: as the folder gives it.
        split: the split that its row or its folder names, or None.
        line: line of the metadata, counted over all metadata files.
        source: where the formula comes from; empty where the metadata does not say.
    """

    id: str
    formula: str
    split: Split | None
    line: int
    source: str = ""


class Pairs:
    """The pairs of an opened imagefolder."""

    def __init__(self, path: Path, names: Mapping[str, Path | tarfile.TarInfo]) -> None:
        """Keep where each name's content is; `open_pairs` finds that out."""
        self._path = path
        self._names = names
        self._tables = sorted(name for name in names if PurePosixPath(name).name == METADATA)
        if not self._tables:
            raise InputError(
                f"{path} has no {METADATA}, so nothing says which formula a picture shows.",
                hint='It needs one JSON object a line: {"file_name": "a.png", "formula": "x"}.',
            )

    def __iter__(self) -> Iterator[Pair]:
        """Yield the pairs in the order of the metadata.

        Raises:
            InputError: a line is broken or lacks a key; file and line are named.
        """
        line = 0
        for table in self._tables:
            folder = PurePosixPath(table).parent
            for number, text in enumerate(self._bytes(table).split(b"\n"), start=1):
                if text.strip():
                    line += 1
                    yield self._pair(folder, text, line, f"{self._path}: {table}, line {number}")

    def picture(self, name: str) -> bytes:
        """Return the bytes of a picture.

        Raises:
            InputError: it is not there.
        """
        return self._bytes(name)

    def path(self, name: str) -> Path | None:
        """Return where a picture is on disk, or None where it lies in a .tar."""
        found = self._names.get(name)
        return found if isinstance(found, Path) else None

    def digest(self) -> str:
        """SHA-256 over the metadata and over name and size of every picture."""
        total = hashlib.sha256()
        for table in self._tables:
            total.update(self._bytes(table))
        for name in sorted(self._names):
            found = self._names[name]
            size = found.stat().st_size if isinstance(found, Path) else found.size
            total.update(f"{name}\0{size}\n".encode())
        return total.hexdigest()

    def _pair(self, folder: PurePosixPath, text: bytes, line: int, where: str) -> Pair:
        row = parse_row(text, where=where)
        name, formula = row.get("file_name"), row.get("formula")
        if not isinstance(name, str) or not isinstance(formula, str):
            raise InputError(f"{where}: file_name and formula are needed, as texts.")
        split = row.get("split")
        return Pair(
            id=str(folder / name),
            formula=formula,
            split=own_split(split if isinstance(split, str) else folder.name),
            line=line,
            source=str(row.get("source") or ""),
        )

    def _bytes(self, name: str) -> bytes:
        found = self._names.get(name)
        if found is None:
            raise InputError(f"{name} is listed in the metadata but missing from {self._path}.")
        try:
            if isinstance(found, Path):
                return found.read_bytes()
            with self._path.open("rb") as stream:
                stream.seek(found.offset_data)
                return stream.read(found.size)
        except OSError as error:
            raise InputError(f"{name} in {self._path} cannot be read: {error}.") from error


def has_pairs(folder: Path) -> bool:
    """Whether a folder is surely an imagefolder: metadata lies in it, or in a folder in it."""
    return (folder / METADATA).is_file() or any(folder.glob(f"*/{METADATA}"))


def open_pairs(path: Path) -> Pairs:
    """Open a folder or an uncompressed .tar of pictures with metadata.jsonl.

    Raises:
        InputError: nothing is there, or it is neither.
    """
    if path.is_dir():
        inside = sorted(found for found in path.rglob("*") if found.is_file())
        visible = ((str(found.relative_to(path).as_posix()), found) for found in inside)
        return Pairs(path, {name: found for name, found in visible if not name.startswith(".")})
    if not path.is_file():
        raise InputError(f"There is nothing at {path}.", hint="Name a data set folder or a .tar.")
    try:
        with tarfile.open(path, "r:") as archive:
            members = {_plain(m.name): m for m in archive.getmembers() if m.isreg()}
    except tarfile.TarError as error:
        raise InputError(
            f"{path} is not an uncompressed .tar of pictures ({error}).",
            hint="Name a data set folder, or a .tar of pictures with metadata.jsonl.",
        ) from error
    return Pairs(path, members)


def _plain(name: str) -> str:
    return str(PurePosixPath(name))
