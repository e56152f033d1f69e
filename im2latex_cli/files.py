"""Atomic writes: files are complete or absent; and names that are no files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from im2latex_cli.errors import InputError

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
