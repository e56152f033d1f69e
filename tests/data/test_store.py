import json
from pathlib import Path

import pytest

from im2latex_cli.data import store
from im2latex_cli.data.store import Manifest
from im2latex_cli.errors import InputError

ROWS = [
    {"file_name": "000000.png", "formula": "x^2", "tokens": "x ^ { 2 }", "width": 32, "height": 16},
    {"file_name": "000001.png", "formula": "a\u2028b", "tokens": "a b", "width": 64, "height": 16},
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("test", "train"):
        folder = tmp_path / "set" / split
        folder.mkdir(parents=True)
        lines = (json.dumps(row, ensure_ascii=False) for row in ROWS)
        (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for row in ROWS:
            (folder / str(row["file_name"])).touch()
    return tmp_path / "set"


def test_reads_records_in_order(root: Path) -> None:
    first, second = store.read(root, "test")
    assert first == store.Record(
        id="test/000000",
        image=root / "test" / "000000.png",
        formula="x^2",
        tokens=("x", "^", "{", "2", "}"),
        width=32,
        height=16,
    )
    assert second.formula == "a\u2028b"


def test_splits_come_in_their_usual_order(root: Path) -> None:
    assert store.splits(root) == ["train", "test"]


def test_missing_folder_says_which_command_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no data set at .*absent.*im2latex build, output folder"):
        store.read(tmp_path / "absent", "train")


def test_folder_without_metadata_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a data set"):
        store.read(tmp_path, "train")


def test_missing_split_names_those_that_are_there(root: Path) -> None:
    with pytest.raises(InputError, match=r"no split 'val'.*train, test"):
        store.read(root, "val")


def test_empty_split(root: Path) -> None:
    (root / "test" / "metadata.jsonl").write_text("\n")
    with pytest.raises(InputError, match=r"test of .* is empty"):
        store.read(root, "test")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[1]", "object"),
        ('{"file_name": "000000.png"}', "'formula'"),
        (json.dumps({**ROWS[0], "tokens": 3}), "broken line"),
        (json.dumps({**ROWS[0], "width": "wide"}), "broken line"),
        (json.dumps({**ROWS[0], "file_name": "../../etc/passwd"}), "file_name"),
        (json.dumps({**ROWS[0], "file_name": ".."}), "file_name"),
    ],
)
def test_broken_line_is_named(root: Path, line: str, problem: str) -> None:
    path = root / "test" / "metadata.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + line + "\n")
    with pytest.raises(InputError) as caught:
        store.read(root, "test")
    assert "metadata.jsonl, line 2" in str(caught.value)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_pictures_are_named(root: Path) -> None:
    (root / "test" / "000001.png").unlink()
    with pytest.raises(InputError, match=r"lacks 1 of its 2 pictures: 000001\.png"):
        store.read(root, "test")


def test_manifest_survives_its_file(tmp_path: Path) -> None:
    made = Manifest(
        dataset="small",
        source={"name": "small", "sha256": "00"},
        renderer="tex",
        renderer_version="3.14",
        settings={"render.dpi": 200, "build.limit": None},
        counts={"train": 2},
        failures={"tex-error": 1},
    )
    made.save(tmp_path)
    assert store.load_manifest(tmp_path) == made


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert store.load_manifest(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": "x"}'])
def test_broken_manifest_names_force(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="`force`"):
        store.load_manifest(tmp_path)


def test_manifest_of_a_newer_format_says_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="newer im2latex-cli"):
        store.load_manifest(tmp_path)
