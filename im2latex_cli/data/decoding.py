"""Bytes of texts that people wrote long ago: UTF-8, else Latin-1, where every byte is a letter."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 3
BOM = b"\xef\xbb\xbf"
"""Mark that some editors put before UTF-8; no part of the text."""


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
