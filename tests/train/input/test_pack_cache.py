import json
import os
from pathlib import Path

import pytest

from im2latex_cli.train.input.pack_cache import ABANDONED, tidy, touch

SIZE = 1000


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Three packs, a used first and c last."""
    for age, name in enumerate("cba"):
        put(tmp_path, name, source=f"/data/{name}", content=name, used=1_000_000 - age)
    return tmp_path


def put(shelf: Path, name: str, *, source: str, content: str, used: int) -> Path:
    pack = shelf / name
    pack.mkdir()
    text = json.dumps({"source": source, "content": content})
    (pack / "index.json").write_text(text)
    (pack / "pixels.bin").write_bytes(b"-" * (SIZE - len(text)))
    os.utime(pack / "index.json", (used, used))
    return pack


def left(shelf: Path) -> str:
    return "".join(sorted(path.name for path in shelf.iterdir()))


@pytest.mark.parametrize(("cap", "stay"), [(4000, "abcd"), (3999, "bcd"), (2000, "cd"), (1, "d")])
def test_the_least_recently_used_go_first(shelf: Path, cap: int, stay: str) -> None:
    tidy(shelf, put(shelf, "d", source="/data/d", content="d", used=1), cap=cap)
    assert left(shelf) == stay


def test_using_a_pack_keeps_it(shelf: Path) -> None:
    touch(shelf / "a")
    tidy(shelf, put(shelf, "d", source="/data/d", content="d", used=1), cap=2000)
    assert left(shelf) == "ad"


def test_packs_of_an_older_state_of_the_data_go(shelf: Path) -> None:
    tidy(shelf, put(shelf, "d", source="/data/b", content="new", used=1))
    assert left(shelf) == "acd"


def test_packs_of_the_same_state_stay(shelf: Path) -> None:
    tidy(shelf, put(shelf, "d", source="/data/b", content="b", used=1))
    assert left(shelf) == "abcd"


def test_packs_that_do_not_name_their_data_stay(shelf: Path) -> None:
    for name in "ab":
        (shelf / name / "index.json").write_text("{}")
    tidy(shelf, shelf / "a")
    assert left(shelf) == "abc"


def test_only_old_rubbish_goes(shelf: Path) -> None:
    for name in (".new.1.tmp", ".old.1.tmp"):
        (shelf / name).mkdir()
    os.utime(shelf / ".old.1.tmp", (ABANDONED, ABANDONED))
    tidy(shelf, shelf / "a")
    assert left(shelf) == ".new.1.tmpabc"
