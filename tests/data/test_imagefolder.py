import io
import json
import tarfile
from pathlib import Path

import pytest

from im2latex_cli.data.imagefolder import Pair, open_pairs
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
