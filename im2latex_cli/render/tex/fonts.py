"""Find TeX's fonts, their metrics and their outlines."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

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


@dataclass(frozen=True, slots=True)
class Outline:
    """Where a font's outlines are, and how psfonts.map wants them changed.

    Attributes:
        file: the Type 1 file.
        encoding: file that names the glyph of each character; None for the font's own encoding.
        slant: how far a point moves to the right for each unit above the baseline.
        extend: factor of all widths.
    """

    file: Path
    encoding: Path | None = None
    slant: float = 0.0
    extend: float = 1.0

    def glyph_names(self) -> list[str]:
        """The glyph of each character, by name; empty for the font's own encoding."""
        return [] if self.encoding is None else _names(self.encoding)


class FontFinder:
    """Finds files with kpathsea, and the outline of a font in psfonts.map."""

    def __init__(self, kpsewhich: str) -> None:
        self._kpsewhich = kpsewhich
        self._found: dict[str, Path | None] = {}

    def find(self, *names: str) -> list[Path | None]:
        """The path of each file; one call of kpsewhich for all that are not cached."""
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

    def expect(self, fonts: Sequence[str]) -> list[Path]:
        """Look up at once all files that fonts may have, since every question takes 0.1 s.

        Returns:
            The VF files among them.
        """
        entries = _entries(self._map())
        names = [f"{font}{ending}" for font in fonts for ending in (".tfm", ".pfb", ".vf")]
        for entry in (entries[font] for font in fonts if font in entries):
            names += [entry.file, entry.encoding] if entry.encoding else [entry.file]
        self.find(*names)
        paths = (self._found[f"{font}.vf"] for font in fonts if font not in entries)
        return [path for path in paths if path is not None]

    def metrics(self, font: str) -> Path:
        """The TFM file of a font."""
        tfm, _ = self.find(f"{font}.tfm", f"{font}.pfb")
        if tfm is None:
            raise FontMissingError(f"font {font} has no metrics in this TeX")
        return tfm

    def virtual(self, font: str) -> Path | None:
        """The VF file of a font that is made of others; None for one with outlines."""
        return None if font in _entries(self._map()) else self.find(f"{font}.vf")[0]

    def outline(self, font: str) -> Outline:
        """The outlines of a font."""
        entry = _entries(self._map()).get(font)
        if entry is None:
            raise FontMissingError(f"font {font} has no Type 1 outlines in this TeX")
        names = (entry.file, entry.encoding) if entry.encoding else (entry.file,)
        paths = self.find(*names)
        file, encoding = paths[0], paths[-1] if entry.encoding else None
        if file is None or (entry.encoding and encoding is None):
            raise FontMissingError(f"font {font} has no Type 1 outlines in this TeX")
        return Outline(file, encoding, entry.slant, entry.extend)

    def _map(self) -> Path:
        (map_file,) = self.find("psfonts.map")
        if map_file is None:
            raise RendererError(
                "This TeX has no psfonts.map, so its fonts cannot be found.",
                hint="Install TeX Live's base package (Debian: texlive-latex-base).",
            )
        return map_file


class _Entry(NamedTuple):
    """A line of psfonts.map."""

    file: str
    encoding: str | None
    slant: float
    extend: float


_QUOTED = re.compile(r'"([^"]*)"')
_FILE = re.compile(r"<\s*[<\[]?\s*([^\s<]+)")
_CHANGE = re.compile(r"([-+.\d]+)\s+(Slant|Extend)Font")


@cache
def _entries(map_file: Path) -> dict[str, _Entry]:
    """Font -> its outlines."""
    entries = {}
    for line in map_file.read_text(encoding="latin-1").splitlines():
        if line[:1] in {"", "%", "*", "#", ";", " "}:
            continue
        changes = {
            kind: float(number)
            for text in _QUOTED.findall(line)
            for number, kind in _CHANGE.findall(text)
        }
        files = _FILE.findall(_QUOTED.sub(" ", line))
        outlines = [name for name in files if name.endswith((".pfb", ".pfa"))]
        encodings = [name for name in files if name.endswith(".enc")]
        if outlines:
            encoding = encodings[0] if encodings else None
            slant, extend = changes.get("Slant", 0.0), changes.get("Extend", 1.0)
            entries[line.split(maxsplit=1)[0]] = _Entry(outlines[0], encoding, slant, extend)
    return entries


@cache
def _names(encoding: Path) -> list[str]:
    """The names of an encoding file."""
    text = re.sub(r"%[^\n]*", "", encoding.read_text(encoding="latin-1"))
    return re.findall(r"/([^\s/\[\]]+)", text.partition("[")[2])


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
