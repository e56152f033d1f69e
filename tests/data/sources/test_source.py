import gzip
from pathlib import Path

import pytest

from im2latex_cli.data.sources.entries import Source, SourceFormula
from im2latex_cli.data.sources.source import dataset_name, open_source
from im2latex_cli.errors import InputError


def opened(dataset: str | Path, column: str = "formula") -> Source:
    return open_source(str(dataset), column=column, size=5, seed=0)


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("small", "small"),
        ("some/where/train.tsv.gz", "train"),
        ("pictures.tar", "pictures"),
        ("a.b.jsonl", "a.b"),
        ("folder/", "folder"),
        (".txt", "data"),
    ],
)
def test_names(dataset: str, name: str) -> None:
    assert dataset_name(dataset) == name


def test_name_of_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert dataset_name(".") == tmp_path.name


def test_gzip_changes_nothing(tmp_path: Path) -> None:
    content = b"x\n\\frac{1}{2}\n"
    (tmp_path / "f.txt").write_bytes(content)
    (tmp_path / "g.TXT.GZ").write_bytes(gzip.compress(content))
    plain, packed = opened(tmp_path / "f.txt"), opened(tmp_path / "g.TXT.GZ")
    assert (
        list(plain.read())
        == list(packed.read())
        == [SourceFormula(1, "x"), SourceFormula(2, r"\frac{1}{2}")]
    )
    assert plain.digest == packed.digest


def test_a_source_can_be_read_twice(tmp_path: Path) -> None:
    (tmp_path / "f.tsv").write_text("formula\nx\n")
    source = opened(tmp_path / "f.tsv")
    assert list(source.read()) == list(source.read()) == [SourceFormula(2, "x")]


def test_unknown_suffix_lists_what_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "f.docx").touch()
    with pytest.raises(InputError, match=r"\.docx.*\.txt, \.tsv, \.csv, \.jsonl.*\.gz.*\.tar"):
        opened(tmp_path / "f.docx")


def test_missing_file_lists_what_is_accepted() -> None:
    with pytest.raises(InputError, match=r"no formulas at nowhere\.txt.*small, synthetic"):
        opened("nowhere.txt")


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"x\n" * 500)[:-9], b""])
def test_damaged_gzip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.txt.gz").write_bytes(content)
    if not content:
        assert list(opened(tmp_path / "f.txt.gz").read()) == []
        return
    with pytest.raises(InputError, match=r"damaged \.gz"):
        opened(tmp_path / "f.txt.gz")


def test_imagefolder_brings_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    rows = '{"file_name": "a.png", "formula": "x"}\n{"file_name": "b.png", "formula": " "}\n'
    (tmp_path / "train" / "metadata.jsonl").write_text(rows)
    (tmp_path / "train" / "a.png").write_bytes(b"picture")
    source = opened(tmp_path)
    good, bad = source.read()
    assert good == SourceFormula(1, "x", "train", "train/a.png")
    assert bad.line == 2
    assert source.picture is not None
    assert source.picture("train/a.png") == b"picture"


def test_real_formulas(real_data: Path) -> None:
    source = opened(real_data / "formulas" / "valid.tsv.gz")
    rows = list(source.read())
    assert len(rows) == 10_709
    assert all(isinstance(row, SourceFormula) for row in rows)
    assert rows[0].line == 2


def test_texts_are_told_from_imagefolders_and_listings(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("$x$")
    assert list(opened(tmp_path).read()) == [SourceFormula(1, "x")]
    built = tmp_path / "data" / "set" / "train"
    built.mkdir(parents=True)
    (built / "a.png").write_bytes(b"")
    (tmp_path / "a.png").write_bytes(b"")
    (built / "metadata.jsonl").write_text('{"file_name": "a.png", "formula": "no"}\n')
    assert list(opened(tmp_path).read()) == [SourceFormula(1, "x")]
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "formula": "y"}\n')
    assert [row.formula for row in opened(tmp_path).read()] == ["no", "y"]  # type: ignore[union-attr]
    (tmp_path / "im2latex_formulas.lst").write_text("z\n")
    for split in ("train", "validate", "test"):
        (tmp_path / f"im2latex_{split}.lst").write_text("0\n")
    assert next(opened(tmp_path).read()) == SourceFormula(1, "z", "train")


def test_one_text_may_be_gzipped(tmp_path: Path) -> None:
    (tmp_path / "paper.tex.gz").write_bytes(gzip.compress(b"$x$"))
    source = opened(tmp_path / "paper.tex.gz")
    assert list(source.read()) == [SourceFormula(1, "x")]
    assert dataset_name(str(tmp_path / "paper.tex.gz")) == "paper"


@pytest.mark.parametrize("dataset", ["small", "synthetic", "f.txt", "f.tex", "pictures"])
def test_what_has_no_columns_cannot_be_split_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.txt").write_text("x\n")
    (tmp_path / "f.tex").write_text("$x$")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "metadata.jsonl").touch()
    with pytest.raises(InputError, match=r"no columns"):
        open_source(dataset, column="formula", size=5, seed=0, split_by="author")


def test_real_formulas_by_author(real_data: Path) -> None:
    path = real_data / "formulas" / "valid.tsv.gz"
    source = open_source(str(path), column="formula", size=1, seed=0, split_by="source")
    groups = {row.group for row in source.read() if isinstance(row, SourceFormula)}
    assert 1 < len(groups) < 30
    assert source.options == {"build.column": "formula", "build.split_by": "source"}
