"""A data set under way: pictures and a journal in a hidden folder inside the one it becomes.

The journal says what is done: one line for each formula, in the plan's order, written after its
picture. After a kill -9 the next build goes on behind its last whole line. When all is there the
files move out, the manifest last, and the hidden folder is gone.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from im2latex_cli import files
from im2latex_cli.data import store
from im2latex_cli.data.plan import Exclusion, Planned
from im2latex_cli.data.store import Manifest
from im2latex_cli.errors import InputError

FOLDER = ".build"
REQUEST = "request.json"
JOURNAL = "journal.jsonl"
READY = "ready.json"
TRASH = "replaced"
ENTRIES = (*store.SPLITS, store.VOCAB, store.FAILURES, store.MANIFEST)
"""All that a data set folder may hold; the manifest moves last and says that it is complete."""
FLUSH_EVERY = 64

Row = dict[str, Any]
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class FinishedPicture:
    """One finished picture.

    Attributes:
        png: the file's bytes.
        width: in pixels.
        height: in pixels.
        glyphs: [font, code, x, y, width, height, token] of each glyph, or None.
        font: typeface and size, where the data set has several.
    """

    png: bytes
    width: int
    height: int
    glyphs: list[list[Any]] | None = None
    font: str = ""


@dataclass(frozen=True, slots=True)
class Undrawn:
    """One formula without a picture."""

    reason: str
    message: str


class Unfinished:
    """The hidden folder of a build; its user holds the lock in it."""

    def __init__(self, root: Path) -> None:
        """Name the folder inside the data set folder `root`; nothing is touched."""
        self.root = root
        self.path = root / FOLDER

    def request(self) -> Manifest | None:
        """What the interrupted build was asked for, or None where there is none to go on with."""
        try:
            return Manifest.from_json(json.loads((self.path / REQUEST).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, request: Manifest) -> None:
        """Start from nothing."""
        (self.path / REQUEST).unlink(missing_ok=True)
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()
        (self.path / JOURNAL).touch()
        files.write_json(self.path / REQUEST, request.to_json())

    def resume(self, items: Sequence[Planned]) -> int:
        """Cut the journal behind the last formula that is surely done; return how many are."""
        journal = self.path / JOURNAL
        done = size = 0
        with journal.open("rb") as lines:
            for item, line in zip(items, lines, strict=False):
                if not (line.endswith(b"\n") and self._is_whole(item, line)):
                    break
                done += 1
                size += len(line)
        os.truncate(journal, size)
        return done

    def _is_whole(self, item: Planned, line: bytes) -> bool:
        try:
            row = json.loads(line)
            if "reason" in row:
                return True
            picture = self.path / item.split / item.file_name
            return bool(picture.stat().st_size == row["bytes"])
        except (ValueError, KeyError, OSError):
            return False

    def append(
        self, results: Iterator[tuple[Planned, FinishedPicture | Undrawn]]
    ) -> Iterator[None]:
        """Store results as they come, in the plan's order; yields after each."""
        for split in store.SPLITS:
            (self.path / split).mkdir(exist_ok=True)
        with (self.path / JOURNAL).open("a", encoding="utf-8", newline="\n") as journal:
            for number, (item, result) in enumerate(results, start=1):
                journal.write(_line(self._keep(item, result)))
                if number % FLUSH_EVERY == 0:
                    journal.flush()
                yield

    def _keep(self, item: Planned, result: FinishedPicture | Undrawn) -> Row:
        if isinstance(result, Undrawn):
            return {"reason": result.reason, "message": result.message}
        (self.path / item.split / item.file_name).write_bytes(result.png)
        row: Row = {"bytes": len(result.png), "width": result.width, "height": result.height}
        row |= {"font": result.font} if result.font else {}
        return row if result.glyphs is None else {**row, "glyphs": result.glyphs}

    def write_tables(self, items: Sequence[Planned], *, glyphs: bool) -> list[Exclusion]:
        """Write metadata (and glyphs) of every split and drop what a kill left there.

        Args:
            items: the plan, all of it in the journal.
            glyphs: the journal has glyphs.

        Returns:
            The formulas without a picture.
        """
        exclusions: list[Exclusion] = []
        names: dict[str, set[str]] = {split: set() for split in store.SPLITS}
        with ExitStack() as stack:
            metadata = self._open_tables(stack, store.METADATA)
            marks = self._open_tables(stack, store.GLYPHS) if glyphs else {}
            for item, row in self._rows(items):
                if "reason" in row:
                    exclusions.append(item.failed(row["reason"], row["message"]))
                    continue
                names[item.split].add(item.file_name)
                metadata[item.split].write(_line(_metadata(item, row)))
                if glyphs:
                    mark = {"file_name": item.file_name, "glyphs": row["glyphs"]}
                    marks[item.split].write(_line(mark))
        for split, present in names.items():
            self._tidy(self.path / split, present, glyphs=glyphs)
        return exclusions

    def _rows(self, items: Sequence[Planned]) -> Iterator[tuple[Planned, Row]]:
        """Yield each formula with what the journal says of it."""
        with (self.path / JOURNAL).open("rb") as lines:
            for item, line in zip(items, lines, strict=True):
                yield item, json.loads(line)

    def _open_tables(self, stack: ExitStack, name: str) -> dict[str, IO[str]]:
        return {
            split: stack.enter_context(
                (self.path / split / name).open("w", encoding="utf-8", newline="\n")
            )
            for split in store.SPLITS
        }

    def _tidy(self, folder: Path, present: set[str], *, glyphs: bool) -> None:
        if not present:
            shutil.rmtree(folder)
            return
        tables = {store.METADATA, store.GLYPHS} if glyphs else {store.METADATA}
        for stray in {path.name for path in folder.iterdir()} - present - tables:
            (folder / stray).unlink()

    def publish(self) -> None:
        """Move everything to its place, the manifest last; remove what it replaces.

        May be killed anywhere: the next build calls it again and it goes on.
        """
        if not self.is_ready():
            _sync()
            entries = [name for name in ENTRIES if (self.path / name).exists()]
            files.write_json(self.path / READY, entries)
        entries = json.loads((self.path / READY).read_bytes())
        (self.path / TRASH).mkdir(exist_ok=True)
        for name in (store.MANIFEST, *ENTRIES):
            waiting = (self.path / name).exists()
            if waiting or name not in entries:
                _put_away(self.root / name, self.path / TRASH)
        for name in ENTRIES:
            if (self.path / name).exists():
                (self.path / name).replace(self.root / name)
        self.discard()

    def is_ready(self) -> bool:
        """Whether everything is made and only has to move."""
        return (self.path / READY).is_file()

    def discard(self) -> None:
        """Remove the hidden folder, first of all what could make a later build go on with it."""
        (self.path / REQUEST).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=sys.platform == "win32")  # the lock is open there

    def drop_unbegun(self) -> None:
        """Leave nothing behind of a build that failed before it began."""
        if self.path.is_dir() and self.request() is None:
            self.discard()
            with suppress(OSError):
                self.root.rmdir()  # only where it is empty


def claim(root: Path) -> None:
    """Check that `root` may become a data set folder: it is one, or empty, or not there.

    Raises:
        InputError: it is a file, or holds other things, which a build must not touch.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is a file.", hint="Choose another `output`.")
    if not root.is_dir() or (root / FOLDER).is_dir() or (root / store.MANIFEST).is_file():
        return
    others = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    if others:
        shown = ", ".join(itertools.islice(others, 3))
        raise InputError(
            f"{root} is not a data set built here: it holds {shown}.",
            hint="Nothing was touched; choose another `output`.",
        )


def _line(row: Row) -> str:
    return _encode(row) + "\n"


def _metadata(item: Planned, row: Row) -> Row:
    origin = {} if item.origin is None else {"source": item.origin}
    return {
        "file_name": item.file_name,
        "formula": item.formula,
        "tokens": item.form,
        "width": row["width"],
        "height": row["height"],
        **origin,
        **{key: row[key] for key in ("font",) if key in row},
    }


def _put_away(path: Path, trash: Path) -> None:
    if path.exists():
        path.replace(trash / f"{path.name}.{len(list(trash.iterdir()))}")


def _sync() -> None:
    """Let pictures reach the disk before anything says that they are there."""
    if hasattr(os, "sync"):
        os.sync()
