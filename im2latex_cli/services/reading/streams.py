"""Input that comes by and by: bytes within a time limit, lines of a pipe, pictures in a folder.

Pipes are read in threads of their own, because only a thread can be left waiting on every platform.
The threads use bare file descriptors: a thread that holds a buffered stream when the interpreter
ends would crash it.
"""

from __future__ import annotations

import io
import os
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import BinaryIO, TypeVar

from im2latex_cli.errors import InputError
from im2latex_cli.vision.image import MAX_BYTES

_CHUNK = 1 << 16
_AHEAD = 1000
"""Lines read ahead of those asked for."""

_Result = TypeVar("_Result")


def read(source: Path | BinaryIO, name: str, *, timeout: float | None) -> bytes:
    """Read a pipe, a device or a stream to its end.

    Args:
        source: a path or an open stream.
        name: how error messages call it.
        timeout: longest time in seconds; None waits for ever.

    Raises:
        InputError: it does not end in time, it is too large, or it cannot be read.
    """
    if not isinstance(source, Path) and _descriptor(source) is None:
        data = source.read(MAX_BYTES + 1)
    else:
        data = _within(timeout, name, lambda: _drain(source))
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES >> 20} MiB.", hint="Crop the formula.")
    return data


def lines(source: Path | BinaryIO, end: bytes) -> Iterator[str | None]:
    """Yield the lines of a list, empty ones left out.

    Args:
        source: a path or an open stream.
        end: what ends a line.

    Yields:
        Each line as a path; None, where a line would have to be waited for.

    Raises:
        InputError: the list cannot be read.
    """
    if not isinstance(source, Path) and _descriptor(source) is None:
        yield from (path for path in map(_path, source.read().split(end)) if path)
        return
    ready: queue.Queue[str | OSError | None] = queue.Queue(_AHEAD)
    Thread(target=_feed, args=(source, end, ready), daemon=True).start()
    while True:
        try:
            line = ready.get_nowait()
        except queue.Empty:
            yield None
            line = ready.get()
        if line is None:
            return
        if isinstance(line, OSError):
            raise InputError(
                f"{source}: cannot be read ({line.strerror or line}).", hint="Check the path."
            )
        yield line


def _within(timeout: float | None, name: str, work: Callable[[], _Result]) -> _Result:
    done: queue.SimpleQueue[_Result | OSError] = queue.SimpleQueue()

    def attempt() -> None:
        try:
            done.put(work())
        except OSError as error:
            done.put(error)

    Thread(target=attempt, daemon=True).start()
    try:
        result = done.get(timeout=timeout)
    except queue.Empty:
        raise InputError(
            f"{name}: did not end within {timeout:g} s.", hint="Give it more with `timeout`."
        ) from None
    if isinstance(result, OSError):
        raise InputError(f"{name}: cannot be read ({result.strerror or result}).") from None
    return result


def _drain(source: Path | BinaryIO) -> bytes:
    content = io.BytesIO()
    with _open(source) as descriptor:
        while content.tell() <= MAX_BYTES and (chunk := os.read(descriptor, _CHUNK)):
            content.write(chunk)
    return content.getvalue()


def _feed(source: Path | BinaryIO, end: bytes, ready: queue.Queue[str | OSError | None]) -> None:
    rest = b""
    try:
        with _open(source) as descriptor:
            while chunk := os.read(descriptor, _CHUNK):
                *whole, rest = (rest + chunk).split(end)
                for line in filter(None, map(_path, whole)):
                    ready.put(line)
        if last := _path(rest):
            ready.put(last)
        ready.put(None)
    except OSError as error:
        ready.put(error)


@contextmanager
def _open(source: Path | BinaryIO) -> Iterator[int]:
    """The descriptor of a stream, left open; or of a path, closed in the end."""
    if not isinstance(source, Path):
        yield source.fileno()
        return
    descriptor = os.open(source, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _path(line: bytes) -> str:
    return os.fsdecode(line.removesuffix(b"\r"))


def _descriptor(stream: BinaryIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None


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
    signatures = {}
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
                    signatures[entry.name] = (state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be watched ({error.strerror or error}).", hint="Name a folder."
        ) from None
    return signatures
