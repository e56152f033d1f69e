"""New pictures in a folder, as they appear."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from im2latex_cli.errors import InputError

SECONDS = 0.3
"""Between two looks; a file is whole when it is the same in both."""

_State = tuple[int, int]


def appearing(
    folder: Path, suffixes: frozenset[str], *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Path | None]:
    """Yield files that appear in a folder or change, once they are whole; never end.

    Looking again and again works everywhere, on network drives too, and needs no library.

    Args:
        folder: the folder; what it holds at the beginning is left out.
        suffixes: of the files to yield, in lower case.
        sleep: what waits between two looks.

    Yields:
        A path, or None after each look.

    Raises:
        InputError: the folder cannot be read.
    """
    before = _look(folder, suffixes)
    done = dict(before)
    while True:
        yield None
        sleep(SECONDS)
        now = _look(folder, suffixes)
        for name, state in sorted(now.items()):
            if state == before.get(name) != done.get(name) and state[0]:
                done[name] = state
                yield folder / name
        done = {name: state for name, state in done.items() if name in now}
        before = now


def _look(folder: Path, suffixes: frozenset[str]) -> dict[str, _State]:
    """Size and time of change of each picture."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or Path(entry.name).suffix.lower() not in suffixes:
                    continue
                try:
                    state = entry.stat()
                except OSError:  # gone again, or a link to nowhere
                    continue
                if entry.is_file():
                    found[entry.name] = (state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be watched ({error.strerror or error}).", hint="Name a folder."
        ) from None
    return found
