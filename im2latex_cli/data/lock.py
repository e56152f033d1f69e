"""One process at a time in a folder; the lock vanishes with its process, however that ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from im2latex_cli.errors import UsageError

FILE = "lock"


@contextmanager
def locked(
    folder: Path, *, busy: str, hint: str = "Wait for it, or choose another --output."
) -> Iterator[None]:
    """Hold the lock file in `folder`, which is made if need be; the holder may delete both.

    Args:
        folder: where the lock file is.
        busy: what to say where another process holds it.
        hint: what to do then.

    Raises:
        UsageError: another process holds it.
    """
    handle = _acquire(folder, busy, hint)
    try:
        yield
    finally:
        os.close(handle)
        if sys.platform == "win32":  # where an open file cannot be deleted
            with suppress(OSError):
                (folder / FILE).unlink()
                folder.rmdir()


def _acquire(folder: Path, busy: str, hint: str) -> int:
    """Lock the file that has the name now: an earlier holder may delete it while we wait."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            continue
        if not _try_lock(handle):
            os.close(handle)
            raise UsageError(busy, hint=hint)
        if _is_current(handle, folder / FILE):
            return handle
        os.close(handle)


def _is_current(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        # Not flock: worker processes would inherit it and could hold it after a kill -9.
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
