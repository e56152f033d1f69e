"""Throw mutated pictures at the picture door: `python tests/bench/fuzz_pictures.py COUNT [SEED]`.

Each input goes through `open_grey` and `prepare`, and must end with a picture or an InputError
within SECONDS. Every number stands for one input, whatever ran before it. With atheris installed,
`python tests/bench/fuzz_pictures.py --atheris -runs=100000` chooses the inputs by coverage.
"""

from __future__ import annotations

import faulthandler
import io
import random
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable

import numpy as np
from PIL import Image

from im2latex_cli.errors import InputError
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.prepare import Preprocessing, prepare

SECONDS = 20.0
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
PNG = b"\x89PNG\r\n\x1a\n"


def seeds() -> list[tuple[str, bytes]]:
    """Small sound pictures in every format, mode and compression that is read."""
    page = np.full((40, 100), 255, np.uint8)
    draw = random.Random(0)
    for _ in range(12):
        top, left = draw.randrange(4, 28), draw.randrange(4, 88)
        page[top : top + 7, left : left + 3] = draw.randrange(90)
    grey = Image.fromarray(page)
    alpha = Image.merge("LA", (grey, Image.fromarray(255 - page)))
    wide = Image.fromarray(page.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    moving = {"save_all": True, "append_images": [grey.rotate(180)]}
    return [
        _saved(grey, "PNG"),
        _saved(alpha, "PNG"),
        _saved(wide, "PNG"),
        _saved(grey.convert("P"), "PNG", transparency=3),
        _saved(grey.convert("1"), "PNG"),
        _saved(grey, "JPEG", exif=exif),
        _saved(grey.convert("CMYK"), "JPEG"),
        _saved(grey.convert("RGB"), "JPEG", progressive=True),
        _saved(grey, "GIF", **moving),
        _saved(grey, "WEBP", lossless=True),
        _saved(alpha.convert("RGBA"), "WEBP"),
        _saved(grey.convert("RGB"), "WEBP", **moving),
        *(_saved(grey, "TIFF", compression=kind) for kind in ("raw", "tiff_lzw", "tiff_deflate")),
        _saved(grey.convert("1"), "TIFF", compression="group4"),
        _saved(grey.convert("RGB"), "TIFF", compression="jpeg"),
        _saved(wide, "TIFF"),
        _saved(grey, "BMP"),
        _saved(grey.convert("1"), "BMP"),
    ]


def _saved(image: Image.Image, kind: str, **options: object) -> tuple[str, bytes]:
    held = io.BytesIO()
    image.save(held, kind, **options)
    return kind, held.getvalue()


def mutate(data: bytes, draw: random.Random) -> bytes:
    """Change a few bytes, numbers or stretches; half of the PNGs get their checksums mended."""
    raw = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3, 6, 12))):
        if raw:
            draw.choice(CHANGES)(raw, draw)
    if raw.startswith(PNG) and draw.random() < 0.5:
        raw = _mended(raw)
    return bytes(raw)


def _byte(raw: bytearray, draw: random.Random) -> None:
    raw[_place(raw, draw)] = draw.randrange(256)


def _bit(raw: bytearray, draw: random.Random) -> None:
    raw[_place(raw, draw)] ^= 1 << draw.randrange(8)


def _number(raw: bytearray, draw: random.Random) -> None:
    """A 16-bit or 32-bit number of either byte order, extreme or near what it was."""
    form = draw.choice(("<H", ">H", "<I", ">I"))
    size = struct.calcsize(form)
    place = _place(raw, draw)
    if place + size > len(raw):
        return
    (was,) = struct.unpack_from(form, raw, place)
    new = draw.choice((*EXTREMES, was + draw.randint(-9, 9), was * draw.randint(2, 300)))
    struct.pack_into(form, raw, place, new % (1 << 8 * size))


def _cut(raw: bytearray, draw: random.Random) -> None:
    start = _place(raw, draw)
    del raw[start : start + draw.choice((1, 2, 8, 64, len(raw)))]


def _repeat(raw: bytearray, draw: random.Random) -> None:
    start = _place(raw, draw)
    piece = raw[start : start + draw.randrange(1, 64)]
    raw[start:start] = piece * draw.choice((1, 2, 20))


def _swap(raw: bytearray, draw: random.Random) -> None:
    one, two, size = _place(raw, draw), _place(raw, draw), draw.randrange(1, 32)
    raw[one : one + size] = raw[two : two + size]


def _place(raw: bytearray, draw: random.Random) -> int:
    """Anywhere, the header more often."""
    return draw.randrange(min(len(raw), draw.choice((64, len(raw)))))


CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _byte,
    _byte,
    _bit,
    _number,
    _number,
    _cut,
    _repeat,
    _swap,
)


def _mended(raw: bytearray) -> bytearray:
    """A PNG whose chunks have right checksums, so that what they say is believed."""
    out, at = bytearray(PNG), len(PNG)
    while at + 12 <= len(raw):
        (length,) = struct.unpack_from(">I", raw, at)
        body = bytes(raw[at + 4 : at + 8 + length])
        out += struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return out


def read(data: bytes) -> str:
    """What became of one input: "picture" or "refused"; anything else that is raised is a bug."""
    try:
        picture = prepare(open_grey(data, name="it"), Preprocessing())
    except InputError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from error
        return "refused"
    if picture.ndim != 2 or picture.dtype != np.uint8 or not picture.size:
        raise AssertionError(f"no picture: {picture.shape} {picture.dtype}")
    return "picture"


def case(number: int, seed: int, sound: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """The format and the bytes of input `number`."""
    draw = random.Random(f"{seed}/{number}")
    kind, data = sound[number % len(sound)]
    return kind, mutate(data, draw)


def run(count: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """Try inputs 0 to `count`; how many of each format ended how.

    Raises:
        AssertionError: one took longer than SECONDS, or gave neither a picture nor an error.
    """
    sound, found = seeds(), Counter[tuple[str, str]]()
    slowest, begun = (0.0, 0), time.monotonic()
    for number in range(count):
        kind, data = case(number, seed, sound)
        if number % 1000 == 0:
            print(f"{number} {time.monotonic() - begun:.0f} s {slowest}", file=sys.stderr)
        start = time.monotonic()
        try:
            found[kind, read(data)] += 1
        except BaseException:
            print(f"input {number} of seed {seed} ({kind})", file=sys.stderr)
            raise
        slowest = max(slowest, (time.monotonic() - start, number))
        if slowest[0] > SECONDS:
            raise AssertionError(f"input {number} of seed {seed} took {slowest[0]:.1f} s")
    print(f"slowest: {slowest[0]:.2f} s, input {slowest[1]}", file=sys.stderr)
    return found


def guided() -> None:
    """Let atheris choose the inputs, by what code they reach."""
    import atheris

    sys.argv.remove("--atheris")
    atheris.instrument_all()

    def one(data: bytes) -> None:
        read(data)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


def main() -> None:
    """Run as the command line says."""
    faulthandler.enable()
    if "--atheris" in sys.argv:
        guided()
        return
    count, seed, *_ = *map(int, sys.argv[1:]), 0
    for (kind, outcome), number in sorted(run(count, seed).items()):
        print(f"{kind:5} {outcome:8} {number:7,}")


if __name__ == "__main__":
    main()
