"""Read DVI files: where TeX put every character and rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class FontUse(NamedTuple):
    """A font as a DVI file names it; `size` is in scaled points."""

    name: str
    size: int


@dataclass(slots=True)
class DviPage:
    """One page; positions in scaled points, v grows downwards.

    Attributes:
        counts: TeX's ten page numbers.
        fonts: for each character its font, an index into the list `read` was given.
        codes: for each character its number in the font.
        h: for each character its reference point, across.
        v: for each character its reference point, down.
        rules: left, bottom, width and height of each rule.
        specials: number of characters painted before it, and text, of each special.
        special_rules: number of rules painted before each special.
    """

    counts: tuple[int, ...]
    fonts: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    h: list[int] = field(default_factory=list)
    v: list[int] = field(default_factory=list)
    rules: list[tuple[int, int, int, int]] = field(default_factory=list)
    specials: list[tuple[int, str]] = field(default_factory=list)
    special_rules: list[int] = field(default_factory=list)


class DviError(ValueError):
    """A DVI file that is broken or beyond what TeX writes."""


def read(
    data: bytes, fonts: list[FontUse], widths: Callable[[FontUse], list[int]]
) -> list[DviPage]:
    """Read every whole page of a DVI file, finished or broken off.

    Args:
        data: the file.
        fonts: filled with the fonts as they are met.
        widths: gives the 256 character widths of a font, in scaled points.
    """
    if not data:
        return []
    if data[0] != 247 or data[1] != 2:
        raise DviError("not a DVI file")
    reader = DviMachine(data, fonts, widths)
    pages = []
    try:
        reader.at = 15 + data[14]
        while reader.between_pages():
            pages.append(reader.page())
    except IndexError:
        pass  # the file breaks off inside a page
    except KeyError as missing:
        raise DviError(f"font {missing} is used before it is defined") from None
    return pages


def font_names(data: bytes) -> list[str]:
    """The fonts that the postamble of a whole DVI file lists; none for one that is broken off."""
    reader = DviMachine(data, [], lambda _: [])
    try:
        end = len(
            data.rstrip(b"\xdf")
        )  # padding; before it a version byte and, in front, a pointer
        reader.at = int.from_bytes(data[end - 5 : end - 1], "big") + 29
        while 243 <= data[reader.at] <= 246:
            reader.at += 1
            reader.define_font(data[reader.at - 1])
    except IndexError:
        return []
    return [font.name for font in reader.fonts]


class DviMachine:
    """The machine that DVI commands drive."""

    def __init__(
        self, data: bytes, fonts: list[FontUse], widths: Callable[[FontUse], list[int]]
    ) -> None:
        self.data = data
        self.at = 0
        self.fonts = fonts
        self.widths = widths
        self.numbers: dict[int, int] = {}
        self.tables: dict[int, list[int]] = {}

    def signed(self, size: int) -> int:
        """The next `size` bytes as a signed number."""
        return int.from_bytes(self.take(size), "big", signed=True)

    def unsigned(self, size: int) -> int:
        """The next `size` bytes as a number."""
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self.at
        self.at += size
        if self.at > len(self.data):
            raise IndexError
        return self.data[start : self.at]

    def define_font(self, command: int) -> None:
        """fnt_def: number, checksum, size, design size, name."""
        number = self.unsigned(command - 242)
        self.take(4)
        size = self.unsigned(4)
        self.take(4)
        length = self.unsigned(1) + self.unsigned(1)
        use = FontUse(self.take(length).decode("ascii", "replace"), size)
        if number in self.numbers and self.fonts[self.numbers[number]] == use:
            return
        self.tables[number] = self.widths(use)
        self.numbers[number] = len(self.fonts)
        self.fonts.append(use)

    def between_pages(self) -> bool:
        """Move to the next page's begin; False at the postamble."""
        while True:
            command = self.data[self.at]
            if command == 139:
                return True
            if command == 248:
                return False
            self.at += 1
            if 243 <= command <= 246:
                self.define_font(command)
            elif command != 138:
                raise DviError(f"command {command} between pages")

    def page(self) -> DviPage:  # noqa: C901, PLR0912 - the command table of the format
        """Run the commands of one page, which begins at `at`."""
        data = self.data
        self.at += 1
        page = DviPage(tuple(self.signed(4) for _ in range(10)))
        self.take(4)
        add_font, add_code = page.fonts.append, page.codes.append
        add_h, add_v = page.h.append, page.v.append
        h = v = w = x = y = z = 0
        font, table = -1, []  # type: int, list[int]
        stack: list[tuple[int, int, int, int, int, int]] = []
        while True:
            command = data[self.at]
            self.at += 1
            if command < 128 or 128 <= command <= 131 or 133 <= command <= 136:
                code = command if command < 128 else self.unsigned((command - 128) % 5 + 1)
                add_font(font)
                add_code(code)
                add_h(h)
                add_v(v)
                if command < 132:
                    h += table[code]
            elif 171 <= command <= 238:
                number = command - 171 if command < 235 else self.unsigned(command - 234)
                font, table = self.numbers[number], self.tables[number]
            elif command == 141:
                stack.append((h, v, w, x, y, z))
            elif command == 142:
                h, v, w, x, y, z = stack.pop()
            elif 143 <= command <= 146:
                h += self.signed(command - 142)
            elif 147 <= command <= 151:
                w = self.signed(command - 147) if command > 147 else w
                h += w
            elif 152 <= command <= 156:
                x = self.signed(command - 152) if command > 152 else x
                h += x
            elif 157 <= command <= 160:
                v += self.signed(command - 156)
            elif 161 <= command <= 165:
                y = self.signed(command - 161) if command > 161 else y
                v += y
            elif 166 <= command <= 170:
                z = self.signed(command - 166) if command > 166 else z
                v += z
            elif command == 140:
                return page
            else:
                h += self.rare(command, page, h, v)

    def rare(self, command: int, page: DviPage, h: int, v: int) -> int:
        """Rules, specials and font definitions; how far they move to the right."""
        if command in {132, 137}:
            height, width = self.signed(4), self.signed(4)
            if height > 0 and width > 0:
                page.rules.append((h, v, width, height))
            return width if command == 132 else 0
        if 239 <= command <= 242:
            text = self.take(self.unsigned(command - 238)).decode("latin-1")
            page.specials.append((len(page.codes), text))
            page.special_rules.append(len(page.rules))
        elif 243 <= command <= 246:
            self.define_font(command)
        elif command != 138:
            raise DviError(f"command {command} in a page")
        return 0
