"""Bytes of texts: UTF-8, else Latin-1, where every byte is a letter; UTF-16 is refused."""

from __future__ import annotations

from collections.abc import Sequence

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
