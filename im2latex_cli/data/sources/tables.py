"""Text files of formulas: .txt, .tsv, .csv, .jsonl. Lines never shift: only a newline ends one.

The small data set inside the package (300 formulas written for it, 240/30/30) is one of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.data.text_files import BOM
from im2latex_cli.errors import InputError

Rows = Iterator[SourceFormula | BadLine]

SPLIT_COLUMN = "split"
ORIGIN_COLUMN = "source"


@dataclass(frozen=True, slots=True)
class FormulaTable:
    """A text file of formulas.

    Attributes:
        content: its bytes, unpacked.
        name: how messages call it.
        column: column or key of the formula.
        split_by: column or key whose value decides the split, or None.
        separator: what stands between the columns; "" is that of the file's ending.
        marks: what every line of a .txt has around its formula, a key of `MARKS`, or "".
    """

    content: bytes
    name: str
    column: str
    split_by: str | None = None
    separator: str = ""
    marks: str = ""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the columns of a table are, from 0, and how many there are."""

    count: int
    formula: int
    split: int | None
    group: int | None
    origin: int | None


def read_txt(table: FormulaTable) -> Rows:
    """Yield one formula a line."""
    for number, line in _lines(table.content):
        yield line if isinstance(line, BadLine) else _listed(number, line, table.marks)


def _listed(number: int, line: str, marks: str) -> SourceFormula | BadLine:
    """A line of a list, or what it is instead of a formula."""
    found = MARKS[marks].pattern.match(line) if marks else None
    formula = line if found is None else found["formula"]
    what = _instead_of_formula(formula.strip())
    if what:
        return BadLine(number, line, "no-formula", f"{what}, not a formula")
    return _entry(number, formula, None)


def _instead_of_formula(line: str) -> str:
    """What a line is that TeX would draw as a product of letters; nothing if it is not."""
    if _NUMBERED.match(line):
        return "the number of a list and more"
    if _JSON.match(line):
        return "a JSON object (name the file .jsonl)"
    if _ADDRESS.match(line):
        return "an address"
    if _WORDS.match(line):
        words = _WORD.findall(line)
        if sum(len(word) > 2 and word[1:].islower() for word in words) > 1:
            return "prose"
    return ""


def read_tsv(table: FormulaTable) -> Rows:
    """Yield one column of tab-separated lines under a header; nothing is quoted.

    Raises:
        InputError: the header has no such column.
    """
    lines = _lines(table.content)
    mark = table.separator or "\t"
    columns = _columns(_header(lines, table.name).split(mark), table)
    for number, line in lines:
        if isinstance(line, BadLine):
            yield line
        else:
            yield _cells(number, line.split(mark), columns, line)


def read_csv(table: FormulaTable) -> Rows:
    """Yield one column of a .csv file with a header; quoted cells may span lines.

    Raises:
        InputError: the header has no such column.
    """
    lines = _split(table.content, keep_end=True)
    text = [line.decode("utf-8", "surrogateescape") for line in lines]
    mark = table.separator or ","
    rows = csv.reader(text, delimiter=mark, strict=True)
    columns = _columns(_csv_header(rows, table.name), table)
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
        line = mark.join(cells)
        yield _bad_encoding(number, line) or _cells(number, cells, columns, line)


def read_jsonl(table: FormulaTable) -> Rows:
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
            entry = _entry(number, _clean(formula), split if isinstance(split, str) else None)
            if table.column != ORIGIN_COLUMN:
                entry = _from(entry, _text(row.get(ORIGIN_COLUMN)))
            yield _grouped(entry, _text(row.get(table.split_by)), line, table.split_by)
        else:
            yield BadLine(number, line, "no-formula", f"no text under the key {table.column!r}")


READERS: dict[str, Callable[[FormulaTable], Rows]] = {
    ".txt": read_txt,
    ".tsv": read_tsv,
    ".csv": read_csv,
    ".jsonl": read_jsonl,
}
"""Reader of each suffix."""


@dataclass(frozen=True, slots=True)
class _Marks:
    """What all lines of a list may have around their formulas, if there are enough lines."""

    pattern: re.Pattern[str]
    least: int
    words: str


MARKS = {
    "numbers": _Marks(
        re.compile(r"\s*\(?(?P<mark>\d+)[.)]\s+(?P<formula>\S.*)"), 2, "the lines are numbered"
    ),
    "bullets": _Marks(
        re.compile(r"\s*(?P<mark>[-*+\u2022\u00b7\u2013])\s+(?P<formula>\S.*)"),
        3,
        "the lines have list marks",
    ),
    "quotes": _Marks(
        re.compile(r"""\s*(?P<mark>["'`])(?P<formula>[^"'`]+)(?P=mark),?\s*\Z"""),
        2,
        "the lines are in quotes",
    ),
}
"""Marks of lists that are no part of the formulas."""

_NUMBERED = re.compile(r"\d{1,3}[.)]\s+[A-Za-z\\$]")
_JSON = re.compile(r'\{\s*"[^"]+"\s*:.*\}\Z')
_ADDRESS = re.compile(r"(?:https?|ftp)://\S+\Z")
_WORDS = re.compile(r"[A-Za-z]+(?:[ '-][A-Za-z]+|[,.;:!?](?= |\Z))*\Z")
_WORD = re.compile("[A-Za-z]+")


def find_marks(table: FormulaTable, kind: str) -> tuple[str, str]:
    """Which marks all lines of a .txt have, and a remark for the user; both empty if none.

    Raises:
        InputError: every line has columns with tabs between them.
    """
    if kind != ".txt":
        return "", ""
    lines = [line for _, line in _lines(table.content) if isinstance(line, str) and line.strip()]
    if len(lines) > 1 and len({line.strip().count("\t") for line in lines} | {0}) == 2:
        columns = lines[0].strip().count("\t") + 1
        if all("\t" in line.strip() for line in lines):
            raise InputError(
                f"{table.name} has {columns} columns with tabs between them; a .txt file has one "
                "formula a line.",
                hint="Name it .tsv, with a first line that names the columns.",
            )
    name = marks_of(lines)
    said = f"{table.name}: {MARKS[name].words}; that is left out of the formulas." if name else ""
    return name, said


def marks_of(lines: Sequence[str]) -> str:
    """The key of `MARKS` whose marks all lines have, or ""."""
    for name, marks in MARKS.items():
        found = [marks.pattern.match(line) for line in lines]
        seen = {one["mark"] for one in found if one is not None}
        alike = len(seen) == 1 or all(mark.isdecimal() for mark in seen)
        if None not in found and len(found) >= marks.least and alike:
            return name
    return ""


_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "|"}


def guess_separator(table: FormulaTable, kind: str) -> tuple[str, str]:
    """What separates the columns, if it is not what the ending says and the header shows it.

    Args:
        table: the file.
        kind: its ending, `.csv` or `.tsv`.

    Returns:
        The separator and a remark for the user; both empty if the ending is right.
    """
    usual = {".csv": ",", ".tsv": "\t"}.get(kind)
    first = next(_split(table.content, keep_end=False), b"").decode("utf-8", "replace").strip()
    if usual is None or table.column in [name.strip('"') for name in first.split(usual)]:
        return "", ""
    for mark, words in _SEPARATORS.items():
        if table.column in [name.strip('"') for name in first.split(mark)] and mark != usual:
            return mark, f"{table.name}: the columns are separated by {words}, so it is read so."
    return "", ""


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


def _columns(header: list[str], table: FormulaTable) -> _Columns:
    names = ", ".join(header) or "none"
    if table.column not in header:
        raise InputError(
            f"{table.name} has no column {table.column!r}; its first line names {names}.",
            hint=f"Name the one with formulas: `build.column` {header[-1] if header else 'NAME'}.",
        )
    if table.split_by is not None and table.split_by not in header:
        raise InputError(
            f"{table.name} has no column {table.split_by!r} to split by; "
            f"its first line names {names}.",
            hint="Name one of these with `build.split_by`.",
        )
    for name in (table.column, table.split_by, SPLIT_COLUMN):
        if name is not None and header.count(name) > 1:
            raise InputError(
                f"{table.name} has {header.count(name)} columns named {name!r}.",
                hint="Which of them is meant cannot be known: give each its own name.",
            )
    places = {name: at for at, name in reversed(list(enumerate(header)))}
    group = None if table.split_by is None else places[table.split_by]
    origin = None if table.column == ORIGIN_COLUMN else places.get(ORIGIN_COLUMN)
    return _Columns(len(header), places[table.column], places.get(SPLIT_COLUMN), group, origin)


def _cells(number: int, cells: list[str], columns: _Columns, line: str) -> SourceFormula | BadLine:
    if columns.formula >= len(cells):
        if not line.strip():
            return _entry(number, line, None)
        message = f"only {len(cells)} columns; the formula is in column {columns.formula + 1}"
        return BadLine(number, line, "no-formula", message)
    if any(cell.strip() for cell in cells[columns.count :]):
        message = (
            f"{len(cells)} columns, and the header has {columns.count}: a formula with the "
            "character that separates columns must be in quotes (.csv)"
        )
        return BadLine(number, line, "no-formula", message)
    entry = _entry(number, cells[columns.formula], _cell(cells, columns.split))
    entry = _from(entry, _cell(cells, columns.origin))
    if columns.group is None:
        return entry
    return _grouped(entry, _cell(cells, columns.group), line, f"column {columns.group + 1}")


def _cell(cells: list[str], at: int | None) -> str | None:
    return cells[at] if at is not None and at < len(cells) else None


def _from(entry: SourceFormula | BadLine, origin: str | None) -> SourceFormula | BadLine:
    """Add where the formula comes from, where the table says so."""
    if isinstance(entry, BadLine) or origin is None or not origin.strip():
        return entry
    return replace(entry, origin=origin.strip())


def _grouped(
    entry: SourceFormula | BadLine, value: str | None, line: str, name: str | None
) -> SourceFormula | BadLine:
    """Add what decides the split; without a value the formula could land anywhere."""
    if name is None or isinstance(entry, BadLine):
        return entry
    if value is None or not value.strip():
        return BadLine(entry.line, line, "no-group", f"nothing in {name} to split by")
    return replace(entry, group=value)


def _text(value: object) -> str | None:
    """A value of JSON as what formulas can share, None for what they cannot."""
    if isinstance(value, str):
        return _clean(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON can write and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _entry(number: int, formula: str, split: str | None) -> SourceFormula | BadLine:
    if not formula.strip():
        return BadLine(number, formula, "empty", "no formula in this line")
    return SourceFormula(number, formula, split or None)


def suffix(path: Path) -> tuple[str, bool]:
    """Return the suffix that says what the file holds, and whether it is gzipped."""
    packed = path.suffix.lower() == ".gz"
    inner = Path(path.stem) if packed else path
    return inner.suffix.lower(), packed


FILE = "small_formulas.tsv"


def small_source() -> Source:
    """Return the bundled formulas, each with its own split."""
    content = resources.files("im2latex_cli.data.sources").joinpath(FILE).read_bytes()
    table = FormulaTable(content, FILE, "formula")
    return Source("small", hashlib.sha256(content).hexdigest(), lambda: read_tsv(table))
