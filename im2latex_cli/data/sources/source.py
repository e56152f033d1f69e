"""From what a user names to a stream of formulas: a built-in set, a file or a folder."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from im2latex_cli.data.documents.document import SUFFIXES, has_documents, open_documents, source_of
from im2latex_cli.data.documents.macros import Macros
from im2latex_cli.data.documents.mathtext import prepare, write_out
from im2latex_cli.data.generated.grammar import SUFFIX, grammar_source
from im2latex_cli.data.generated.synthetic import synthetic_source
from im2latex_cli.data.sources.decoding import BOM, decode, demand_bytes
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.data.sources.im2latex100k import IM2LATEX_100K
from im2latex_cli.data.sources.imagefolder import Pairs, has_pairs, open_pairs
from im2latex_cli.data.sources.listing import FORMULAS, is_listing, open_listing
from im2latex_cli.data.sources.small import small_source
from im2latex_cli.data.sources.tables import (
    READERS,
    FormulaTable,
    find_marks,
    guess_separator,
    suffix,
)
from im2latex_cli.errors import InputError
from im2latex_cli.files import demand_no_url

FULL = "full"
BUILT_IN = ("small", "synthetic", FULL)
ACCEPTED = (
    f"{', '.join(BUILT_IN)}, {', '.join(READERS)}, {', '.join(SUFFIXES)} (each also as .gz), "
    f"{SUFFIX}, a folder of {', '.join(SUFFIXES)}, an imagefolder, a .tar, a folder with {FORMULAS}"
)


def dataset_name(dataset: str) -> str:
    """Return the short name of a data set: `small`, or a file's name without its suffixes.

    >>> dataset_name("formulas/train.tsv.gz")
    'train'
    """
    name = Path(dataset).resolve().name if dataset.strip("./\\") == "" else Path(dataset).name
    for ending in (".gz", *READERS, *SUFFIXES, SUFFIX, ".tar"):
        name = name.removesuffix(ending)
    return name or "data"


def open_source(
    dataset: str,
    *,
    column: str,
    size: int,
    seed: int,
    split_by: str | None = None,
    full: Path | None = None,
) -> Source:
    """Open the formulas of a data set.

    Args:
        dataset: small, synthetic, full, or a path.
        column: column of the formula in tables.
        size: formulas that synthetic or a grammar draws.
        seed: seed of synthetic or a grammar.
        split_by: column whose equal values share a split; "file" for documents.
        full: folder with the files of full.

    Raises:
        InputError: nothing there, not of an accepted kind, or nothing to split by.
    """
    path = Path(dataset)
    if dataset not in BUILT_IN:
        demand_no_url(dataset)
    if dataset not in BUILT_IN and not path.exists():
        raise InputError(f"There are no formulas at {dataset}.", hint=f"Accepted: {ACCEPTED}.")
    if dataset not in BUILT_IN and path.is_file() and suffix(path)[0] in READERS:
        return _table(path, column, split_by)
    if dataset not in BUILT_IN and _is_document(path):
        return _documents(path, split_by)
    if split_by is not None:
        raise InputError(
            f"{dataset} has no columns, so nothing to split by.",
            hint="`build.split_by` is for .tsv, .csv and .jsonl, and for folders of texts.",
        )
    if dataset == "small":
        return small_source()
    if dataset == "synthetic" or (path.suffix.lower() == SUFFIX and path.is_file()):
        return _drawn(dataset, size, seed)
    if dataset == FULL:
        return open_listing(full or Path(), name=IM2LATEX_100K.name)
    return _pictures_or_listing(path)


def _drawn(dataset: str, size: int, seed: int) -> Source:
    if dataset == "synthetic":
        return synthetic_source(size, seed)
    return grammar_source(Path(dataset), size, seed)


def _pictures_or_listing(path: Path) -> Source:
    if is_listing(path):
        return open_listing(path)
    if path.is_dir() or path.suffix.lower() == ".tar":
        return _imagefolder(path)
    raise InputError(
        f"{path} is of a kind that is not known ({path.suffix or 'no suffix'}).",
        hint=f"Accepted: {ACCEPTED}.",
    )


def _is_document(path: Path) -> bool:
    if not path.is_dir():
        return suffix(path)[0] in SUFFIXES
    return not (is_listing(path) or has_pairs(path)) and has_documents(path)


def _documents(path: Path, split_by: str | None) -> Source:
    kind, packed = suffix(path)
    if path.is_dir() or not packed:
        return open_documents(path, split_by=split_by)
    inner = f"{dataset_name(path.name)}{kind}"
    return source_of(path.name, [(inner, _content(path, packed=True))])


def _table(path: Path, column: str, split_by: str | None) -> Source:
    kind, packed = suffix(path)
    if kind == ".txt" and split_by is not None:
        raise InputError(f"{path} has no columns to split by.", hint="Use .tsv, .csv or .jsonl.")
    content = _content(path, packed=packed)
    demand_bytes(content, path.name)
    table = FormulaTable(content, path.name, column, split_by)
    separator, remark = guess_separator(table, kind)
    marks, said = find_marks(table, kind)
    table = replace(table, separator=separator, marks=marks)
    options = {"build.column": column, "build.split_by": split_by}
    return Source(
        path.name,
        hashlib.sha256(content).hexdigest(),
        lambda: READERS[kind](table),
        options={} if kind == ".txt" else {k: v for k, v in options.items() if v is not None},
        remarks=tuple(one for one in (remark, said) if one),
    )


def with_macros(source: Source, path: Path) -> Source:
    """The same formulas with the definitions of a file written out.

    Raises:
        InputError: the file cannot be read, or defines nothing.
    """
    content = _content(path, packed=False)
    text, _ = decode(content.removeprefix(BOM))
    macros = prepare(text, "tex").definitions.macros
    if not macros:
        raise InputError(
            f"{path} defines no macros.",
            hint=r"It needs lines such as \newcommand{\R}{\mathbb{R}}.",
        )
    digest = hashlib.sha256(source.digest.encode() + content).hexdigest()
    options = {**source.options, "build.macros": path.name}
    return replace(source, digest=digest, options=options, read=lambda: _expanded(source, macros))


def _expanded(source: Source, macros: Macros) -> Iterator[SourceFormula | BadLine]:
    for row in source.read():
        if isinstance(row, BadLine):
            yield row
            continue
        formula, problem = write_out(row.formula, macros)
        if problem is None:
            yield replace(row, formula=formula)
        else:
            yield BadLine(row.line, row.formula, "no-formula", problem, row.file)


def _content(path: Path, *, packed: bool) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if packed else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is a damaged .gz ({error}).", hint="Fetch it again.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _imagefolder(path: Path) -> Source:
    pairs = open_pairs(path)
    name = path.resolve().name
    remarks = pairs.remarks()
    return Source(name, pairs.digest(), lambda: _imported(pairs), pairs.picture, remarks=remarks)


def _imported(pairs: Pairs) -> Iterator[SourceFormula | BadLine]:
    for pair in pairs.rows():
        if isinstance(pair, BadLine):
            yield pair
        elif pair.formula.strip():
            yield SourceFormula(
                pair.line, pair.formula, pair.split, pair.id, origin=pair.source or None
            )
        else:
            yield BadLine(pair.line, pair.formula, "empty", f"no formula for {pair.id}")
