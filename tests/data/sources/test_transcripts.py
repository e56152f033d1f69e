"""References and hypotheses of other systems: text, tables and JSON lines, by order or by name."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from im2latex_cli.data.sources import transcripts
from im2latex_cli.data.sources.transcripts import Paired, Transcript
from im2latex_cli.errors import InputError


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_text_is_a_formula_a_line_with_empty_lines_kept(tmp_path):
    path = write(tmp_path, "a.txt", "x ^ 2\r\n\ny\n")
    assert [row.text for row in transcripts.read(path)] == ["x ^ 2", "", "y"]


def test_a_table_with_a_header(tmp_path):
    path = write(tmp_path, "a.tsv", 'source\tformula\tid\nwiki\tx"y\tone\nweb\t\ttwo\n')
    read = [Transcript("one", 'x"y', "wiki"), Transcript("two", "", "web")]
    assert transcripts.read(path) == read


def test_a_table_without_a_header_has_the_name_first_and_the_formula_last(tmp_path):
    path = write(tmp_path, "a.tsv", "1.png\tx\n2.png\ty\n")
    assert transcripts.read(path) == [Transcript("1.png", "x"), Transcript("2.png", "y")]


def test_json_lines_of_predict_and_of_predictions(tmp_path):
    path = write(
        tmp_path,
        "a.jsonl",
        '{"path": "1.png", "latex": "x", "alternatives": []}\n'
        '{"path": "2.png", "error": {"code": "input", "message": "gone"}}\n'
        '{"id": "3", "image": "3.png", "reference": "r", "hypotheses": [{"latex": "h"}]}\n'
        '{"id": "4", "image": "4.png", "reference": "r", "hypotheses": []}\n',
    )
    assert [row.text for row in transcripts.read(path)] == ["x", None, "h", None]
    assert [row.key for row in transcripts.read(path)] == ["1.png", "2.png", "3", "4"]


def test_pairs_by_name_in_the_order_of_the_references(tmp_path):
    gold = write(tmp_path, "gold.tsv", "id\treference\nb\tB\na\tA\nc\tC\n")
    made = write(tmp_path, "made.jsonl", '{"id": "a", "latex": "1"}\n{"id": "b", "latex": "2"}\n')
    assert transcripts.pair(gold, made) == [
        Paired("b", "B", "2", "b"),
        Paired("a", "A", "1", "a"),
        Paired("c", "C", None),
    ]


def test_pairs_by_order_where_a_side_has_no_names(tmp_path):
    gold = write(tmp_path, "gold.txt", "A\nB\n")
    made = write(tmp_path, "made.jsonl", '{"id": "x", "latex": "1"}\n{"id": "y", "latex": "2"}\n')
    assert [row.hypothesis for row in transcripts.pair(gold, made)] == ["1", "2"]


def test_pairs_by_the_last_part_of_the_name_where_whole_names_differ(tmp_path):
    gold = write(tmp_path, "metadata.jsonl", '{"file_name": "1.png", "formula": "A"}\n')
    made = write(tmp_path, "made.jsonl", '{"path": "data/test/1.png", "latex": "B"}\n')
    assert transcripts.pair(gold, made) == [Paired("1.png", "A", "B", "data/test/1.png")]


def test_an_imagefolder_and_a_tar_of_one_are_references(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder, "metadata.jsonl", '{"file_name": "1.png", "formula": "A"}\n')
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.add(folder, arcname=".")
    for path in (folder, tmp_path / "set.tar"):
        assert transcripts.read(path) == [Transcript("1.png", "A")]


def test_a_file_of_predictions_may_serve_as_references(tmp_path):
    both = write(tmp_path, "p.jsonl", '{"id": "a", "reference": "R", "hypotheses": ["H"]}\n')
    assert transcripts.pair(both, both) == [Paired("a", "R", "H", "a")]


def test_tokens_as_given(tmp_path):
    lines = write(tmp_path, "a.txt", "x^2 y\n")
    table = write(tmp_path, "a.tsv", "id\tformula\n1\tx^2 y\n")
    rows = write(
        tmp_path,
        "a.jsonl",
        '{"latex": "x^2y"}\n{"latex": "xy", "tokens": "xy"}\n{"tokens": ["x", "yz"]}\n'
        '{"hypotheses": [{"latex": "xy", "tokens": "x y"}]}\n{"error": "gone"}\n',
    )
    assert [row.tokens for path in (lines, table) for row in transcripts.read(path)] == [
        ("x^2", "y"),
        ("x^2", "y"),
    ]
    assert [row.tokens for row in transcripts.read(rows)] == [
        ("x", "^", "2", "y"),
        ("xy",),
        ("x", "yz"),
        ("x", "y"),
        None,
    ]


@pytest.mark.parametrize("name", ["made.txt", "made.jsonl", "made.tsv"])
def test_an_empty_file_of_hypotheses_is_a_reader_that_read_nothing(tmp_path, name):
    gold = write(tmp_path, "gold.tsv", "id\tformula\n1\ta\n2\tb\n")
    made = write(tmp_path, name, "")
    assert [row.hypothesis for row in transcripts.pair(gold, made)] == [None, None]


@pytest.mark.parametrize(
    ("gold", "made", "said"),
    [
        (("g.txt", "a\nb\n"), ("m.txt", "a\n"), "2 lines"),
        (("g.tsv", "id\tformula\n1\ta\n1\tb\n"), ("m.tsv", "id\tformula\n1\ta\n"), "twice"),
        (("g.tsv", "id\tformula\n1\ta\n"), ("m.tsv", "id\tformula\n2\ta\n"), "in common"),
        (("g.txt", ""), ("m.txt", "a\n"), "empty"),
        (("g.jsonl", '{"id": 1}\n'), ("m.txt", "a\n"), "line 1: no formula"),
        (("g.tsv", "id\tformula\n1\n"), ("m.txt", "a\n"), "line 2"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, gold, made, said):
    with pytest.raises(InputError, match=said):
        transcripts.pair(write(tmp_path, *gold), write(tmp_path, *made))


def test_missing_files_and_other_encodings_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        transcripts.read(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xe9\n")
    with pytest.raises(InputError, match="UTF-8"):
        transcripts.read(tmp_path / "latin.txt")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "x + y\nz\n"),
        ("a.tsv", "id\tformula\n1\tx + y\n2\tz\n"),
        ("a.csv", 'id,formula\n1,"x + y"\n2,z\n'),
        ("b.csv", "id;formula\n1;x + y\n2;z\n"),
        ("a.jsonl", '{"id": 1, "formula": "x + y"}\n{"id": 2, "formula": "z"}\n'),
        ("a.json", '["x + y",\n"z"]\n'),
        ("b.json", '[{"id": 1, "latex": "x + y"},\n{"id": 2, "latex": "z"}]\n'),
        ("c.json", '{"1": "x + y",\n"2": "z"}\n'),
        ("d.json", '{"predictions":\n["x + y", "z"]}\n'),
        ("e.json", '{"id": [1, 2],\n"formula": ["x + y", "z"]}\n'),
        ("c.csv", 'idx,gt\n1,"x + y"\n2,z\n'),
        ("d.csv", 'filename,pred\n1.png,"x + y"\n2.png,z\n'),
        ("formulas", "x + y\nz\n"),
    ],
)
def test_every_way_of_writing_two_formulas_gives_these(tmp_path, name, text, mark, ending):
    path = write(tmp_path, name, mark + text.replace("\n", ending))
    found = transcripts.read(path)
    assert [row.text for row in found] == ["x + y", "z"]
    assert [row.tokens for row in found] == [("x", "+", "y"), ("z",)]
    gold = write(tmp_path, "gold.txt", "x + y\nz\n")
    assert [one.reference == one.hypothesis for one in transcripts.pair(gold, path)] == [True] * 2


@pytest.mark.parametrize("name", ["a.xlsx", "a.tex", "a.parquet", "a.yaml"])
def test_an_ending_that_is_not_known_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="of a kind that is not known"):
        transcripts.read(write(tmp_path, name, "x\ny\n"))


@pytest.mark.parametrize("text", ["{", "[1]", '[{"formula": 3}]', '"x" "y"'])
def test_broken_json_is_refused(tmp_path, text):
    with pytest.raises(InputError):
        transcripts.read(write(tmp_path, "a.json", text))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", '"x"\n"y"\n', "in quotes"),
        ("a.txt", "1. x\n2. y\n", "numbered"),
        ("a.txt", "1.png: x\n2.png: y\n", "begins with a name"),
        ("a.txt", '{"formula": "x"}\n{"formula": "y"}\n', "JSON object"),
        ("a.txt", "x\n\0y\n", "zero bytes"),
        ("a.csv", "picture no,their answer\n1,x\n2,y\n", "first line names the columns"),
    ],
)
def test_what_would_count_as_part_of_a_formula_is_refused(tmp_path, name, text, said):
    with pytest.raises(InputError, match=said):
        transcripts.read(write(tmp_path, name, text))


def test_lines_in_another_order_are_noticed(tmp_path):
    lines = [f"x _ {number}" for number in range(8)]
    gold = write(tmp_path, "gold.txt", "\n".join(lines))
    made = write(tmp_path, "made.txt", "\n".join([*lines[1:], lines[0]]))
    with pytest.raises(InputError, match="line 1 is that of line 2"):
        transcripts.pair(gold, made)
    bare = [write(tmp_path, p.name, p.read_text().replace(" ", "")) for p in (gold, made)]
    with pytest.raises(InputError, match="line 1 is that of line 2"):
        transcripts.pair(*bare)
    two = write(tmp_path, "two.txt", "\n".join([lines[1], lines[0], *lines[2:]]))
    assert len(transcripts.pair(gold, two)) == 8


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,formula\n1,f(x,y)\n"),
        ("a.csv", "1,x\n2,f(x,y)\n"),
        ("a.tsv", "id\tformula\n1\tx\t+y\n"),
        ("a.tsv", "formula\tid\nx\t+y\t1\n"),
    ],
)
def test_a_formula_with_the_separator_is_not_cut(tmp_path, name, text):
    with pytest.raises(InputError, match=r"line 2: 3 columns, the first line has 2"):
        transcripts.read(write(tmp_path, name, text))


def test_empty_columns_at_the_end_do_no_harm(tmp_path):
    path = write(tmp_path, "a.csv", 'id,formula\n1,"f(x,y)",,\n2,a\n')
    assert [row.text for row in transcripts.read(path)] == ["f(x,y)", "a"]


def test_lines_with_the_names_of_pictures_are_no_formulas(tmp_path):
    for text in ("a/1.png x^2\n2.JPG\ty\n\n3.pdf\n", "1\tx^2\n2\ty\n"):
        with pytest.raises(InputError, match="begins with a name or a number"):
            transcripts.read(write(tmp_path, "a.txt", text))
    path = write(tmp_path, "b.txt", "1.png x^2\ny\n")
    assert len(transcripts.read(path)) == 2


def test_hypotheses_without_a_reference_are_named(tmp_path):
    gold = write(tmp_path, "gold.tsv", "id\tformula\na\tA\n")
    made = write(tmp_path, "made.tsv", "id\tformula\nd\tD\na\tA\nc\tC\n")
    warnings: list[str] = []
    assert len(transcripts.pair(gold, made, warn=warnings.append)) == 1
    assert warnings == [f"2 of 3 pictures of {made} are not in {gold} and are left out: c."]


def test_without_a_reference_nothing_is_right(tmp_path):
    gold = write(tmp_path, "gold.txt", "x\n\ny\n")
    made = write(tmp_path, "made.txt", "x\n\nz\n")
    warnings: list[str] = []
    pairs = transcripts.pair(gold, made, warn=warnings.append)
    assert [(pair.id, pair.reference) for pair in pairs] == [("1", "x"), ("3", "y")]
    assert warnings == [f"1 of 3 references in {gold} are empty and are left out."]
    with pytest.raises(InputError, match="has no formula"):
        transcripts.pair(write(tmp_path, "none.txt", "\n\n\n"), made)


def test_pictures_of_another_split_are_not_scored(tmp_path):
    gold = write(tmp_path, "gold.tsv", "id\tformula\ntest/1.png\tA\n")
    made = write(tmp_path, "made.tsv", "id\tformula\ndata/val/1.png\tA\n")
    with pytest.raises(InputError, match=r"test/1\.png .* data/val/1\.png: .* different splits"):
        transcripts.pair(gold, made)
    for name in ("data/test/1.png", "1.png", "crops/1.png"):
        made = write(tmp_path, "made.tsv", f"id\tformula\n{name}\tA\n")
        assert len(transcripts.pair(gold, made)) == 1
