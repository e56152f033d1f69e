"""Text files: their bytes as text, and files of JSON lines.

UTF-8, else Latin-1, where every byte is a letter; UTF-16 is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from im2latex_cli.errors import InputError

NAMED = 3
BOM = b"\xef\xbb\xbf"
"""Mark that some editors put before UTF-8; no part of the text."""

_WIDE = (b"\xff\xfe", b"\xfe\xff")
_PROBE = 400


def demand_bytes(content: bytes, name: str) -> None:
    """Refuse a file of UTF-16 or UTF-32: every line of it would be a wrong formula.

    Raises:
        InputError: it is one, by its first bytes.
    """
    start = content[:_PROBE]
    if start.startswith(_WIDE) or start.count(0) > len(start) // 4:
        raise InputError(
            f"{name} is UTF-16 or UTF-32, not UTF-8.",
            hint=f"Convert it: iconv -f UTF-16 -t UTF-8 {name} > utf8-{name}.",
        )


def decode(content: bytes) -> tuple[str, bool]:
    """Return the text, and whether it had to be read as Latin-1."""
    try:
        return content.decode("utf-8"), False
    except UnicodeDecodeError:
        return content.decode("latin-1"), True


def remark(names: Sequence[str], where: str = "") -> tuple[str, ...]:
    """Say what was read as Latin-1; nothing where all was UTF-8.

    >>> remark(["7", "9"], "a.lst, lines ")
    ('Not UTF-8, so read as Latin-1: a.lst, lines 7, 9.',)
    """
    if not names:
        return ()
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (f"Not UTF-8, so read as Latin-1: {where}{', '.join(names[:NAMED])}{more}.",)


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
