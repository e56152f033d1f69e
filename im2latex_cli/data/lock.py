"""One process at a time in a folder; the lock vanishes with its process, however that ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from im2latex_cli.errors import UsageError

FILE = "lock"
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
                (folder / FILE).unlink()
                folder.rmdir()


def _acquired(folder: Path, busy: str, hint: str) -> FileLock:
    lock = FileLock(folder / FILE, timeout=SECONDS, poll_interval=SECONDS / 10, mode=0o644)
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except FileNotFoundError:  # an earlier holder deleted the folder just now
            continue
        except Timeout:
            raise UsageError(busy, hint=hint) from None
        return lock
