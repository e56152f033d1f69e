"""im2latex-100k: the four files of Zenodo's record 56198, and their layout, that of im2markup.

The record itself says how long each file is and which MD5 it has. Nothing is fetched unless
`obtain` is called, and nothing that is there already.

`im2latex_formulas.lst` holds a formula a line; `im2latex_train.lst`, `im2latex_validate.lst` and
`im2latex_test.lst` have `INDEX IMAGE RENDERTYPE` a line, INDEX counting formulas from 0. Only
a newline ends a line: the formulas of im2latex-100k hold carriage returns and other controls.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from im2latex_cli.data.sources.download import Patience, Published, fetch, fetch_small, verified
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.data.text_files import BOM, decode, remark
from im2latex_cli.errors import DownloadError, InputError
from im2latex_cli.files import locked
from im2latex_cli.progress import Reporter

FORMULAS = "im2latex_formulas.lst"
TABLES = {
    "train": "im2latex_train.lst",
    "validate": "im2latex_validate.lst",
    "test": "im2latex_test.lst",
}
FILES = (FORMULAS, *TABLES.values())


@dataclass(frozen=True, slots=True)
class _Listing:
    """The formulas and who may have which; `stray` are lines of the tables that name none."""

    formulas: tuple[str, ...]
    splits: Mapping[int, str]
    stray: tuple[BadLine, ...]


def is_listing(folder: Path) -> bool:
    """Whether a folder has this layout."""
    return (folder / FORMULAS).is_file()


def open_listing(folder: Path, *, name: str | None = None) -> Source:
    """Open a folder of this layout.

    Args:
        folder: with all four files.
        name: of the source; by default the folder's.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    contents = {file: _content(folder, file) for file in FILES}
    digest = hashlib.sha256()
    for file, content in contents.items():
        digest.update(f"{file}\0{len(content)}\n".encode() + content)
    lines = _lines(contents[FORMULAS])
    formulas, latin = [], []
    for number, line in enumerate(lines, start=1):
        text, is_latin = decode(line)
        formulas.append(text)
        if is_latin:
            latin.append(str(number))
    splits, stray = _splits(contents, len(formulas))
    listing = _Listing(tuple(formulas), splits, tuple(stray))
    return Source(
        name or folder.resolve().name,
        digest.hexdigest(),
        lambda: _read(listing),
        remarks=remark(latin, f"{FORMULAS}, lines "),
    )


def _content(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} has no {file}.", hint=f"It needs all of {', '.join(FILES)}."
        ) from error
    except OSError as error:
        raise InputError(f"{folder / file} cannot be read: {error.strerror}.") from error


def _lines(content: bytes) -> list[bytes]:
    lines = content.removeprefix(BOM).split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _splits(contents: Mapping[str, bytes], formulas: int) -> tuple[dict[int, str], list[BadLine]]:
    splits: dict[int, str] = {}
    stray: list[BadLine] = []
    for split, file in TABLES.items():
        for number, line in enumerate(_lines(contents[file]), start=1):
            text = decode(line)[0]
            index = _index(text)
            if not text.strip():
                continue
            if index is None or index >= formulas:
                message = f"no formula has this number; they go from 0 to {formulas - 1}"
                stray.append(BadLine(number, text, "no-formula", message, file))
            elif splits.setdefault(index, split) != split:
                message = f"formula {index} is in {TABLES[splits[index]]} already"
                stray.append(BadLine(number, text, "no-formula", message, file))
    return splits, stray


def _index(text: str) -> int | None:
    first = text.split(maxsplit=1)[:1]
    is_number = bool(first) and first[0].isascii() and first[0].isdecimal() and len(first[0]) < 12
    return int(first[0]) if is_number else None


def _read(listing: _Listing) -> Iterator[SourceFormula | BadLine]:
    for index, formula in enumerate(listing.formulas):
        line = index + 1
        if index not in listing.splits:
            yield BadLine(line, formula, "unlisted", "no split has this formula")
        elif not formula.strip():
            yield BadLine(line, formula, "empty", "no formula in this line")
        else:
            yield SourceFormula(line, formula, listing.splits[index])
    yield from listing.stray


ZENODO = "https://zenodo.org"
PATIENT = Patience()


@dataclass(frozen=True, slots=True)
class Collection:
    """Files of one record of Zenodo.

    Attributes:
        name: short name, also of its folder in the cache.
        record: the record's number.
        files: those of its files that are wanted.
        base: where Zenodo is.
    """

    name: str
    record: int
    files: tuple[str, ...]
    base: str = ZENODO

    @property
    def listing(self) -> str:
        """Address of what the record says of its files."""
        return f"{self.base}/api/records/{self.record}"

    def address(self, name: str) -> str:
        """Address of one file."""
        return f"{self.base}/records/{self.record}/files/{name}?download=1"


IM2LATEX_100K = Collection("im2latex-100k", 56198, FILES)


def obtain(
    collection: Collection,
    folder: Path,
    reporter: Reporter,
    *,
    patience: Patience = PATIENT,
) -> None:
    """Fetch what `folder` lacks of a collection; check what it has.

    Args:
        collection: the files.
        folder: where they go.
        reporter: where progress goes.
        patience: how long to try.

    Raises:
        DownloadError: it cannot be fetched, or is not what it should be.
        InputError: the folder cannot be written.
        UsageError: another process fetches it.
    """
    if not missing(collection, folder):
        return
    try:
        with locked(
            folder / ".lock",
            busy=f"Another process is downloading {collection.name}.",
            hint="Wait for it.",
        ):
            _fetch_all(collection, folder, reporter, patience)
    except DownloadError as error:
        raise DownloadError(
            str(error),
            hint=f"To build without a download: `build.source` DIR, a folder with "
            f"{', '.join(collection.files)}.",
        ) from error
    except OSError as error:
        raise InputError(f"{collection.name} cannot be written to {folder}: {error}.") from error


def missing(collection: Collection, folder: Path) -> list[str]:
    """Name the files that `folder` lacks; check those that it has.

    Raises:
        DownloadError: one has changed since it was fetched.
    """
    return [name for name in collection.files if not verified(folder / name)]


def _fetch_all(
    collection: Collection, folder: Path, reporter: Reporter, patience: Patience
) -> None:
    lacking = missing(collection, folder)
    published = _published(collection, fetch_small(collection.listing, patience=patience))
    size = sum(published[name].size or 0 for name in lacking)
    title = f"Downloading {collection.name} ({size / 1e6:.1f} MB)"
    with reporter.step(title, size) as step:
        for name in lacking:
            fetch(published[name], folder, advance=step.advance, patience=patience)


def _published(collection: Collection, content: bytes) -> Mapping[str, Published]:
    """Read the record's list of files, in either of the two forms that Zenodo has for it.

    Raises:
        DownloadError: it is no such list, or lacks a file.
    """
    try:
        answer = json.loads(content)["files"]
        rows: list[dict[str, Any]] = (
            list(answer["entries"].values()) if isinstance(answer, dict) else answer
        )
        checksums = {row["key"]: (int(row["size"]), str(row["checksum"])) for row in rows}
        return {
            name: Published(name, collection.address(name), size, _md5(checksum))
            for name, (size, checksum) in ((name, checksums[name]) for name in collection.files)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DownloadError(
            f"{collection.listing} is not the record of {collection.name} ({error!r})."
        ) from error


def _md5(checksum: str) -> str:
    kind, _, digits = checksum.partition(":")
    if kind != "md5" or len(digits) != 32:
        raise ValueError(f"{checksum} is not an MD5")
    return digits.lower()
