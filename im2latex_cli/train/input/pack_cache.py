"""Which packs stay in the cache: those still usable, most recently used first, up to a size."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from im2latex_cli.paths import folder_size

CAP = 30_000_000_000
"""Bytes of packs that stay; the one just written stays however large it is."""

ABANDONED = 24 * 3600.0
"""Seconds after which what an unfinished packing left is rubbish."""

INDEX = "index.json"


def touch(pack: Path) -> None:
    """Take note that a pack was used now."""
    (pack / INDEX).touch()


def tidy(folder: Path, written: Path, *, cap: int = CAP) -> None:
    """Remove packs that nobody can use any more, then the least recently used above the cap.

    A pack is useless once the data set that it was made from has changed: a pack of the same
    split with other content has been written. A training that has a removed pack open goes on,
    since its files stay until it closes them (on Windows they stay altogether).

    Args:
        folder: the folder of packs.
        written: the pack just written.
        cap: bytes.
    """
    source, content = _origin(written)
    held = folder_size(written)
    for pack in sorted(_packs(folder), key=_used, reverse=True):
        if pack == written:
            continue
        of, having = _origin(pack)
        held += folder_size(pack)
        if held > cap or (source and of == source and having != content):
            held -= folder_size(pack)
            shutil.rmtree(pack, ignore_errors=True)
    for left in folder.glob(".*.tmp"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _packs(folder: Path) -> list[Path]:
    return [index.parent for index in folder.glob(f"*/{INDEX}")]


def _used(pack: Path) -> float:
    return (pack / INDEX).stat().st_mtime


def _origin(pack: Path) -> tuple[str, str]:
    """The split that a pack was made from and a hash of it; empty for packs of earlier versions."""
    try:
        index = json.loads((pack / INDEX).read_text(encoding="utf-8"))
        return str(index.get("source", "")), str(index.get("content", ""))
    except (OSError, ValueError):
        return "", ""
