"""Pictures with formulas made by others: an imagefolder, or a .tar of one.

The formulas stand in metadata.jsonl or metadata.csv, as Hugging Face `datasets` writes them, or in
labels.txt or labels.tsv (a name and a formula a line, between them a tab or blanks).

Nothing is extracted to disk; a picture is looked up among the names that are there, so a name
cannot lead outside. Works for a folder with one metadata.jsonl and for one with a folder a split.
"""

from __future__ import annotations

import csv
import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from im2latex_cli.data.sources.entries import BadLine, Split, own_split
from im2latex_cli.data.text_files import BOM, demand_bytes, parse_row
from im2latex_cli.errors import InputError

METADATA = "metadata.jsonl"
TABLES = (METADATA, "metadata.csv", "labels.csv", "labels.tsv", "labels.txt")
"""Files that say which formula a picture shows; of several in one folder the first counts."""
_FORMULAS = ("formula", "latex", "text", "label")
_NAMES = ("file_name", "image", "filename", "path", "id")
_PICTURES = frozenset(".png .jpg .jpeg .gif .webp .tif .tiff .bmp".split())
_PICTURE = re.compile(
    r"(?P<name>[^\t,;]+?\.(?:png|jpe?g|gif|webp|tiff?|bmp))(?:[,;:]\s*|\s+)", re.IGNORECASE
)
"""The name of a picture in front of its formula, and what parts them."""
_SURROGATE = re.compile("[\ud800-\udfff]")
Row = Mapping[str, object]


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
        self._tables = _tables(names)
        if not self._tables:
            raise InputError(
                f"{path} has no {', '.join(TABLES[:2])} or {TABLES[-1]}, so nothing says which "
                "formula a picture shows.",
                hint='It needs one JSON object a line: {"file_name": "a.png", "formula": "x"}.',
            )

    def __iter__(self) -> Iterator[Pair]:
        """Yield the pairs in the order of the metadata.

        Raises:
            InputError: a line is broken or lacks a key; file and line are named.
        """
        for row in self._rows():
            if isinstance(row, BadLine):
                raise InputError(f"{self._path}: {row.message}.")
            yield row

    def rows(self) -> Iterator[Pair | BadLine]:
        """Yield the pairs, and what is wrong with a row instead of the pair that it lacks."""
        labels: dict[str, set[str]] = {}
        for row in self._rows():
            if isinstance(row, Pair):
                labels.setdefault(row.id, set()).add(row.formula.strip())
        for row in self._rows():
            if isinstance(row, BadLine):
                yield row
            elif len(labels[row.id]) > 1:
                message = f"{row.id} has {len(labels[row.id])} different formulas"
                yield BadLine(row.line, row.formula, "two-labels", message)
            elif row.id not in self._names:
                message = f"{row.id} is listed and is not there"
                yield BadLine(row.line, row.formula, "no-picture", message)
            else:
                yield row

    def _rows(self) -> Iterator[Pair | BadLine]:
        line = 0
        for table in self._tables:
            folder = PurePosixPath(table).parent
            content = self._bytes(table)
            demand_bytes(content, table)
            for number, row in _READERS[PurePosixPath(table).suffix](content):
                line += 1
                where = f"{table}, line {number}"
                if isinstance(row, str):
                    yield BadLine(line, "", "no-formula", f"{where}: {row}")
                elif any(_is_broken(value) for value in row.values()):
                    shown = " ".join(str(value) for value in row.values())
                    shown = shown.encode("utf-8", "replace").decode("utf-8")
                    yield BadLine(line, shown, "encoding", f"{where}: not UTF-8")
                else:
                    yield self._pair(folder, row, line, where)

    def remarks(self) -> tuple[str, ...]:
        """What a user should know of files that are left out, one line each."""
        listed = {row.id for row in self._rows() if isinstance(row, Pair)}
        folders = {PurePosixPath(table).parent for table in self._tables}
        tables = [
            name
            for name in self._names
            if PurePosixPath(name).name in TABLES
            and PurePosixPath(name).parent in folders
            and name not in self._tables
        ]
        pictures = sorted(
            name
            for name in self._names
            if name not in listed and PurePosixPath(name).suffix.lower() in _PICTURES
        )
        return (
            *_left_out(tables, "the folder has another file of labels"),
            *_left_out(pictures, "no row names the picture"),
        )

    def picture(self, name: str) -> bytes:
        """Return the bytes of a picture.

        Raises:
            InputError: it is not there.
        """
        return self._bytes(name)

    def path(self, name: str) -> Path | None:
        """Return where a picture is on disk, or None where it lies in a .tar."""
        member = self._names.get(name)
        return member if isinstance(member, Path) else None

    def digest(self) -> str:
        """SHA-256 over the metadata and over name and size of every picture."""
        total = hashlib.sha256()
        for table in self._tables:
            total.update(self._bytes(table))
        for name in sorted(self._names):
            member = self._names[name]
            size = member.stat().st_size if isinstance(member, Path) else member.size
            total.update(f"{name}\0{size}\n".encode())
        return total.hexdigest()

    def _pair(self, folder: PurePosixPath, row: Row, line: int, where: str) -> Pair | BadLine:
        name = next((row[key] for key in _NAMES if row.get(key)), None)
        formula = next((row[key] for key in _FORMULAS if row.get(key) is not None), None)
        if not isinstance(name, str) or not isinstance(formula, str):
            shown = formula if isinstance(formula, str) else ""
            message = f"{where}: file_name and formula are needed, as texts"
            return BadLine(line, shown, "no-formula", message)
        split = row.get("split")
        return Pair(
            id=self._known(str(folder / name), str(folder / name.replace("\\", "/"))),
            formula=formula,
            split=own_split(split if isinstance(split, str) else folder.name),
            line=line,
            source=str(row.get("source") or ""),
        )

    def _known(self, name: str, plain: str) -> str:
        """The name as it is, or with Windows' separators as slashes if only that is there."""
        return name if name in self._names else plain

    def _bytes(self, name: str) -> bytes:
        member = self._names.get(name)
        if member is None:
            raise InputError(f"{name} is listed in the metadata but missing from {self._path}.")
        try:
            if isinstance(member, Path):
                return member.read_bytes()
            with self._path.open("rb") as stream:
                stream.seek(member.offset_data)
                return stream.read(member.size)
        except OSError as error:
            raise InputError(f"{name} in {self._path} cannot be read: {error}.") from error


def _tables(names: Mapping[str, object]) -> list[str]:
    """The files of formulas, one of each folder."""
    found: dict[PurePosixPath, str] = {}
    for kind in TABLES:
        for name in names:
            if PurePosixPath(name).name == kind:
                found.setdefault(PurePosixPath(name).parent, name)
    return sorted(found.values())


def _left_out(names: list[str], why: str) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return (f"Left out, since {why}: {names[0]}{more}.",)


_Read = Iterator[tuple[int, Row | str]]
"""Line number, from 1, and the row or what is wrong with it."""


def _text(content: bytes) -> str:
    text = content.removeprefix(BOM).decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n")


def _is_broken(value: object) -> bool:
    """Whether a text holds bytes that are no UTF-8."""
    return isinstance(value, str) and not value.isascii() and bool(_SURROGATE.search(value))


def _json_lines(content: bytes) -> _Read:
    for number, text in enumerate(content.removeprefix(BOM).split(b"\n"), start=1):
        if text.strip():
            try:
                yield number, parse_row(text, where="")
            except InputError as error:
                yield number, str(error).removeprefix(": ").removesuffix(".")


def _csv(content: bytes) -> _Read:
    lines = _text(content).split("\n")
    mark = max(",;\t", key=lines[0].count)
    rows = csv.DictReader((f"{line}\n" for line in lines), delimiter=mark, strict=True)
    try:
        rows.fieldnames = _header(list(rows.fieldnames or ()))
        if rows.fieldnames[:1] == [_NAMES[0]] and _PICTURE.match(lines[0]):
            first = next(csv.reader(lines[:1], delimiter=mark))
            yield 1, dict(zip(rows.fieldnames, first, strict=False))
        for row in rows:
            whole = None not in row.values() and None not in row
            yield rows.line_num, dict(row) if whole else "not as many cells as columns"
    except csv.Error as error:
        yield rows.line_num, f"broken CSV: {error}"


def _header(names: list[str]) -> list[str]:
    """The names of columns as they are known here; of a table without names file and formula.

    Raises:
        InputError: two columns of one name.
    """
    plain = [name.strip().lower() for name in names]
    known = [name for name in plain if name in (*_FORMULAS, *_NAMES)]
    if len(set(known)) < len(known):
        twice = next(name for name in known if known.count(name) > 1)
        raise InputError(
            f"The labels have {known.count(twice)} columns named {twice!r}.",
            hint="Which of them is meant cannot be known: give each its own name.",
        )
    if not known and len(plain) == 2 and _PICTURE.match(f"{names[0]},"):
        return [_NAMES[0], _FORMULAS[0]]
    return plain


def _labels(content: bytes) -> _Read:
    for number, line in enumerate(_text(content).split("\n"), start=1):
        if not line.strip():
            continue
        found = None if "\t" in line else _PICTURE.match(line)
        name, formula = ([*line.split("\t" if "\t" in line else None, 1), ""])[:2]
        if found is not None:
            name, formula = found["name"], line[found.end() :]
        if number == 1 and name.lower() in _NAMES:
            continue
        yield number, {"file_name": name.strip(), "formula": formula.strip()}


_READERS: dict[str, Callable[[bytes], _Read]] = {
    ".jsonl": _json_lines,
    ".csv": _csv,
    ".tsv": _labels,
    ".txt": _labels,
}


def has_pairs(folder: Path) -> bool:
    """Whether a folder is surely an imagefolder: metadata lies in it, or in a folder in it."""
    return any((folder / name).is_file() or any(folder.glob(f"*/{name}")) for name in TABLES)


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
