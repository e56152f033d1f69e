r"""Formulas from what people write: .tex, .md and .ipynb files, or folders of them.

Every formula between marks of mathematics is one entry, each row of `align` and its kin too.
Macros that authors define are written out; in a folder the definitions of all files (.sty and
.cls included) are known everywhere, and a file's own go before them. `\input` is not followed: a
folder has those files anyway. Comments, verbatim and code are skipped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from im2latex_cli.data.documents.macros import Macro
from im2latex_cli.data.documents.mathtext import BlankedText, Language, formulas, prepare
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.data.text_files import BOM, decode, demand_bytes, remark
from im2latex_cli.errors import InputError

SUFFIXES = (".tex", ".md", ".ipynb")
DEFINING = (".sty", ".cls")
BY_FILE = "file"
"""What `build.split_by` takes here: all formulas of a file share a split."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its name inside the source, and what is in it."""

    name: str
    text: str

    @property
    def suffix(self) -> str:
        """The ending that says what it is."""
        return Path(self.name).suffix.lower()


@dataclass(frozen=True, slots=True)
class _Part:
    """One text of a file: the whole of it, or a cell of a notebook."""

    file: str
    cell: int | None
    piece: BlankedText


def has_documents(folder: Path) -> bool:
    """Whether a folder holds a file to read, at any depth."""
    return any(path.suffix.lower() in SUFFIXES for path in _visible(folder))


def open_documents(path: Path, *, split_by: str | None = None) -> Source:
    """Open a file, or a folder with all files in it.

    Args:
        path: the file or folder.
        split_by: "file", or None.

    Raises:
        InputError: a file cannot be read, or `split_by` is something else.
    """
    if split_by not in {None, BY_FILE}:
        raise InputError(
            f"{path} has no columns to split by.",
            hint="Texts split by file: `build.split_by` file.",
        )
    if path.is_dir():
        wanted = [found for found in _visible(path) if found.suffix.lower() in SUFFIXES + DEFINING]
        named = [(found.relative_to(path).as_posix(), found) for found in wanted]
    else:
        named = [(path.name, path)]
    return source_of(path.resolve().name, [(n, _content(p)) for n, p in named], split_by=split_by)


def source_of(
    name: str, contents: Sequence[tuple[str, bytes]], *, split_by: str | None = None
) -> Source:
    """Make a source of texts by name.

    Args:
        name: of the source.
        contents: name, whose ending says what it is, and bytes of each file.
        split_by: "file", or None.
    """
    digest = hashlib.sha256()
    documents, latin = [], []
    for file, content in contents:
        demand_bytes(content, file)
        digest.update(f"{file}\0{len(content)}\n".encode("utf-8", "surrogateescape") + content)
        text, is_latin = decode(content.removeprefix(BOM))
        documents.append(SourceFile(file, text))
        if is_latin:
            latin.append(file)
    return Source(
        name,
        digest.hexdigest(),
        lambda: read(documents, by_file=split_by == BY_FILE),
        options={} if split_by is None else {"build.split_by": split_by},
        remarks=remark(latin),
    )


def read(
    documents: Sequence[SourceFile], *, by_file: bool = False
) -> Iterator[SourceFormula | BadLine]:
    """Yield the formulas of all documents in order; nothing in a text stops it.

    Args:
        documents: the files.
        by_file: formulas of one file share a split.
    """
    parts: list[_Part | BadLine] = [part for one in documents for part in _parts(one)]
    shared: dict[str, Macro] = {}
    for part in parts:
        if isinstance(part, _Part):
            shared.update(part.piece.definitions.macros)
    for part in parts:
        if isinstance(part, BadLine):
            yield part
        elif not part.file.lower().endswith(DEFINING):
            yield from _entries(part, shared, single=len(documents) == 1, by_file=by_file)


def _entries(
    part: _Part, shared: dict[str, Macro], *, single: bool, by_file: bool
) -> Iterator[SourceFormula | BadLine]:
    cell = "" if part.cell is None else f"cell {part.cell}"
    where = ", ".join(filter(None, ["" if single else part.file, cell])) or None
    group = part.file if by_file else None
    for found in formulas(part.piece, shared):
        if found.problem is None:
            yield SourceFormula(found.line, found.formula, file=where, group=group)
        else:
            yield BadLine(found.line, found.formula, found.reason, found.problem, where)


def _parts(document: SourceFile) -> Iterator[_Part | BadLine]:
    if document.suffix != ".ipynb":
        language: Language = "markdown" if document.suffix == ".md" else "tex"
        yield _Part(document.name, None, prepare(document.text, language))
        return
    try:
        cells = _cells(json.loads(document.text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        message = f"not a notebook: {error!r}"
        yield BadLine(1, "", "no-formula", message, document.name)
        return
    for number, text in cells:
        yield _Part(document.name, number, prepare(text, "markdown"))


def _cells(notebook: Any) -> list[tuple[int, str]]:
    """Number, from 1, and text of the cells that are no code."""
    sheets = notebook.get("worksheets") or [notebook]
    cells = [cell for sheet in sheets for cell in sheet["cells"]]
    return [
        (number, "".join(cell["source"]).encode("utf-8", "replace").decode("utf-8"))
        for number, cell in enumerate(cells, start=1)
        if cell["cell_type"] in {"markdown", "heading"}
    ]


def _visible(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
