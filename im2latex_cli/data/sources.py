"""From what a user names to a stream of formulas: small, synthetic, a file or a folder."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

from im2latex_cli.data.entries import BadLine, Entry, Source
from im2latex_cli.data.imagefolder import Pairs, open_pairs
from im2latex_cli.data.small import small_source
from im2latex_cli.data.synthetic import synthetic_source
from im2latex_cli.data.tables import READERS, Table, suffix
from im2latex_cli.errors import InputError

BUILT_IN = ("small", "synthetic")
ACCEPTED = (
    ", ".join(BUILT_IN) + ", " + ", ".join(READERS) + " (each also as .gz), an imagefolder, a .tar"
)


def dataset_name(dataset: str) -> str:
    """Return the short name of a data set: `small`, or a file's name without its suffixes.

    >>> dataset_name("formulas/train.tsv.gz")
    'train'
    """
    name = Path(dataset).resolve().name if dataset.strip("./\\") == "" else Path(dataset).name
    for ending in (".gz", *READERS, ".tar"):
        name = name.removesuffix(ending)
    return name or "data"


def open_source(dataset: str, *, column: str, size: int, seed: int) -> Source:
    """Open the formulas of a data set.

    Args:
        dataset: small, synthetic, or a path.
        column: column of the formula in tables.
        size: formulas that synthetic generates.
        seed: seed of synthetic.

    Raises:
        InputError: nothing there, or not of an accepted kind.
    """
    if dataset == "small":
        return small_source()
    if dataset == "synthetic":
        return synthetic_source(size, seed)
    path = Path(dataset)
    if not path.exists():
        raise InputError(f"There are no formulas at {dataset}.", hint=f"Accepted: {ACCEPTED}.")
    if path.is_dir() or path.suffix.lower() == ".tar":
        return _imagefolder(path)
    return _table(path, column)


def _table(path: Path, column: str) -> Source:
    kind, packed = suffix(path)
    if kind not in READERS:
        raise InputError(
            f"{path} is of a kind that is not known ({path.suffix or 'no suffix'}).",
            hint=f"Accepted: {ACCEPTED}.",
        )
    content = _content(path, packed=packed)
    table = Table(content, path.name, column)
    return Source(
        path.name,
        hashlib.sha256(content).hexdigest(),
        lambda: READERS[kind](table),
        options={} if kind == ".txt" else {"build.column": column},
    )


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
    return Source(name, pairs.digest(), lambda: _imported(pairs), pairs.picture)


def _imported(pairs: Pairs) -> Iterator[Entry | BadLine]:
    for pair in pairs:
        if pair.formula.strip():
            yield Entry(pair.line, pair.formula, pair.split, pair.id)
        else:
            yield BadLine(pair.line, pair.formula, "empty", f"no formula for {pair.id}")
