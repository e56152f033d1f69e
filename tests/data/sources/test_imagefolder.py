import io
import json
import tarfile
from pathlib import Path

import pytest

from im2latex_cli.data.sources.imagefolder import Pair, open_pairs
from im2latex_cli.errors import InputError


def fill(folder: Path, rows: list[dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for row in rows:
        (folder / row["file_name"]).write_bytes(b"picture " + row["formula"].encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "set" / "train", [{"file_name": "a.png", "formula": "x"}])
    rows = [{"file_name": "a.png", "formula": "y"}, {"file_name": "b.png", "formula": "z"}]
    fill(tmp_path / "set" / "validation", rows)
    (tmp_path / "set" / ".hidden").mkdir()
    (tmp_path / "set" / ".hidden" / "metadata.jsonl").write_text("nothing")
    return tmp_path / "set"


def packed(folder: Path) -> Path:
    path = folder.with_suffix(".tar")
    with tarfile.open(path, "w") as archive:
        for name in ("train", "validation"):
            archive.add(folder / name, f"./{name}")
    return path


def test_folder_and_tar_hold_the_same_pairs(folder: Path) -> None:
    wanted = [
        Pair("train/a.png", "x", "train", 1),
        Pair("validation/a.png", "y", "val", 2),
        Pair("validation/b.png", "z", "val", 3),
    ]
    for path in (folder, packed(folder)):
        pairs = open_pairs(path)
        assert list(pairs) == wanted
        assert pairs.picture("validation/b.png") == b"picture z"
    assert open_pairs(folder).path("train/a.png") == folder / "train" / "a.png"
    assert open_pairs(packed(folder)).path("train/a.png") is None


def test_flat_folder_has_no_splits_but_those_of_its_rows(tmp_path: Path) -> None:
    rows = [{"file_name": "a.png", "formula": "x"}, {"file_name": "b.png", "formula": "y"}]
    fill(tmp_path / "flat", [rows[0], {**rows[1], "split": "dev"}])
    assert [pair.split for pair in open_pairs(tmp_path / "flat")] == [None, "val"]


def test_digest_follows_content_and_not_place(folder: Path, tmp_path: Path) -> None:
    before = open_pairs(folder).digest()
    moved = folder.rename(tmp_path / "elsewhere")
    assert open_pairs(moved).digest() == before
    (moved / "train" / "a.png").write_bytes(b"another picture")
    assert open_pairs(moved).digest() != before


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "train/../../secret.txt"])
def test_names_lead_nowhere_outside(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(InputError, match="missing from"):
        open_pairs(folder).picture(name)


def test_tar_with_hostile_names_and_links_extracts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in {"../out.png": b"x", "metadata.jsonl": b""}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    pairs = open_pairs(path)
    assert list(pairs) == []
    with pytest.raises(InputError, match="missing"):
        pairs.picture("link.png")
    assert [found.name for found in tmp_path.iterdir()] == ["bad.tar"]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing at"):
        open_pairs(tmp_path / "absent")
    with pytest.raises(InputError, match=r"no metadata\.jsonl"):
        open_pairs(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a tar at all", b"\x1f\x8b" + bytes(600)])
def test_file_that_is_no_tar(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tar"):
        open_pairs(path)


@pytest.mark.parametrize("line", ["[1]", "x", '{"file_name": "a.png"}', '{"formula": "x"}'])
def test_broken_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "metadata.jsonl").write_text("\n" + line + "\n")
    with pytest.raises(InputError, match=r"metadata\.jsonl, line 2"):
        list(open_pairs(tmp_path))


def test_real_pictures(real_data: Path) -> None:
    pairs = open_pairs(real_data / "images" / "im2latex_original_valid.tar")
    found = list(pairs)
    assert len(found) == 100
    assert all(pairs.picture(pair.id).startswith(b"\x89PNG") for pair in found)


def _imported(folder: Path) -> list[tuple[str, str]]:
    from im2latex_cli.data.sources.entries import BadLine
    from im2latex_cli.data.sources.source import open_source

    source = open_source(str(folder), column="formula", size=1, seed=0)
    return [
        (row.reason, row.text) if isinstance(row, BadLine) else (str(row.image), row.formula)
        for row in source.read()
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metadata.csv", 'file_name,formula\r\n1.png,"a+b"\r\n2.png,"x,y"\r\n'),
        ("metadata.csv", "\ufefffile_name;formula\n1.png;a+b\n2.png;x,y\n"),
        ("labels.txt", "1.png\ta+b\n2.png\tx,y\n"),
        ("labels.txt", "1.png a+b\n\n2.png x,y\n"),
        ("labels.tsv", "image\tlabel\n1.png\ta+b\n2.png\tx,y\n"),
        ("metadata.jsonl", '{"image": "1.png", "latex": "a+b"}\n{"id": "2.png", "text": "x,y"}\n'),
    ],
)
def test_every_table_of_labels_is_read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    for picture in ("1.png", "2.png"):
        (tmp_path / picture).write_bytes(b"")
    assert _imported(tmp_path) == [("1.png", "a+b"), ("2.png", "x,y")]


def test_backslashes_in_names_are_folders(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes(b"")
    row = '{"file_name": "sub\\\\a.png", "formula": "a+1"}\n'
    (tmp_path / "metadata.jsonl").write_text(row, encoding="utf-8")
    assert _imported(tmp_path) == [("sub/a.png", "a+1")]


def test_a_bad_row_is_a_failure_and_not_the_end(tmp_path):
    for picture in ("1.png", "2.png"):
        (tmp_path / picture).write_bytes(b"")
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "1.png", "formula": "a"}\nbroken\n'
        '{"file_name": "gone.png", "formula": "b"}\n'
        '{"formula": "c"}\n{"file_name": "2.png", "formula": "d"}\n'
        '{"file_name": "2.png", "formula": "e"}\n{"file_name": "1.png", "formula": " a "}\n',
        encoding="utf-8",
    )
    assert _imported(tmp_path) == [
        ("1.png", "a"),
        ("no-formula", ""),
        ("no-picture", "b"),
        ("no-formula", "c"),
        ("two-labels", "d"),
        ("two-labels", "e"),
        ("1.png", " a "),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "1.png,a+b\n2.png,x,y\n"),
        ("labels.txt", "1.png: a+b\n2.png: x,y\n"),
        ("metadata.csv", '1.png,a+b\n2.png,"x,y"\n'),
        ("metadata.csv", 'File_Name, Formula\n1.png,a+b\n2.png,"x,y"\n'),
    ],
)
def test_tables_without_usual_names_are_read(tmp_path, name, text):
    test_every_table_of_labels_is_read(tmp_path, name, text)


def test_bytes_of_another_encoding_are_no_label(tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "metadata.csv").write_bytes(b"file_name,formula\n1.png,\\text{f\xfcr}\n")
    ((reason, _),) = _imported(tmp_path)
    assert reason == "encoding"
    (tmp_path / "metadata.csv").write_bytes("file_name,formula\n1.png,x\n".encode("utf-16"))
    with pytest.raises(InputError, match="UTF-16"):
        _imported(tmp_path)


def test_a_quote_that_stays_open_swallows_no_labels(tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "metadata.csv").write_text('file_name,formula\n1.png,"x\n2.png,y\n')
    ((reason, _),) = _imported(tmp_path)
    assert reason == "no-formula"


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "metadata.csv").write_text("file_name,formula,formula\n1.png,x,y\n")
    with pytest.raises(InputError, match="2 columns named 'formula'"):
        _imported(tmp_path)


def test_what_is_left_out_is_said(tmp_path):
    for picture in ("1.png", "2.png", "3.JPG"):
        (tmp_path / picture).write_bytes(b"")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "1.png", "formula": "x"}\n')
    (tmp_path / "labels.txt").write_text("2.png y\n")
    assert open_pairs(tmp_path).remarks() == (
        "Left out, since the folder has another file of labels: labels.txt.",
        "Left out, since no row names the picture: 2.png and 1 more.",
    )
