import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.render.tex import dvi
from im2latex_cli.render.tex.dvi import DviError, FontUse

PREAMBLE = bytes([247, 2]) + struct.pack(">III", 25400000, 473628672, 1000) + b"\x02hi"
BEGIN = bytes([139]) + struct.pack(">10i", *range(5, 15)) + struct.pack(">i", -1)
FONT = bytes([243, 7]) + struct.pack(">III", 0, 655360, 655360) + b"\x00\x05cmr10" + bytes([178])
END, POST = bytes([140]), bytes([248])


def widths(_use):
    return [1000 + code for code in range(256)]


def read(body):
    fonts = []
    return dvi.read(PREAMBLE + body, fonts, widths), fonts


def test_characters_rules_and_specials_stand_where_the_commands_put_them():
    body = (
        FONT
        + bytes([65])  # advances by 1065
        + bytes([157, 0xFF])  # up by 1
        + bytes([141, 143, 10, 133, 66, 142])  # push, right 10, put B, pop
        + bytes([239, 3])
        + b"hey"
        + bytes([132])
        + struct.pack(">ii", 30, 40)  # rule 30 high, 40 wide, advancing
        + bytes([148, 5, 147, 67])  # w := 5, again, C
    )
    (page,), fonts = read(BEGIN + body + END + POST)
    assert fonts == [FontUse("cmr10", 655360)]
    assert page.counts == tuple(range(5, 15))
    assert page.codes == [65, 66, 67]
    assert list(zip(page.h, page.v, strict=True)) == [(0, 0), (1075, -1), (1115, -1)]
    assert page.rules == [(1065, -1, 40, 30)]
    assert page.specials == [(2, "hey")]


def test_a_file_that_breaks_off_gives_its_whole_pages():
    page = BEGIN + FONT + bytes([65]) + END
    whole = page + BEGIN + bytes([178, 66]) + END
    for cut in range(len(page), len(whole)):
        pages, _ = read(whole[:cut])
        assert [p.codes for p in pages] == [[65]]


def test_rules_without_area_paint_nothing():
    (page,), _ = read(BEGIN + bytes([137]) + struct.pack(">ii", 0, 40) + END)
    assert page.rules == []


def test_no_dvi_file():
    assert dvi.read(b"", [], widths) == []
    with pytest.raises(DviError):
        dvi.read(b"not dvi at all", [], widths)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_pages_or_the_one_error(body):
    try:
        pages, _ = read(BEGIN + FONT + body)
    except DviError:
        return
    assert all(len(page.codes) == len(page.h) == len(page.v) for page in pages)
