"""Anybody's formulas as plain text: a line each, or tables with a name for each picture.

`.txt`: one formula a line, empty for none. `.tsv`: a header with a column of formulas, or none
and the formula last. `.jsonl`: objects with a formula, predictions.jsonl and predict's included. An
imagefolder, or a .tar of one, gives the formulas of its metadata.

Tokens of lines and tables are cut at blanks, as other systems write them; formulas of JSON lines
and of metadata are LaTeX, cut by the tokeniser where no tokens come with them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from im2latex_cli.data.imagefolder import open_pairs
from im2latex_cli.data.jsonl import read_rows
from im2latex_cli.errors import InputError
from im2latex_cli.latex.tokenizer import tokenize

KEYS = ("id", "path", "file_name", "image", "name")
SOURCE = "source"
FORMULAS = ("latex", "formula", "prediction", "hypothesis", "reference", "tokens")
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
        path: `.txt`, `.tsv`, `.jsonl`, an imagefolder or a `.tar` of one; any other ending is
            read as `.txt`.
        prefer: columns to look for before the usual ones.
        may_be_empty: a file without any formula is welcome.

    Raises:
        InputError: the file cannot be read, is empty, or a line has no formula.
    """
    readers = {".tsv": _rows_of_table, ".jsonl": _rows_of_json}
    if path.is_dir() or path.suffix.lower() == ".tar":
        found = [
            Transcript(row.id, row.formula, row.source, tuple(tokenize(row.formula)))
            for row in open_pairs(path)
        ]
    elif path.suffix.lower() in readers:
        found = list(readers[path.suffix.lower()](path, (*prefer, *FORMULAS)))
    else:
        found = [_written(None, line) for line in _lines(path)]
    if not found and not may_be_empty:
        raise InputError(f"{path} is empty.", hint="It needs one formula a line.")
    return found


def pair(references: Path, hypotheses: Path) -> list[Paired]:
    """Read both files and put the hypotheses beside their references.

    By name where both files name their pictures (by the last part of the name where whole names
    have nothing in common), else by order. Without any hypothesis all of them are missing.

    Raises:
        InputError: a file cannot be read, a name comes twice, or the numbers of lines differ.
    """
    gold = read(references, prefer=("reference",))
    made = read(hypotheses, prefer=("prediction", "hypothesis"), may_be_empty=True)
    made = made or [Transcript(None, None)] * len(gold)
    if all(row.key is not None for row in (*gold, *made)):
        return _by_name(gold, made, references, hypotheses)
    if len(gold) != len(made):
        raise InputError(
            f"{references} has {len(gold)} lines and {hypotheses} {len(made)}, "
            "and not both name their pictures.",
            hint="Write an empty line for a formula that is missing.",
        )
    return [
        _paired(row.key or str(number), row, other)
        for number, (row, other) in enumerate(zip(gold, made, strict=True), start=1)
    ]


def _by_name(
    gold: Sequence[Transcript], made: Sequence[Transcript], references: Path, hypotheses: Path
) -> list[Paired]:
    for short in (False, True):
        names = _keys(gold, references, short=short)
        given = _keys(made, hypotheses, short=short)
        if names.keys() & given.keys():
            none = Transcript(None, None)
            pairs = ((row, given.get(name, none)) for name, row in names.items())
            return [_paired(str(row.key), row, other) for row, other in pairs]
    raise InputError(
        f"{references} and {hypotheses} have no picture's name in common.",
        hint="Use the same names in both, or .txt files in the same order.",
    )


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


def _written(key: str | None, text: str, source: str = "") -> Transcript:
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
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}).") from error
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _rows_of_table(path: Path, formulas: Sequence[str]) -> Iterator[Transcript]:
    lines = (line for line in _lines(path) if line.strip())
    rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows:
        return
    header = [name.strip().lower() for name in rows[0]]
    formula = next((header.index(name) for name in formulas if name in header), None)
    key = next((header.index(name) for name in KEYS if name in header), None)
    source = header.index(SOURCE) if SOURCE in header else None
    if formula is None:
        yield from (_written(row[0] if len(row) > 1 else None, row[-1]) for row in rows)
        return
    for number, row in enumerate(rows[1:], start=2):
        if len(row) <= max(formula, key or 0):
            raise InputError(f"{path}, line {number}: {len(row)} columns, the header has more.")
        origin = row[source] if source is not None and source < len(row) else ""
        yield _written(None if key is None else row[key], row[formula], origin)


def _rows_of_json(path: Path, formulas: Sequence[str]) -> Iterator[Transcript]:
    for number, row in read_rows(path):
        key = next((str(row[name]) for name in KEYS if name in row), None)
        text, tokens = _formula_of(row, formulas, f"{path}, line {number}")
        if text is not None and tokens is None:
            tokens = tuple(tokenize(text))
        yield Transcript(key, text, str(row.get(SOURCE) or ""), tokens)


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
