"""Anybody's formulas as plain text: a line each, or tables with a name for each picture.

`.txt`: one formula a line, empty for none. `.tsv` and `.csv`: a header with a column of formulas,
or none and the formula last. `.jsonl`: objects with a formula, predictions.jsonl and predict's
included; `.json`: a list of such objects or of formulas, or an object of formulas by name. An
imagefolder, or a .tar of one, gives the formulas of its metadata. Any other ending is refused.

Tokens of lines and tables are cut at blanks, as other systems write them; formulas of JSON lines
and of metadata are LaTeX, cut by the tokeniser where no tokens come with them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from im2latex_cli.data.sources.entries import Split, own_split
from im2latex_cli.data.sources.imagefolder import open_pairs
from im2latex_cli.data.sources.tables import MARKS, marks_of
from im2latex_cli.data.text_files import BOM, demand_bytes, read_rows
from im2latex_cli.errors import InputError
from im2latex_cli.files import demand_no_url
from im2latex_cli.latex.tokenizer import tokenize

_NAMES = "id path file_name image name filename file image_path image_id idx index"
KEYS = tuple(_NAMES.split())
SOURCE = "source"
RIGHT = ("reference", "ground_truth", "groundtruth", "gt", "target", "label")
READ = ("prediction", "hypothesis", "pred", "generated_text", "output")
FORMULAS = (
    *("latex", "formula", "prediction", "hypothesis", "reference", "tokens"),
    *("text", "tex", "equation", *RIGHT[1:], *READ[2:]),
)
"""Columns that may hold the formula; the first one present is taken."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One formula that somebody wrote for one picture.

    Attributes:
        key: the picture's name, or None where the file gives only an order.
        text: the formula as given; None where there is none.
        source: where the formula comes from; empty where the file does not say.
        tokens: the formula's tokens as given; None where there is no formula.
    """

    key: str | None
    text: str | None
    source: str = ""
    tokens: tuple[str, ...] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Paired:
    """A reference beside the hypothesis for the same picture.

    Attributes:
        id: the picture's name.
        reference: the formula as given.
        hypothesis: the formula read; None where it is missing.
        image: the name that the hypotheses give the picture, such as predict's path.
        source: where the references say that the formula comes from.
        reference_tokens, hypothesis_tokens: tokens as given; None without a hypothesis.
    """

    id: str
    reference: str
    hypothesis: str | None
    image: str = ""
    source: str = ""
    reference_tokens: tuple[str, ...] = field(default=(), compare=False)
    hypothesis_tokens: tuple[str, ...] | None = field(default=None, compare=False)


def read(path: Path, *, prefer: Sequence[str] = (), may_be_empty: bool = False) -> list[Transcript]:
    """Read a file of formulas by its ending.

    Args:
        path: `.txt`, `.tsv`, `.csv`, `.jsonl`, `.json`, an imagefolder or a `.tar` of one; a name
            without ending is read as `.txt`.
        prefer: columns to look for before the usual ones.
        may_be_empty: a file without any formula is welcome.

    Raises:
        InputError: the file cannot be read, is empty, of another kind, or a line has no formula.
    """
    kind = path.suffix.lower()
    demand_no_url(path)
    if path.is_dir() or path.suffix.lower() == ".tar":
        found = [
            Transcript(row.id, row.formula, row.source, tuple(tokenize(row.formula)))
            for row in open_pairs(path)
        ]
    elif kind in _READERS:
        found = list(_READERS[kind](path, (*prefer, *FORMULAS)))
    elif kind in _PLAIN or not path.exists():
        found = [_transcript(None, line) for line in _lines(path)]
        _demand_no_names(path, found)
    else:
        raise InputError(
            f"{path} is of a kind that is not known ({path.suffix}).",
            hint=f"Accepted: {', '.join((*_PLAIN[1:], *_READERS))}, an imagefolder, a .tar of one.",
        )
    if not found and not may_be_empty:
        raise InputError(f"{path} is empty.", hint="It needs one formula a line.")
    return found


def pair(
    references: Path, hypotheses: Path, *, warn: Callable[[str], None] = lambda _: None
) -> list[Paired]:
    """Read both files and put the hypotheses beside their references.

    By name where both files name their pictures (by the last part of the name where whole names
    have nothing in common), else by order. Without any hypothesis all of them are missing. Pairs
    without a reference are left out: nothing says what is right.

    Args:
        references: what is right.
        hypotheses: what was read.
        warn: takes what a user must know of the pairing.

    Raises:
        InputError: a file cannot be read, a name comes twice, or the numbers of lines differ.
    """
    pairs = _pairs(references, hypotheses, warn)
    whole = [pair for pair in pairs if pair.reference.strip()]
    if not whole:
        raise InputError(f"{references} has no formula.", hint="It needs the right formulas.")
    if len(whole) < len(pairs):
        empty = len(pairs) - len(whole)
        warn(f"{empty} of {len(pairs)} references in {references} are empty and are left out.")
    return whole


def _pairs(references: Path, hypotheses: Path, warn: Callable[[str], None]) -> list[Paired]:
    gold = read(references, prefer=RIGHT)
    outputs = read(hypotheses, prefer=READ, may_be_empty=True)
    outputs = outputs or [Transcript(None, None)] * len(gold)
    if all(row.key is not None for row in (*gold, *outputs)):
        return _by_name(gold, outputs, references, hypotheses, warn)
    if len(gold) != len(outputs):
        raise InputError(
            f"{references} has {len(gold)} lines and {hypotheses} {len(outputs)}, "
            "and not both name their pictures.",
            hint="Write an empty line for a formula that is missing.",
        )
    _demand_order(gold, outputs, references, hypotheses)
    return [
        _paired(row.key or str(number), row, other)
        for number, (row, other) in enumerate(zip(gold, outputs, strict=True), start=1)
    ]


_NAMED = re.compile(r"\S+\t|\S+\.(?:png|jpe?g|gif|webp|tiff?|bmp|pdf)[:,;]?\s", re.IGNORECASE)
_OBJECT = re.compile(r'\{\s*"[^"]+"\s*:')


def _demand_no_names(path: Path, rows: Sequence[Transcript]) -> None:
    """Refuse lines that begin with a name or a number: it would count as part of the formula."""
    lines = [f"{row.text} " for row in rows if row.text]
    if lines and all(_NAMED.match(line) for line in lines):
        raise InputError(
            f"Every line of {path} begins with a name or a number.",
            hint="Name and formula are read from a .tsv file, with a tab between them.",
        )
    if lines and all(_OBJECT.match(line) for line in lines):
        raise InputError(
            f"Every line of {path} is a JSON object.", hint="Name it .jsonl, and it is read so."
        )
    marks = marks_of([row.text for row in rows if row.text])
    if marks:
        raise InputError(
            f"{path}: {MARKS[marks].words}; that would count as part of the formulas.",
            hint="Take it away, or write a .jsonl file.",
        )


_MISPLACED = 3
"""So many hypotheses that are the reference of another line are no chance."""


def _demand_order(
    gold: Sequence[Transcript], outputs: Sequence[Transcript], references: Path, hypotheses: Path
) -> None:
    """Refuse files whose lines are in different orders: their score would mean nothing."""
    lines = {_compact(row): number for number, row in enumerate(gold, start=1)}
    right, misplaced = 0, list[tuple[int, int]]()
    for number, (row, other) in enumerate(zip(gold, outputs, strict=True), start=1):
        text = _compact(other)
        if _compact(row) == text:
            right += 1
        elif len(text) > 1 and text in lines:
            misplaced.append((number, lines[text]))
    if len(misplaced) >= _MISPLACED and len(misplaced) > max(right, len(gold) // 3):
        line, place = misplaced[0]
        raise InputError(
            f"{len(misplaced)} of {len(outputs)} lines of {hypotheses} are the reference of "
            f"another line of {references}: line {line} is that of line {place}.",
            hint="Put both in the same order, or name the pictures in both (.tsv, .csv, .jsonl).",
        )


def _compact(row: Transcript) -> str:
    """A formula without blanks."""
    return "".join((row.text or "").split())


def _by_name(
    gold: Sequence[Transcript],
    outputs: Sequence[Transcript],
    references: Path,
    hypotheses: Path,
    warn: Callable[[str], None],
) -> list[Paired]:
    for short in (False, True):
        names = _keys(gold, references, short=short)
        given = _keys(outputs, hypotheses, short=short)
        shared = names.keys() & given.keys()
        if shared:
            _demand_split([(names[name], given[name]) for name in shared], references, hypotheses)
            extra = sorted(given.keys() - shared)
            if extra:
                warn(
                    f"{len(extra)} of {len(given)} pictures of {hypotheses} are not in "
                    f"{references} and are left out: {extra[0]}."
                )
            none = Transcript(None, None)
            pairs = ((row, given.get(name, none)) for name, row in names.items())
            return [_paired(str(row.key), row, other) for row, other in pairs]
    raise InputError(
        f"{references} and {hypotheses} have no picture's name in common.",
        hint="Use the same names in both, or .txt files in the same order.",
    )


def _demand_split(
    pairs: Sequence[tuple[Transcript, Transcript]], references: Path, hypotheses: Path
) -> None:
    """Refuse pictures of one name in different splits: they are different pictures."""
    for row, other in pairs:
        ours, theirs = _split_of(row.key), _split_of(other.key)
        if ours and theirs and ours != theirs:
            raise InputError(
                f"{references} has {row.key} and {hypotheses} {other.key}: pictures of different "
                "splits.",
                hint="Read the split of the references, or name the pictures alike.",
            )


def _split_of(key: str | None) -> Split | None:
    """The split that the folder of a picture is named after."""
    return own_split(PurePath(str(key)).parent.name)


def _paired(name: str, row: Transcript, other: Transcript) -> Paired:
    return Paired(
        id=name,
        reference=row.text or "",
        hypothesis=other.text,
        image=other.key or "",
        source=row.source,
        reference_tokens=row.tokens or (),
        hypothesis_tokens=other.tokens,
    )


def _transcript(key: str | None, text: str, source: str = "") -> Transcript:
    """A formula whose tokens stand between blanks."""
    return Transcript(key, text, source, tuple(text.split()))


def _keys(rows: Sequence[Transcript], path: Path, *, short: bool) -> dict[str, Transcript]:
    """Rows by name, or by the last part of it."""
    found: dict[str, Transcript] = {}
    for row in rows:
        name = PurePath(str(row.key)).name if short else str(row.key)
        if name in found:
            raise InputError(f"{path} names {name} twice.")
        found[name] = row
    return found


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        demand_bytes(content, str(path))
        text = content.removeprefix(BOM).decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}).") from error
    if "\0" in text:
        raise InputError(f"{path} holds zero bytes, so it is no text.")
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _rows_of_tsv(path: Path, formulas: Sequence[str]) -> Iterator[Transcript]:
    lines = (line for line in _lines(path) if line.strip())
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return _rows_of_table(path, list(rows), formulas)


def _rows_of_csv(path: Path, formulas: Sequence[str]) -> Iterator[Transcript]:
    """Rows of a .csv file, whose separator is a comma, a semicolon or a tab by its first line."""
    lines = _lines(path)
    first = next((line for line in lines if line.strip()), "")
    mark = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(lines, delimiter=mark, strict=True) if any(row)]
    except csv.Error as error:
        raise InputError(f"{path} is broken CSV ({error}).") from error
    return _rows_of_table(path, rows, formulas)


def _rows_of_table(
    path: Path, rows: list[list[str]], formulas: Sequence[str]
) -> Iterator[Transcript]:
    if not rows:
        return
    header = [name.strip().lower() for name in rows[0]]
    formula = next((header.index(name) for name in formulas if name in header), None)
    key = next((header.index(name) for name in KEYS if name in header), None)
    source = header.index(SOURCE) if SOURCE in header else None
    if formula is None:
        _demand_no_header(path, rows[0], formulas)
        _demand_width(path, rows, len(rows[0]), start=1)
        yield from (_transcript(row[0] if len(row) > 1 else None, row[-1]) for row in rows)
        return
    _demand_width(path, rows[1:], len(header), start=2)
    if header.count(header[formula]) > 1:
        raise InputError(f"{path} has two columns named {header[formula]!r}.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) <= max(formula, key or 0):
            raise InputError(f"{path}, line {number}: {len(row)} columns, the header has more.")
        origin = row[source] if source is not None and source < len(row) else ""
        yield _transcript(None if key is None else row[key], row[formula], origin)


_NAME = re.compile(r"[A-Za-z][A-Za-z_ -]{2,30}\Z")


def _demand_no_header(path: Path, first: list[str], formulas: Sequence[str]) -> None:
    """Refuse a first line of names alone: it would count as a formula."""
    if all(_NAME.match(cell) or not cell for cell in first):
        raise InputError(
            f"{path}: the first line names the columns {', '.join(first)}; none of them is known.",
            hint=f"Name the column of formulas {formulas[0]}.",
        )


def _demand_width(path: Path, rows: list[list[str]], width: int, *, start: int) -> None:
    """Refuse a row with more columns than the first: its formula would be cut at a separator."""
    for number, row in enumerate(rows, start):
        if any(cell.strip() for cell in row[width:]):
            raise InputError(
                f"{path}, line {number}: {len(row)} columns, the first line has {width}.",
                hint="A formula with the character that separates columns must be in quotes "
                "(.csv); JSON lines (.jsonl) take any formula.",
            )


def _rows_of_json_lines(path: Path, formulas: Sequence[str]) -> Iterator[Transcript]:
    for number, row in read_rows(path):
        yield _of_object(row, formulas, f"{path}, line {number}")


def _rows_of_json(path: Path, formulas: Sequence[str]) -> Iterator[Transcript]:
    """A list of formulas or of objects, or an object of formulas by name."""
    text = "\n".join(_lines(path))
    try:
        found = json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}).", hint="One object a line is a .jsonl file."
        ) from error
    if isinstance(found, dict):
        found = _inside(found, formulas)
    if isinstance(found, dict) and not any(name in found for name in formulas):
        items = [{"id": key, "formula": value} for key, value in found.items()]
    else:
        items = found if isinstance(found, list) else [found]
    for number, item in enumerate(items, start=1):
        where = f"{path}, entry {number}"
        row = {"formula": item} if isinstance(item, str) else item
        if not isinstance(row, dict):
            raise InputError(f"{where}: a formula or an object with one was expected.")
        yield _of_object(row, formulas, where)


def _inside(found: dict[str, Any], formulas: Sequence[str]) -> dict[str, Any] | list[Any]:
    """The list that an object is only the frame of, or the rows of columns."""
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    columns = [name for name in formulas if name in lists and name != "tokens"]
    if columns and len({len(value) for value in lists.values()}) == 1:
        names = list(lists)
        return [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    values = list(lists.values())
    return values[0] if len(values) == 1 and not any(name in found for name in formulas) else found


def _of_object(row: Mapping[str, Any], formulas: Sequence[str], where: str) -> Transcript:
    key = next((str(row[name]) for name in KEYS if name in row), None)
    text, tokens = _formula_of(row, formulas, where)
    if text is not None and not isinstance(text, str):
        raise InputError(f"{where}: the formula is no text.")
    if text is not None and tokens is None:
        tokens = tuple(tokenize(text))
    return Transcript(key, text, str(row.get(SOURCE) or ""), tokens)


_PLAIN = ("", ".txt", ".lst", ".norm", ".tok")
_READERS = {
    ".tsv": _rows_of_tsv,
    ".csv": _rows_of_csv,
    ".jsonl": _rows_of_json_lines,
    ".json": _rows_of_json,
}


def _formula_of(
    row: Mapping[str, Any], formulas: Sequence[str], where: str
) -> tuple[str | None, tuple[str, ...] | None]:
    """The formula of an object, and its tokens where it has them."""
    if "hypotheses" in row and formulas[0] != "reference":
        best = next(iter(row["hypotheses"] or ()), None)
        if best is None or isinstance(best, str):
            return best, None
        return str(best["latex"]), _tokens(best.get("tokens"))
    name = next((name for name in formulas if name in row), None)
    value = None if name is None else row[name]
    if value is None and row.get("error") is None:
        raise InputError(f"{where}: no formula; one of {', '.join(formulas[:4])} is needed.")
    if name == "tokens" or isinstance(value, list):
        tokens = _tokens(value)
        return None if tokens is None else " ".join(tokens), tokens
    return value, _tokens(row.get("tokens")) if name == "latex" else None


def _tokens(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(value.split() if isinstance(value, str) else map(str, value))
