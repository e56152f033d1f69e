import json
import os
from pathlib import Path

import pytest

from im2latex_cli.train.input.pack import ABANDONED, tidy, touch

SIZE = 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three packs, a used first and c last."""
    for age, name in enumerate("cba"):
        put(tmp_path, name, source=f"/data/{name}", content=name, used=1_000_000 - age)
    return tmp_path


def put(folder: Path, name: str, *, source: str, content: str, used: int) -> Path:
    pack = folder / name
    pack.mkdir()
    text = json.dumps({"source": source, "content": content})
    (pack / "index.json").write_text(text)
    (pack / "pixels.bin").write_bytes(b"-" * (SIZE - len(text)))
    os.utime(pack / "index.json", (used, used))
    return pack


def left(folder: Path) -> str:
    return "".join(sorted(path.name for path in folder.iterdir()))


@pytest.mark.parametrize(("cap", "stay"), [(4000, "abcd"), (3999, "bcd"), (2000, "cd"), (1, "d")])
def test_the_least_recently_used_go_first(folder: Path, cap: int, stay: str) -> None:
    tidy(folder, put(folder, "d", source="/data/d", content="d", used=1), cap=cap)
    assert left(folder) == stay


def test_using_a_pack_keeps_it(folder: Path) -> None:
    touch(folder / "a")
    tidy(folder, put(folder, "d", source="/data/d", content="d", used=1), cap=2000)
    assert left(folder) == "ad"


def test_packs_of_an_older_state_of_the_data_go(folder: Path) -> None:
    tidy(folder, put(folder, "d", source="/data/b", content="new", used=1))
    assert left(folder) == "acd"


def test_packs_of_the_same_state_stay(folder: Path) -> None:
    tidy(folder, put(folder, "d", source="/data/b", content="b", used=1))
    assert left(folder) == "abcd"


def test_packs_that_do_not_name_their_data_stay(folder: Path) -> None:
    for name in "ab":
        (folder / name / "index.json").write_text("{}")
    tidy(folder, folder / "a")
    assert left(folder) == "abc"


def test_only_old_rubbish_goes(folder: Path) -> None:
    for name in (".new.1.tmp", ".old.1.tmp"):
        (folder / name).mkdir()
    os.utime(folder / ".old.1.tmp", (ABANDONED, ABANDONED))
    tidy(folder, folder / "a")
    assert left(folder) == ".new.1.tmpabc"
