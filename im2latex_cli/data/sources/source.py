"""From what a user names to formulas: a built-in set, a file, a folder, or a mixture."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from im2latex_cli.data.documents.document import SUFFIXES, has_documents, open_documents, source_of
from im2latex_cli.data.documents.macros import Macros
from im2latex_cli.data.documents.mathtext import prepare, write_out
from im2latex_cli.data.generated.grammar import SUFFIX, grammar_source
from im2latex_cli.data.generated.synthetic import synthetic_source
from im2latex_cli.data.sources.entries import BadLine, MixturePart, Source, SourceFormula
from im2latex_cli.data.sources.im2latex100k import FORMULAS, IM2LATEX_100K, is_listing, open_listing
from im2latex_cli.data.sources.imagefolder import Pairs, has_pairs, open_pairs
from im2latex_cli.data.sources.tables import (
    READERS,
    FormulaTable,
    find_marks,
    guess_separator,
    small_source,
    suffix,
)
from im2latex_cli.data.text_files import BOM, decode, demand_bytes
from im2latex_cli.errors import InputError, UsageError
from im2latex_cli.files import demand_no_url


def parse_shares(datasets: Sequence[str]) -> list[tuple[str, float | None]]:
    """Split `NAME=SHARE` texts into data sets and shares.

    A file whose name ends in `=` and a number is that file, if it exists.

    Args:
        datasets: what a user named, at least one.

    Raises:
        UsageError: none is named, one is named twice, a share is not above 0, a share stands alone,
            or only some have one.
    """
    if not datasets:
        raise UsageError("No data set is named.", hint="Name one with `build.dataset`.")
    parsed = [_parse(text) for text in datasets]
    twice = [name for name, count in Counter(name for name, _ in parsed).items() if count > 1]
    if twice:
        raise UsageError(f"The data set {twice[0]} is named twice.", hint="Name each once.")
    given = [name for name, share in parsed if share is not None]
    if given and len(parsed) == 1:
        raise UsageError(
            f"{given[0]} has a share, and there is no other data set to share with.",
            hint="Name a second data set, or use `build.limit` to take fewer formulas.",
        )
    if given and len(given) < len(parsed):
        missing = next(name for name, share in parsed if share is None)
        raise UsageError(
            f"{given[0]} has a share and {missing} has none.",
            hint=f"Give each data set a share, as in {missing}=0.5, or none.",
        )
    return parsed


def _parse(text: str) -> tuple[str, float | None]:
    name, mark, number = text.rpartition("=")
    if not (mark and name) or Path(text).exists():
        return text, None
    try:
        share = float(number)
    except ValueError:
        return text, None
    if not (share > 0 and math.isfinite(share)):
        raise UsageError(f"The share of {name} is {number}; it must be above 0.")
    return name, share


def mix(sources: Sequence[Source], shares: Sequence[float | None]) -> Source:
    """Put sources together; of equal formulas, that of the first source counts.

    Args:
        sources: at least one; with one, the result is that one.
        shares: of each source; None if all formulas are used.
    """
    if len(sources) == 1:
        return sources[0]
    names = _unique([source.name for source in sources])
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.name}\0{source.digest}\n".encode())
    by_name = dict(zip(names, sources, strict=True))

    def picture(name: str) -> bytes:
        part, _, inner = name.partition("/")
        read_picture = by_name[part].picture
        if read_picture is None:
            raise AssertionError(f"{part} has no pictures")
        return read_picture(inner)

    def read() -> Iterator[SourceFormula | BadLine]:
        for number, (name, source) in enumerate(by_name.items()):
            for row in source.read():
                yield _placed(row, number, name)

    with_pictures = [source.picture is not None for source in sources]
    parts = tuple(MixturePart(name, share) for name, share in zip(names, shares, strict=True))
    shown = [part.name if part.share is None else f"{part.name}={part.share:g}" for part in parts]
    return Source(
        name="+".join(names),
        digest=digest.hexdigest(),
        read=read,
        picture=picture if any(with_pictures) else None,
        renders=any(with_pictures) and not all(with_pictures),
        options={
            **{name: value for source in sources for name, value in source.options.items()},
            "build.dataset": shown,
        },
        remarks=tuple(remark for source in sources for remark in source.remarks),
        parts=parts,
    )


def _placed(row: SourceFormula | BadLine, number: int, name: str) -> SourceFormula | BadLine:
    """The row with the name of its part in front of its file and its picture."""
    file = name if row.file is None else f"{name}/{row.file}"
    if isinstance(row, BadLine):
        return replace(row, file=file, part=number)
    image = None if row.image is None else f"{name}/{row.image}"
    return replace(row, file=file, image=image, part=number, origin=row.origin or _stem(name))


def _stem(name: str) -> str:
    return PurePosixPath(name.removesuffix(".gz")).stem or name


def _unique(names: Sequence[str]) -> list[str]:
    """Number names that occur before: they are the same file name in several folders."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


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
        return _generator_source(dataset, size, seed)
    if dataset == FULL:
        return open_listing(full or Path(), name=IM2LATEX_100K.name)
    return _pictures_or_listing(path)


def _generator_source(dataset: str, size: int, seed: int) -> Source:
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
