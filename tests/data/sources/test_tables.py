import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.data.sources.entries import BadLine, SourceFormula
from im2latex_cli.data.sources.tables import READERS, FormulaTable
from im2latex_cli.errors import InputError


def rows(kind: str, content: bytes, column: str = "formula") -> list[SourceFormula | BadLine]:
    return list(READERS[kind](FormulaTable(content, f"formulas{kind}", column)))


def reasons(found: list[SourceFormula | BadLine]) -> list[tuple[int, str]]:
    return [(row.line, row.reason if isinstance(row, BadLine) else row.formula) for row in found]


def test_only_newlines_end_a_line() -> None:
    content = "a\u2028b\x0c\x85c\vd\re\nf\n".encode()
    assert reasons(rows(".txt", content)) == [(1, "a\u2028b\x0c\x85c\vd\re"), (2, "f")]


def test_bad_lines_keep_their_numbers_and_shift_nothing() -> None:
    found = rows(".txt", b"\xef\xbb\xbfx\n\n  \n\xff\xfey\nz\x00\r\nlast")
    assert reasons(found) == [
        (1, "x"),
        (2, "empty"),
        (3, "empty"),
        (4, "encoding"),
        (5, "z\x00"),
        (6, "last"),
    ]
    assert isinstance(found[3], BadLine)
    assert "0xff" in found[3].message
    found[3].text.encode("utf-8")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))))
def test_every_line_of_a_txt_is_accounted_for(lines: list[str]) -> None:
    content = "".join(line + "\n" for line in lines).encode()
    found = rows(".txt", content)
    assert [row.line for row in found] == list(range(1, len(lines) + 1))
    for row, line in zip(found[1:], lines[1:], strict=True):
        if isinstance(row, SourceFormula):
            assert row.formula == line.removesuffix("\r")


@given(st.binary())
def test_no_bytes_break_a_reader(content: bytes) -> None:
    for kind in READERS:
        try:
            found = rows(kind, content)
        except InputError as error:
            message = str(error)
        else:
            message = "column"
            for row in found:
                (row.text if isinstance(row, BadLine) else row.formula).encode("utf-8")
        message.encode("utf-8")
        assert any(word in message for word in ("column", "UTF-8", "broken CSV"))


def test_tsv_takes_the_named_column_and_the_split() -> None:
    content = b'kind\tsplit\ttex\ninline\tval\ta "b" c\ndisplay\t\t\\frac{1}{2}\nshort\n'
    found = rows(".tsv", content, "tex")
    assert found[:2] == [SourceFormula(2, 'a "b" c', "val"), SourceFormula(3, r"\frac{1}{2}", None)]
    assert reasons(found[2:]) == [(4, "no-formula")]


def test_csv_unquotes_and_numbers_by_the_first_line() -> None:
    content = b'formula,split\n"a, ""b""",train\n"x\n+ y",test\nz,val\nlast\n'
    assert rows(".csv", content) == [
        SourceFormula(2, 'a, "b"', "train"),
        SourceFormula(3, "x\n+ y", "test"),
        SourceFormula(5, "z", "val"),
        SourceFormula(6, "last", None),
    ]


def test_a_formula_with_the_separator_is_not_cut() -> None:
    found = rows(".csv", b'id,formula\n1,f(x,y)\n2,"g(x,y)"\n3,a,\n')
    assert reasons(found) == [(2, "no-formula"), (3, "g(x,y)"), (4, "a")]
    assert isinstance(found[0], BadLine)
    assert found[0].message.startswith("3 columns, and the header has 2")
    assert reasons(rows(".tsv", b"formula\tsplit\nx\t+y\ttest\n")) == [(2, "no-formula")]


def test_csv_reports_a_bad_encoding_with_its_line() -> None:
    assert reasons(rows(".csv", b"formula\na\n\xe9\nb\n")) == [(2, "a"), (3, "encoding"), (4, "b")]


def test_jsonl_takes_the_named_key() -> None:
    content = b'{"tex": "x", "split": "test"}\n{"tex": 3}\nbroken\n\n{"tex": "y"}\n[1]\n'
    found = rows(".jsonl", content, "tex")
    assert found[0] == SourceFormula(1, "x", "test")
    assert reasons(found[1:]) == [
        (2, "no-formula"),
        (3, "no-formula"),
        (4, "empty"),
        (5, "y"),
        (6, "no-formula"),
    ]


@pytest.mark.parametrize("kind", [".tsv", ".csv"])
def test_missing_column_names_those_that_are_there(kind: str) -> None:
    comma = b"," if kind == ".csv" else b"\t"
    with pytest.raises(InputError, match=r"no column 'formula'.*kind, tex.*`build.column` tex"):
        rows(kind, b"kind" + comma + b"tex\na" + comma + b"b\n")


TABLES = {
    ".tsv": b"author\tformula\tsplit\nann\tx\ttest\nbob\ty\ttest\n\tz\ttrain\nann\n",
    ".csv": b"author,formula,split\nann,x,test\nbob,y,test\n,z,train\nann\n",
    ".jsonl": b'{"author": "ann", "formula": "x"}\n{"author": "bob", "formula": "y"}\n'
    b'{"formula": "z"}\n{"author": "ann"}\n',
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_column_that_groups_formulas(kind: str) -> None:
    found = list(READERS[kind](FormulaTable(TABLES[kind], "f", "formula", "author")))
    groups = [row.group if isinstance(row, SourceFormula) else row.reason for row in found]
    assert groups == ["ann", "bob", "no-group", "no-formula"]
    plain = list(READERS[kind](FormulaTable(TABLES[kind], "f", "formula")))
    assert [row.group for row in plain if isinstance(row, SourceFormula)] == [None] * 3


@pytest.mark.parametrize("kind", [".tsv", ".csv"])
def test_a_grouping_column_that_is_not_there(kind: str) -> None:
    with pytest.raises(InputError, match=r"no column 'writer' to split by.*author, formula"):
        list(READERS[kind](FormulaTable(TABLES[kind], "f", "formula", "writer")))


def test_numbers_group_too() -> None:
    content = b'{"formula": "x", "page": 3}\n{"formula": "y", "page": [3]}\n'
    good, bad = READERS[".jsonl"](FormulaTable(content, "f", "formula", "page"))
    assert isinstance(good, SourceFormula)
    assert good.group == "3"
    assert isinstance(bad, BadLine)
    assert bad.message == "nothing in page to split by"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (".tsv", b"source\tformula\nbook \tx\n\ty\n"),
        (".csv", b"formula,source\nx,book\ny\n"),
        (".jsonl", b'{"formula": "x", "source": "book"}\n{"formula": "y"}\n'),
    ],
)
def test_the_source_column_says_where_formulas_come_from(kind: str, content: bytes) -> None:
    origins = [
        (row.formula, row.origin) for row in rows(kind, content) if isinstance(row, SourceFormula)
    ]
    assert origins == [("x", "book"), ("y", None)]


@pytest.mark.parametrize(
    ("kind", "content"), [(".tsv", b"source\nx\n"), (".jsonl", b'{"source": "x"}\n')]
)
def test_a_source_column_of_formulas_is_no_origin(kind: str, content: bytes) -> None:
    assert rows(kind, content, column="source") == [SourceFormula(2 if kind == ".tsv" else 1, "x")]
