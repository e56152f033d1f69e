"""TeX's fonts: where they are, their metrics and outlines, and virtual fonts made of others."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from im2latex_cli.errors import RendererError
from im2latex_cli.render.tex.dvi import DviError, DviMachine, DviPage, FontUse


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
    offset = 24 + 4 * header
    kinds = tfm[offset : offset + 4 * (last - first + 1) : 4]
    offset += 4 * (last - first + 1)
    scaled = [_scale(tfm[offset + 4 * i : offset + 4 * i + 4], size) for i in range(count)]
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


_PAGE_BEGIN = bytes([139]) + bytes(44)
_PAGE_END = bytes([140])
_LONG_CHARACTER = 242
_UNIT = 20  # bits after the point of a fix_word

Widths = Callable[[FontUse], list[int]]


@dataclass(slots=True)
class VirtualFont:
    """A virtual font at one size.

    Attributes:
        fonts: the fonts it borrows from.
        characters: code -> what it paints, from its reference point.
    """

    fonts: list[FontUse] = field(default_factory=list)
    characters: dict[int, DviPage] = field(default_factory=dict)


class _PacketReader(DviMachine):
    """Reads packets, whose lengths are parts of the font's size."""

    size = 0

    def signed(self, size: int) -> int:
        """The next number; a length in scaled points."""
        return (super().signed(size) * self.size) >> _UNIT


def read_virtual_font(data: bytes, size: int, widths: Widths) -> VirtualFont:
    """Read a VF file.

    Args:
        data: the file.
        size: size of the font in scaled points.
        widths: gives the 256 character widths of a font, in scaled points.

    Raises:
        DviError: it is broken.
    """
    try:
        if data[:2] != bytes([247, 202]):
            raise DviError("not a virtual font")
        return _read(data, size, widths)
    except (IndexError, KeyError):
        raise DviError("the virtual font is broken") from None


def _read(data: bytes, size: int, widths: Widths) -> VirtualFont:
    font = VirtualFont()
    head = _PacketReader(data, font.fonts, widths)
    head.size = size
    head.at = 11 + data[2]
    default: int | None = None
    while data[head.at] < 248:
        command = head.unsigned(1)
        if command > _LONG_CHARACTER:
            number = _define(head, command, size)
            default = number if default is None else default
            continue
        length = command if command < _LONG_CHARACTER else head.unsigned(4)
        code = head.unsigned(1) if command < _LONG_CHARACTER else head.unsigned(4)
        head.take(3 if command < _LONG_CHARACTER else 4)
        packet = head.take(length)
        select = b"" if default is None else bytes([238]) + default.to_bytes(4, "big")
        body = _PacketReader(_PAGE_BEGIN + select + packet + _PAGE_END, font.fonts, widths)
        body.size, body.numbers, body.tables = size, head.numbers, head.tables
        font.characters[code] = body.page()
    return font


def parts_of(data: bytes) -> list[str]:
    """The fonts that a VF file borrows from; none for a file that is broken."""
    font = VirtualFont()
    head = _PacketReader(data, font.fonts, lambda _: [])
    try:
        head.at = 11 + data[2]
        while 243 <= data[head.at] <= 246:
            _define(head, head.unsigned(1), 0)
    except IndexError:
        return []
    return [use.name for use in font.fonts]


def _define(head: _PacketReader, command: int, size: int) -> int:
    """fnt_def: number, checksum, size as a part of this font's, design size, name."""
    number = head.unsigned(command - 242)
    head.take(4)
    scaled = (head.unsigned(4) * size) >> _UNIT
    head.take(4)
    length = head.unsigned(1) + head.unsigned(1)
    use = FontUse(head.take(length).decode("ascii", "replace"), scaled)
    head.tables[number] = head.widths(use)
    head.numbers[number] = len(head.fonts)
    head.fonts.append(use)
    return number


def unfold(
    page: DviPage,
    fonts: Sequence[FontUse],
    tokens: Sequence[int],
    find: Callable[[FontUse], VirtualFont | None],
) -> tuple[DviPage, list[FontUse], list[int]]:
    """Replace the characters of virtual fonts by what they paint.

    Args:
        page: what TeX typeset.
        fonts: the fonts its characters count.
        tokens: the token of each character; its parts inherit it.
        find: returns the virtual font, or None for a real one.

    Raises:
        DviError: a virtual font lacks a character.
    """
    out = DviPage(page.counts, rules=list(page.rules))
    uses: dict[FontUse, int] = {}
    owners: list[int] = []

    def put(use: FontUse, code: int, h: int, v: int, token: int) -> None:
        virtual = find(use)
        if virtual is None:
            out.fonts.append(uses.setdefault(use, len(uses)))
            out.codes.append(code)
            out.h.append(h)
            out.v.append(v)
            owners.append(token)
            return
        character = virtual.characters.get(code)
        if character is None:
            raise DviError(f"font {use.name} has no character {code}")
        out.rules.extend((h + x, v + y, width, height) for x, y, width, height in character.rules)
        for number, inner, x, y in zip(
            character.fonts, character.codes, character.h, character.v, strict=True
        ):
            put(virtual.fonts[number], inner, h + x, v + y, token)

    for number, code, h, v, token in zip(
        page.fonts, page.codes, page.h, page.v, tokens, strict=True
    ):
        put(fonts[number], code, h, v, token)
    return out, list(uses), owners
