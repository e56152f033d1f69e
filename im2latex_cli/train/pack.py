"""A split packed once into memory-mapped files, so that an epoch decodes no PNG.

The pack lies in the user cache under a key made from all that shaped it: the data set's files,
vocabulary, preprocessing, and `PREPARE_REVISION` of the code that prepares. Knows no tensor.
The cache keeps packs that are still usable, the most recently used first, up to a size.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from im2latex_cli import files
from im2latex_cli.data import store
from im2latex_cli.data.store import MANIFEST, Record
from im2latex_cli.data.text_files import read_rows
from im2latex_cli.errors import InputError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.paths import folder_size
from im2latex_cli.progress import Reporter
from im2latex_cli.vision.finish import Frame
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.prepare import PREPARE_REVISION, Preprocessing, prepare_with_frame

VERSION = 1
"""Layout of the pack; a new number makes every old pack unused."""

CAP = 30_000_000_000
"""Bytes of packs that stay; the one just written stays however large it is."""

ABANDONED = 24 * 3600.0
"""Seconds after which what an unfinished packing left is rubbish."""

INDEX = "index.json"

_ARRAYS = ("starts", "sizes", "ids", "id_starts", "glyphs", "glyph_starts")
PROCESSES_FROM = 4096
"""Pictures from which on processes prepare them; below, threads do."""

_CHUNK, _PIECE = 4096, 64

Glyphs = NDArray[np.float32]
"""(G, 4): kind (index into `PackedSplit.kinds`), x, y of the centre in pixels, token or -1."""


@dataclass(frozen=True, slots=True)
class PackedSplit:
    """One split, ready for training.

    Attributes:
        pixels: every picture's grey values, one after the other, 255 is paper.
        starts: (N + 1,) where each picture begins in `pixels`.
        sizes: (N, 2) height and width.
        ids: every formula's token ids, without begin and end.
        id_starts: (N + 1,) where each formula begins in `ids`.
        glyphs: (G, 4) rows of all pictures; see `Glyphs`.
        glyph_starts: (N + 1,) where each picture's rows begin in `glyphs`.
        kinds: the (font family, code) pairs that `glyphs` numbers.
        names: record ids.
        key: hash of all that shaped the pack.
        skipped: one line for each picture that could not be read.
    """

    pixels: NDArray[np.uint8]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    ids: NDArray[np.int64]
    id_starts: NDArray[np.int64]
    glyphs: Glyphs
    glyph_starts: NDArray[np.int64]
    kinds: tuple[tuple[str, int], ...]
    names: tuple[str, ...]
    key: str = ""
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each formula."""
        return np.diff(self.id_starts)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """(H, W) grey values of one picture."""
        height, width = self.sizes[index]
        flat = self.pixels[self.starts[index] : self.starts[index + 1]]
        return np.asarray(flat).reshape(int(height), int(width))

    def formula(self, index: int) -> list[int]:
        """Token ids of one formula, without begin and end."""
        return [int(i) for i in self.ids[self.id_starts[index] : self.id_starts[index + 1]]]

    def glyphs_of(self, index: int) -> Glyphs:
        """(G, 4) glyph rows of one picture."""
        return self.glyphs[self.glyph_starts[index] : self.glyph_starts[index + 1]]


def pack(
    root: Path,
    split: str,
    *,
    vocab: Vocab,
    preprocessing: Preprocessing,
    cache: Path,
    reporter: Reporter,
) -> PackedSplit:
    """Open the pack of a split, made first where the cache has none.

    Pictures that cannot be read are left out and named in `PackedSplit.skipped`. Writing a pack
    removes those that became useless, and the least recently used where there are too many.

    Args:
        root: the data set folder.
        split: which of its splits.
        vocab: numbers the tokens.
        preprocessing: what every picture goes through, as if a user had given it.
        cache: folder of packs.
        reporter: told about the packing.

    Raises:
        InputError: the data set is missing or broken, or none of its pictures can be read.
    """
    records = store.read(root, split)
    content = _content(root, split, records)
    folder = cache / "packed" / _key(content, split, [vocab.to_json(), preprocessing.to_json()])
    if not (folder / INDEX).is_file():
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            _write(
                temporary,
                root / split,
                records=records,
                vocab=vocab,
                preprocessing=preprocessing,
                content=hashlib.sha256(content).hexdigest(),
                reporter=reporter,
            )
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        tidy(folder.parent, folder)
    touch(folder)
    return _open(folder)


def _content(root: Path, split: str, records: Sequence[Record]) -> bytes:
    """What the data set's files say and when its pictures changed."""
    described = (root / MANIFEST, root / split / store.METADATA, root / split / store.GLYPHS)
    texts = [path.read_bytes() if path.is_file() else b"-" for path in described]
    states = [record.image.stat() for record in records]
    return b"".join(
        [*texts, *(f"{state.st_size} {state.st_mtime_ns}".encode() for state in states)]
    )


def _key(content: bytes, split: str, shaped_by: list[Any]) -> str:
    digest = hashlib.sha256(f"{VERSION} {split}".encode())
    digest.update(content)
    digest.update(json.dumps(shaped_by).encode())
    if PREPARE_REVISION:
        digest.update(f"prepare {PREPARE_REVISION}".encode())
    return digest.hexdigest()[:32]


def _write(
    folder: Path,
    source: Path,
    *,
    records: Sequence[Record],
    vocab: Vocab,
    preprocessing: Preprocessing,
    content: str,
    reporter: Reporter,
) -> None:
    marks, kinds = _read_glyphs(source / store.GLYPHS)
    sizes, ids, rows, names, skipped = [], [], [], [], []
    pairs = zip(records, _pictures(records, preprocessing), strict=True)
    with (
        reporter.step(f"Pack {source.name}", len(records)) as step,
        (folder / "pixels.bin").open("wb") as pixels,
    ):
        for record, result in pairs:
            step.advance()
            if isinstance(result, str):
                skipped.append(result)
                continue
            picture, frame = result
            pixels.write(picture.tobytes())
            sizes.append(picture.shape)
            ids.append(np.asarray(vocab.encode(record.tokens), dtype=np.int64))
            rows.append(_in_frame(marks.get(record.image.name), frame))
            names.append(record.id)
    if not sizes:
        raise InputError(f"None of the pictures in {source} can be read: {skipped[0]}")
    areas = [height * width for height, width in sizes]
    arrays: dict[str, NDArray[Any]] = {
        "starts": _starts(areas),
        "sizes": np.asarray(sizes, dtype=np.int64),
        "ids": np.concatenate(ids),
        "id_starts": _starts([len(row) for row in ids]),
        "glyphs": np.concatenate(rows).astype(np.float32),
        "glyph_starts": _starts([len(row) for row in rows]),
    }
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", arrays[name])
    index = {
        "source": str(source.resolve()),
        "content": content,
        "kinds": kinds,
        "names": names,
        "skipped": skipped,
    }
    files.write_json(folder / INDEX, index)


def _open(folder: Path) -> PackedSplit:
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    arrays: dict[str, Any] = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS}
    return PackedSplit(
        pixels=np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r"),
        kinds=tuple((font, code) for font, code in index["kinds"]),
        names=tuple(index["names"]),
        key=folder.name,
        skipped=tuple(index["skipped"]),
        **arrays,
    )


PictureOrError = tuple[NDArray[np.uint8], Frame] | str


def _pictures(records: Sequence[Record], preprocessing: Preprocessing) -> Iterator[PictureOrError]:
    prepared = partial(_prepared, preprocessing=preprocessing)
    waiting = (record.image for record in records)
    pool = _pool(len(records))
    try:
        while chunk := list(islice(waiting, _CHUNK)):
            yield from pool.map(prepared, chunk, chunksize=_PIECE)
    finally:
        pool.shutdown(cancel_futures=True)


def _prepared(path: Path, *, preprocessing: Preprocessing) -> PictureOrError:
    try:
        return prepare_with_frame(open_grey(path, name=str(path)), preprocessing)
    except InputError as error:
        message = str(error)
        return message if path.name in message else f"{path}: {message}"


def _pool(count: int) -> Executor:
    """Threads for a few pictures; processes, which take a second to start, for many."""
    if count < PROCESSES_FROM:
        return ThreadPoolExecutor()
    return ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_leave_interrupts)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def _read_glyphs(path: Path) -> tuple[dict[str, Glyphs], list[tuple[str, int]]]:
    marks: dict[str, Glyphs] = {}
    kinds: dict[tuple[str, int], int] = {}
    if path.is_file():
        for number, row in read_rows(path):
            try:
                marks[row["file_name"]] = np.asarray(
                    [
                        (kinds.setdefault((_family(font), int(code)), len(kinds)), x, y, token)
                        for font, code, x, y, _width, _height, token in row["glyphs"]
                    ],
                    dtype=np.float32,
                ).reshape(-1, 4)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}, line {number}: broken glyph row ({error}).") from error
    return marks, list(kinds)


def _family(font: str) -> str:
    """Name without design size, cmmi of cmmi12: what a glyph looks like hardly depends on it."""
    return str(font).rstrip("0123456789")


def _in_frame(rows: Glyphs | None, frame: Frame) -> Glyphs:
    """Glyph rows of a picture, moved along with its ink."""
    if rows is None:
        return np.zeros((0, 4), dtype=np.float32)
    scaled = rows.copy()
    scaled[:, 1] = (rows[:, 1] + frame.left) * frame.scale
    scaled[:, 2] = (rows[:, 2] + frame.top) * frame.scale
    return scaled


def _starts(counts: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


def touch(pack: Path) -> None:
    """Take note that a pack was used now."""
    (pack / INDEX).touch()


def tidy(folder: Path, newest: Path, *, cap: int = CAP) -> None:
    """Remove packs that nobody can use any more, then the least recently used above the cap.

    A pack is useless once the data set that it was made from has changed: a pack of the same
    split with other content has been written. A training that has a removed pack open goes on,
    since its files stay until it closes them (on Windows they stay altogether).

    Args:
        folder: the folder of packs.
        newest: the pack just written.
        cap: bytes.
    """
    source, content = _origin(newest)
    size = folder_size(newest)
    for pack in sorted(_packs(folder), key=_used, reverse=True):
        if pack == newest:
            continue
        pack_source, pack_content = _origin(pack)
        size += folder_size(pack)
        if size > cap or (source and pack_source == source and pack_content != content):
            size -= folder_size(pack)
            shutil.rmtree(pack, ignore_errors=True)
    for left in folder.glob(".*.tmp"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _packs(folder: Path) -> list[Path]:
    return [index.parent for index in folder.glob(f"*/{INDEX}")]


def _used(pack: Path) -> float:
    return (pack / INDEX).stat().st_mtime


def _origin(pack: Path) -> tuple[str, str]:
    """The split that a pack was made from and a hash of it; empty for packs of earlier versions."""
    try:
        index = json.loads((pack / INDEX).read_text(encoding="utf-8"))
        return str(index.get("source", "")), str(index.get("content", ""))
    except (OSError, ValueError):
        return "", ""
