import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.data.sources.entries import BadLine, SourceFormula
from im2latex_cli.data.sources.im2latex100k import FILES, FORMULAS, TABLES, is_listing, open_listing
from im2latex_cli.errors import InputError


def write(folder: Path, formulas: bytes, **tables: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / FORMULAS).write_bytes(formulas)
    for split, file in TABLES.items():
        (folder / file).write_bytes(tables.get(split, b""))
    return folder


def test_formulas_have_the_splits_of_the_tables(tmp_path: Path) -> None:
    write(
        tmp_path, b"a\nb\r\n\xc2\x85c\rd\x0b\n \nf\n",
        train=b"2 aa basic\n0 bb basic\n", validate=b"1 cc basic\n3 dd basic", test=b"",
    )  # fmt: skip
    assert is_listing(tmp_path)
    assert list(open_listing(tmp_path).read()) == [
        SourceFormula(1, "a", "train"),
        SourceFormula(2, "b\r", "validate"),
        SourceFormula(3, "\x85c\rd\x0b", "train"),
        BadLine(4, " ", "empty", "no formula in this line"),
        BadLine(5, "f", "unlisted", "no split has this formula"),
    ]


def test_lines_of_tables_that_name_no_formula_are_rows_too(tmp_path: Path) -> None:
    tables = {"train": b"0 a basic\nx\n\n-1 b\n2\n", "test": "0\n\u0661 a\n99999999999999".encode()}
    first, *stray = open_listing(write(tmp_path, b"a\nb\n", **tables)).read()
    assert first == SourceFormula(1, "a", "train")
    assert [(row.file, row.line, row.reason) for row in stray if isinstance(row, BadLine)] == [
        (None, 2, "unlisted"),
        (TABLES["train"], 2, "no-formula"),
        (TABLES["train"], 4, "no-formula"),
        (TABLES["train"], 5, "no-formula"),
        (TABLES["test"], 1, "no-formula"),
        (TABLES["test"], 2, "no-formula"),
        (TABLES["test"], 3, "no-formula"),
    ]
    messages = [row.message for row in stray if isinstance(row, BadLine)]
    assert "from 0 to 1" in messages[1]
    assert f"formula 0 is in {TABLES['train']} already" in messages[4]


def test_bytes_that_are_not_utf_8_are_latin_1_line_by_line(tmp_path: Path) -> None:
    folder = write(tmp_path, "ä\n".encode() + b"\xe4%\xa0\n", train=b"0\n1\n")
    source = open_listing(folder)
    assert [row.formula for row in source.read()] == ["ä", "ä%\xa0"]  # type: ignore[union-attr]
    assert source.remarks == (f"Not UTF-8, so read as Latin-1: {FORMULAS}, lines 2.",)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path, b"a\n") / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}.*{FILES[-1]}"):
        open_listing(tmp_path)


def test_every_file_is_in_the_digest(tmp_path: Path) -> None:
    folder = write(tmp_path, b"a\nb\n", train=b"0\n")
    digests = {open_listing(folder).digest}
    for name in FILES:
        (folder / name).write_bytes(b"1 changed\n")
        digests.add(open_listing(folder).digest)
    assert len(digests) == 5


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line)))
def test_no_line_shifts(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    train = b"".join(b"%d x\n" % index for index in range(len(lines)))
    folder = write(tmp_path_factory.mktemp("listing"), content, train=train)
    rows = list(open_listing(folder).read())
    assert [row.line for row in rows] == list(range(1, len(lines) + 1))
    if lines:  # a byte order mark is no part of the first formula
        lines = [lines[0].removeprefix(codecs.BOM_UTF8), *lines[1:]]
    for line, row in zip(lines, rows, strict=True):
        text = row.formula if isinstance(row, SourceFormula) else row.text
        assert line in {text.encode(), text.encode("latin-1", "replace")}


@given(st.binary(), st.binary(), st.binary())
def test_no_table_is_too_strange(
    tmp_path_factory: pytest.TempPathFactory, formulas: bytes, train: bytes, test: bytes
) -> None:
    folder = write(tmp_path_factory.mktemp("listing"), formulas, train=train, test=test)
    files = [row.file for row in open_listing(folder).read() if isinstance(row, BadLine)]
    assert set(files) <= {None, *TABLES.values()}
