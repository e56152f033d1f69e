"""im2markup's layout: a formula a line, and a table of line numbers for each split.

`im2latex_formulas.lst` holds the formulas; `im2latex_train.lst`, `im2latex_validate.lst` and
`im2latex_test.lst` have `INDEX IMAGE RENDERTYPE` a line, INDEX counting formulas from 0. Only
a newline ends a line: the formulas of im2latex-100k hold carriage returns and other controls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from im2latex_cli.data.sources.decoding import BOM, decode, remark
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.errors import InputError

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
