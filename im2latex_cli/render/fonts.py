"""Find TeX's fonts, their metrics and their outlines."""

from __future__ import annotations

import re
import struct
import subprocess
from functools import cache
from pathlib import Path

from im2latex_cli.errors import RendererError


class FontMissingError(ValueError):
    """A font whose metrics or outlines this TeX does not have."""


_USUAL = [
    f"{family}{size}{ending}"
    for ending in (".tfm", ".pfb")
    for family, sizes in (
        ("cmr", (12, 10, 8, 6)),
        ("cmmi", (12, 10, 8, 6)),
        ("cmsy", (10, 8, 6)),
        ("cmex", (10,)),
        ("cmbx", (12, 10, 8)),
        ("msam", (10, 7)),
        ("msbm", (10, 7)),
        ("eufm", (10, 7)),
    )
    for size in sizes
]


class FontFinder:
    """Asks kpathsea where files lie, and psfonts.map which outline a font has."""

    def __init__(self, kpsewhich: str) -> None:
        self._kpsewhich = kpsewhich
        self._found: dict[str, Path | None] = {}

    def find(self, *names: str) -> list[Path | None]:
        """Where each file lies; one question for all that were not asked before."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._found]
        if unknown:
            if not self._found:
                unknown = list(dict.fromkeys([*unknown, "psfonts.map", *_USUAL]))
            command = [self._kpsewhich, "-no-mktex=tfm", "-no-mktex=pk", *unknown]
            answer = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            paths = {Path(line).name: Path(line) for line in answer.stdout.splitlines()}
            self._found.update({name: paths.get(name) for name in unknown})
        return [self._found[name] for name in names]

    def metrics(self, font: str) -> Path:
        """The TFM file of a font."""
        tfm, _ = self.find(f"{font}.tfm", f"{font}.pfb")
        if tfm is None:
            raise FontMissingError(f"font {font} has no metrics in this TeX")
        return tfm

    def outline(self, font: str) -> Path:
        """The Type 1 file of a font."""
        (map_file,) = self.find("psfonts.map")
        if map_file is None:
            raise RendererError(
                "This TeX has no psfonts.map, so its fonts cannot be found.",
                hint="Install TeX Live's base package (Debian: texlive-latex-base).",
            )
        name = _outlines(map_file).get(font)
        (path,) = self.find(name) if name else (None,)
        if path is None:
            raise FontMissingError(f"font {font} has no Type 1 outlines in this TeX")
        return path


_PLAIN_ENTRY = re.compile(r"^(\S+)\s+(?:\S+\s+)?<(?:<|\[)?(\S+\.pf[ab])\s*$")


@cache
def _outlines(map_file: Path) -> dict[str, str]:
    """Font -> Type 1 file, for fonts that keep their own encoding and shape."""
    entries = {}
    for line in map_file.read_text(encoding="latin-1").splitlines():
        found = _PLAIN_ENTRY.match(line)
        if found:
            entries[found.group(1)] = found.group(2)
    return entries


def scaled_widths(tfm: bytes, size: int) -> list[int]:
    """The widths of 256 characters of a TFM file at `size`, all in scaled points.

    The arithmetic is TeX's own (TeX: The Program, 572), so that sums agree to the last bit.
    """
    words = struct.unpack_from(">6H", tfm)
    header, first, last, count = words[1], words[2], words[3], words[4]
    at = 24 + 4 * header
    kinds = tfm[at : at + 4 * (last - first + 1) : 4]
    at += 4 * (last - first + 1)
    scaled = [_scale(tfm[at + 4 * i : at + 4 * i + 4], size) for i in range(count)]
    widths = [0] * 256
    for code, kind in zip(range(first, last + 1), kinds, strict=True):
        widths[code] = scaled[kind]
    return widths


def _scale(fixed: bytes, size: int) -> int:
    """One fix_word times `size`."""
    alpha = 16
    while size >= 1 << 23:
        size >>= 1
        alpha += alpha
    beta = 256 // alpha
    alpha *= size
    value = (((fixed[3] * size) // 256 + fixed[2] * size) // 256 + fixed[1] * size) // beta
    return value - alpha if fixed[0] == 255 else value
