"""Virtual fonts: characters made of characters of other fonts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from im2latex_cli.render.tex.dvi import DviError, DviMachine, DviPage, FontUse

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


def read(data: bytes, size: int, widths: Widths) -> VirtualFont:
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


def font_names(data: bytes) -> list[str]:
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
