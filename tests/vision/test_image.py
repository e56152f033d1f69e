import contextlib
import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from im2latex_cli.errors import InputError
from im2latex_cli.vision import image as room
from im2latex_cli.vision.image import open_grey

RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (20, 1))


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png(array, **options):
    return saved(Image.fromarray(array), "PNG", **options)


def opened(data):
    return open_grey(data, name="it")


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        (form, mode)
        for form in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
        for mode in ("1", "L", "P", "RGB")
        if (form, mode) != ("JPEG", "P")  # JPEG has no palette
    ],
)
def test_formats_and_modes(form, mode):
    image = Image.fromarray(RAMP).convert(mode)
    options = {"quality": 95} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    if (form, mode) == ("WEBP", "1"):
        image = image.convert("L")
    grey = opened(saved(image, form, **options))
    assert grey.dtype == np.uint8
    assert grey.shape == RAMP.shape
    wanted = np.asarray(image.convert("L")).astype(int)
    assert np.abs(grey - wanted).mean() < (60 if form == "JPEG" and mode == "1" else 4)


def test_cmyk_jpeg_and_tiff():
    image = Image.fromarray(RAMP).convert("RGB").convert("CMYK")
    for form in ("JPEG", "TIFF"):
        assert np.abs(opened(saved(image, form)).astype(int) - RAMP).mean() < 4


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits(order):
    wide = RAMP.astype(f"{order}u2") * 257
    assert np.abs(opened(saved(Image.fromarray(wide), "TIFF")).astype(int) - RAMP).max() <= 1


def test_sixteen_bit_png():
    assert (opened(png(RAMP.astype(np.uint16) * 257)) == RAMP).all()


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floating_point_tiff(top):
    levels = (RAMP / 252.0 * top).astype(np.float32)
    levels[0, 0] = np.nan
    grey = opened(saved(Image.fromarray(levels), "TIFF"))
    assert np.abs(grey[1:].astype(int) - np.rint(RAMP[1:] / 252.0 * 255)).max() <= 1


def layered(ink, alpha):
    """Ink of one grey on nothing, where alpha says so."""
    return Image.merge("LA", [Image.new("L", alpha.size, ink), alpha])


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_black_ink_on_nothing_lies_on_white(mode):
    alpha = Image.fromarray(RAMP)
    image = layered(0, alpha).convert("RGBA").convert("P" if mode == "PA" else mode)
    grey = opened(saved(image, "PNG"))
    assert grey.max() >= (240 if mode == "PA" else 255)
    assert grey.min() < 20
    assert grey[0, 0] > grey[0, -1]


def test_white_ink_on_nothing_lies_on_black():
    alpha = Image.fromarray(np.where(RAMP > 200, 255, 0).astype(np.uint8))
    grey = opened(saved(layered(255, alpha), "PNG"))
    assert grey[0, 0] == 0
    assert grey[0, -1] == 255


def test_white_card_on_nothing_stays_white():
    card = np.full((40, 60, 4), 0, np.uint8)
    card[5:-5, 5:-5] = 255
    card[15:20, 15:30, :3] = 0
    grey = opened(png(card))
    assert grey[0, 0] == 255
    assert grey[17, 20] == 0


def test_transparent_colour_of_a_palette():
    image = Image.fromarray(RAMP).convert("P")
    image.putpixel((0, 0), 7)
    grey = opened(saved(image, "PNG", transparency=7))
    assert grey[0, 0] == 255


def test_orientation_in_exif():
    image = Image.fromarray(RAMP)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    grey = opened(saved(image, "PNG", exif=exif))
    assert grey.shape == RAMP.shape[::-1]
    assert grey[0, 0] < grey[-1, 0]


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert opened(data)[0, 0] < opened(data)[0, -1]


def test_sources(tmp_path):
    data = png(RAMP)
    path = tmp_path / "x.png"
    path.write_bytes(data)
    assert (open_grey(path, name="x") == RAMP).all()
    assert (open_grey(io.BytesIO(data), name="x") == RAMP).all()
    assert (open_grey(data, name="x") == RAMP).all()


def bomb(width, height):
    """A small file that says it is huge."""

    def chunk(kind, body):
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)


BAD = {
    "empty": (b"", "empty"),
    "text": (b"hello, this is a text\n" * 9, "seems to be text"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "noise": (bytes(range(256)), "not a picture"),
    "cut short": (png(RAMP)[:-60], "damaged or cut short"),
    "header only": (png(RAMP)[:20], "not a picture|damaged"),
    "bomb": (bomb(60_000, 60_000), "megapixels"),
    "large": (bomb(12_000, 12_000), "megapixels"),
    "one pixel": (png(np.zeros((1, 1), np.uint8)), "1x1"),
    "one row": (png(np.zeros((1, 90), np.uint8)), "90x1"),
    "blank": (png(np.full((30, 30), 255, np.uint8)), "blank"),
    "black": (png(np.zeros((30, 30), np.uint8)), "blank"),
    "clear": (png(np.zeros((30, 30, 4), np.uint8)), "blank"),
    "postscript": (saved(Image.fromarray(RAMP), "EPS"), "not a picture"),
}


@pytest.mark.parametrize("which", BAD)
def test_bad_bytes(which):
    data, words = BAD[which]
    with pytest.raises(InputError, match=words) as caught:
        open_grey(data, name="some.png")
    line = str(caught.value)
    assert line.startswith("some.png: ")
    assert "\n" not in line
    assert caught.value.exit_code == 3


def test_bad_files(tmp_path):
    folder = tmp_path / "x.png"
    folder.mkdir()
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    for path, words in (
        (folder, "folder"),
        (tmp_path / "none.png", "no such file"),
        (loop, "cannot be read"),
        (tmp_path / "a\0b.png", "cannot be read"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            open_grey(path, name="it")
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root reads all")
def test_no_permission(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(png(RAMP))
    path.chmod(0)
    with pytest.raises(InputError, match="permission"):
        open_grey(path, name="it")


def test_permission_is_reported(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(room.Path, "open", refuse)
    with pytest.raises(InputError, match="no permission"):
        open_grey(tmp_path / "x.png", name="it")


def test_too_many_bytes(monkeypatch):
    monkeypatch.setattr(room, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="larger than"):
        open_grey(io.BytesIO(bytes(200)), name="it")


SEEDS = [
    png(RAMP),
    saved(Image.fromarray(RAMP), "JPEG"),
    saved(Image.fromarray(RAMP), "GIF"),
    saved(Image.fromarray(RAMP), "TIFF", compression="tiff_lzw"),
    saved(Image.fromarray(RAMP), "WEBP"),
    saved(Image.fromarray(RAMP), "BMP"),
    saved(Image.fromarray(RAMP).convert("P"), "PNG", transparency=3),
]


@settings(
    deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_bytes_give_a_picture_or_an_input_error(data, monkeypatch):
    monkeypatch.setattr(room, "MAX_PIXELS", 1_000_000)
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(raw))))
    with contextlib.suppress(InputError):
        grey = opened(bytes(raw[:cut]))
        assert grey.ndim == 2
        assert grey.dtype == np.uint8
