"""Text files of formulas: .txt, .tsv, .csv, .jsonl. Lines never shift: only a newline ends one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from im2latex_cli.data.entries import BadLine, Entry
from im2latex_cli.errors import InputError

Rows = Iterator[Entry | BadLine]

SPLIT_COLUMN = "split"
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Table:
    """A text file of formulas.

    Attributes:
        content: its bytes, unpacked.
        name: how messages call it.
        column: column or key of the formula.
    """

    content: bytes
    name: str
    column: str


def read_txt(table: Table) -> Rows:
    """Yield one formula a line."""
    for number, line in _lines(table.content):
        yield line if isinstance(line, BadLine) else _entry(number, line, None)


def read_tsv(table: Table) -> Rows:
    """Yield one column of tab-separated lines under a header; nothing is quoted.

    Raises:
        InputError: the header has no such column.
    """
    lines = _lines(table.content)
    formula_at, split_at = _columns(_header(lines, table.name).split("\t"), table)
    for number, line in lines:
        if isinstance(line, BadLine):
            yield line
        else:
            yield _cells(number, line.split("\t"), formula_at, split_at, line)


def read_csv(table: Table) -> Rows:
    """Yield one column of a .csv file with a header; quoted cells may span lines.

    Raises:
        InputError: the header has no such column.
    """
    lines = _split(table.content, keep_end=True)
    text = [line.decode("utf-8", "surrogateescape") for line in lines]
    rows = csv.reader(text)
    formula_at, split_at = _columns(_csv_header(rows, table.name), table)
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            shown = text[number - 1].strip().encode("utf-8", "replace").decode("utf-8")
            yield BadLine(number, shown, "no-formula", f"broken CSV: {error}")
            continue
        line = ",".join(cells)
        yield _bad_encoding(number, line) or _cells(number, cells, formula_at, split_at, line)


def read_jsonl(table: Table) -> Rows:
    """Yield one key of one JSON object a line."""
    for number, line in _lines(table.content):
        if isinstance(line, BadLine):
            yield line
            continue
        if not line.strip():
            yield _entry(number, line, None)
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadLine(number, line, "no-formula", f"not JSON: {error}")
            continue
        formula = row.get(table.column) if isinstance(row, dict) else None
        if isinstance(formula, str):
            split = row.get(SPLIT_COLUMN)
            clean = formula.encode("utf-8", "replace").decode("utf-8")
            yield _entry(number, clean, split if isinstance(split, str) else None)
        else:
            yield BadLine(number, line, "no-formula", f"no text under the key {table.column!r}")


READERS: dict[str, Callable[[Table], Rows]] = {
    ".txt": read_txt,
    ".tsv": read_tsv,
    ".csv": read_csv,
    ".jsonl": read_jsonl,
}
"""Reader of each suffix."""


def _split(content: bytes, *, keep_end: bool) -> Iterator[bytes]:
    """Split at newlines only: str.splitlines and text files also end lines at other characters."""
    content = content.removeprefix(BOM)
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        yield content[start : end + keep_end]
        start = end + 1


def _lines(content: bytes) -> Iterator[tuple[int, str | BadLine]]:
    for number, line in enumerate(_split(content, keep_end=False), start=1):
        text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        yield number, _bad_encoding(number, text) or text


def _bad_encoding(number: int, text: str) -> BadLine | None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = text.encode("utf-8", "replace").decode("utf-8")
        message = f"byte 0x{ord(text[error.start]) & 0xFF:02x} at character {error.start + 1}"
        return BadLine(number, shown, "encoding", f"not UTF-8: {message}")
    return None


def _header(lines: Iterator[tuple[int, str | BadLine]], name: str) -> str:
    first = next(lines, (1, ""))[1]
    if isinstance(first, BadLine):
        raise InputError(f"{name}: the first line is {first.message}.", hint="Save it as UTF-8.")
    return first


def _csv_header(rows: Iterator[list[str]], name: str) -> list[str]:
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise InputError(f"{name}: the first line is broken CSV ({error}).") from error
    if bad := _bad_encoding(1, ",".join(header)):
        raise InputError(f"{name}: the first line is {bad.message}.", hint="Save it as UTF-8.")
    return header


def _columns(header: list[str], table: Table) -> tuple[int, int | None]:
    if table.column not in header:
        names = ", ".join(header) or "none"
        raise InputError(
            f"{table.name} has no column {table.column!r}; its first line names {names}.",
            hint=f"Say which one holds the formulas: --column {header[-1] if header else 'NAME'}.",
        )
    split_at = header.index(SPLIT_COLUMN) if SPLIT_COLUMN in header else None
    return header.index(table.column), split_at


def _cells(
    number: int, cells: list[str], formula_at: int, split_at: int | None, line: str
) -> Entry | BadLine:
    if formula_at >= len(cells):
        if not line.strip():
            return _entry(number, line, None)
        message = f"only {len(cells)} columns; the formula is in column {formula_at + 1}"
        return BadLine(number, line, "no-formula", message)
    has_split = split_at is not None and split_at < len(cells)
    return _entry(number, cells[formula_at], cells[split_at] if has_split else None)  # type: ignore[index]


def _entry(number: int, formula: str, split: str | None) -> Entry | BadLine:
    if not formula.strip():
        return BadLine(number, formula, "empty", "no formula in this line")
    return Entry(number, formula, split or None)


def suffix(path: Path) -> tuple[str, bool]:
    """Return the suffix that says what the file holds, and whether it is gzipped."""
    packed = path.suffix.lower() == ".gz"
    inner = Path(path.stem) if packed else path
    return inner.suffix.lower(), packed
