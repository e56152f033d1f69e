"""Rows of a JSON-lines file; a broken line is named by file and number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from im2latex_cli.data.sources.decoding import BOM, demand_bytes
from im2latex_cli.errors import InputError

Row = dict[str, Any]


def parse_row(line: bytes, *, where: str) -> Row:
    """Parse one line that must hold a JSON object.

    Args:
        line: the line's bytes.
        where: file and line number, for the message.

    Raises:
        InputError: the line is no UTF-8, no JSON or no object.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: broken line, not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: broken line, a JSON object was expected.")
    return row


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield line number (from 1) and object of each non-empty line of `path`.

    Raises:
        InputError: the file cannot be read, or a line is broken.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    demand_bytes(content, str(path))
    for number, line in enumerate(content.removeprefix(BOM).split(b"\n"), start=1):
        if line.strip():
            yield number, parse_row(line, where=f"{path}, line {number}")
