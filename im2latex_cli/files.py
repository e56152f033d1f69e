"""Files: complete or absent, one process at a time in a folder; and names that are no files."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from im2latex_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from filelock import FileLock


_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,3}")


def url_of(name: str | Path) -> str | None:
    """The address that a name is, with the slashes that a path has lost; None if it is none."""
    address = _URL.match(str(name))
    if address is None or os.path.lexists(name):
        return None
    slashes = "///" if address[1] == "file" else "//"
    return f"{address[1]}:{slashes}{str(name)[address.end() :]}"


def demand_no_url(name: str | Path) -> None:
    """Refuse an address of the network or of another program.

    Raises:
        InputError: it is one.
    """
    url = url_of(name)
    if url is not None:
        raise InputError(
            f"{url}: URLs are not fetched.", hint="Download the file first, then name it."
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success sync it and rename it over `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("r+b") as written:  # Windows syncs only what may be written
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with bare newlines, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document, indented, in the key order of `value`."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


LOCK = "lock"
SECONDS = 0.2
"""Longest wait: a holder that deletes its file as it goes has gone before that."""


@contextmanager
def locked(
    folder: Path, *, busy: str, hint: str = "Wait for it, or choose another `output`."
) -> Iterator[None]:
    """Hold the lock file in `folder`, which is made if need be; the holder may delete both.

    Workers started by `spawn`, and other programs, do not inherit the lock; forked ones would.

    Args:
        folder: where the lock file is.
        busy: what to say if another process holds it.
        hint: what to do then.

    Raises:
        UsageError: another process holds it.
    """
    lock = _acquired(folder, busy, hint)
    try:
        yield
    finally:
        lock.release()
        if sys.platform == "win32":  # where an open file cannot be deleted
            with suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()


def _acquired(folder: Path, busy: str, hint: str) -> FileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=SECONDS, poll_interval=SECONDS / 10, mode=0o644)
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except FileNotFoundError:  # an earlier holder deleted the folder just now
            continue
        except Timeout:
            raise UsageError(busy, hint=hint) from None
        return lock
