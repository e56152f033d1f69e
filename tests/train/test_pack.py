import json
import os
from pathlib import Path

import numpy as np
import pytest

from im2latex_cli.errors import InputError
from im2latex_cli.latex.vocab import UNK, Vocab
from im2latex_cli.progress import SilentReporter
from im2latex_cli.train.pack import ABANDONED, PackedSplit, pack, tidy, touch
from im2latex_cli.vision.image import open_grey
from im2latex_cli.vision.prepare import Preprocessing, prepare

SIZE = 1000


def packing(root: Path, vocab: Vocab, cache: Path) -> PackedSplit:
    return pack(
        root,
        "train",
        vocab=vocab,
        preprocessing=Preprocessing(),
        cache=cache,
        reporter=SilentReporter(),
    )


def test_pack_holds_prepared_pictures_and_formulas(
    data: Path, packed: PackedSplit, vocab: Vocab
) -> None:
    rows = [
        json.loads(line) for line in (data / "train" / "metadata.jsonl").read_text().splitlines()
    ]
    assert len(packed) == len(rows)
    for index, row in enumerate(rows):
        path = data / "train" / row["file_name"]
        wanted = prepare(open_grey(path, name="x"), Preprocessing())
        assert np.array_equal(packed.picture(index), wanted)
        assert vocab.decode(packed.formula(index)) == row["tokens"].split()
    assert packed.names[2] == "train/000002"


def test_glyphs_move_with_the_ink(packed: PackedSplit) -> None:
    for index in range(len(packed)):
        picture, glyphs = packed.picture(index), packed.glyphs_of(index)
        assert list(glyphs[:, 3]) == list(range(len(packed.formula(index))))
        for _, x, y, _ in glyphs:
            around = picture[int(y) - 5 : int(y) + 6, max(int(x) - 5, 0) : int(x) + 6]
            assert around.min() < 128, "a glyph's centre has ink near it"
        assert packed.kinds[int(glyphs[0, 0])][0] == "font"


def test_second_opening_reads_no_picture(
    data: Path, vocab: Vocab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = packing(data, vocab, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a picture was opened")

    monkeypatch.setattr("im2latex_cli.train.pack.open_grey", refuse)
    second = packing(data, vocab, tmp_path)
    assert second.key == first.key
    assert np.array_equal(second.pixels, first.pixels)


@pytest.mark.parametrize("what", ["picture", "metadata", "vocabulary", "prepare"])
def test_anything_changed_makes_another_pack(
    what: str, data: Path, vocab: Vocab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = packing(data, vocab, tmp_path).key
    if what == "picture":
        os.utime(data / "train" / "000000.png", (1, 1))
    elif what == "metadata":
        path = data / "train" / "metadata.jsonl"
        path.write_text(path.read_text().replace("a + b", "a - b"))
    elif what == "prepare":
        monkeypatch.setattr("im2latex_cli.train.pack.PREPARE_REVISION", 99)
    else:
        vocab = Vocab.build({"a": 2}, min_count=1)
    assert packing(data, vocab, tmp_path).key != before


def test_unreadable_picture_is_left_out_and_named(data: Path, vocab: Vocab, tmp_path: Path) -> None:
    (data / "train" / "000001.png").write_text("not a picture")
    packed = packing(data, vocab, tmp_path)
    assert len(packed) == 7
    assert "train/000001" not in packed.names
    assert len(packed.skipped) == 1
    assert "000001.png" in packed.skipped[0]


def test_processes_make_the_pack_that_threads_make(
    data: Path, vocab: Vocab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "train" / "000001.png").write_bytes(b"no picture")
    one = packing(data, vocab, tmp_path / "threads")
    monkeypatch.setattr("im2latex_cli.train.pack.PROCESSES_FROM", 1)
    other = packing(data, vocab, tmp_path / "processes")
    assert one.skipped == other.skipped
    assert len(one.skipped) == 1
    assert one.names == other.names
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.sizes, other.sizes)
    assert np.array_equal(one.glyphs, other.glyphs)


def test_only_unreadable_pictures_are_an_input_error(
    data: Path, vocab: Vocab, tmp_path: Path
) -> None:
    for picture in (data / "train").glob("*.png"):
        picture.write_bytes(b"")
    with pytest.raises(InputError, match="None of the pictures"):
        packing(data, vocab, tmp_path)
    assert not list((tmp_path / "packed").iterdir()), "no half pack stays behind"


def test_token_outside_the_vocabulary_is_unknown(data: Path, tmp_path: Path) -> None:
    packed = packing(data, Vocab.build({"a": 2, "b": 1}, min_count=1), tmp_path)
    assert packed.formula(1) == [UNK]


def test_broken_glyph_row_is_named(data: Path, vocab: Vocab, tmp_path: Path) -> None:
    (data / "train" / "glyphs.jsonl").write_text('{"file_name": "000000.png", "glyphs": [[1]]}\n')
    with pytest.raises(InputError, match=r"glyphs.jsonl, line 1"):
        packing(data, vocab, tmp_path)


def test_a_changed_data_set_leaves_no_useless_pack_behind(
    data: Path, vocab: Vocab, tmp_path: Path
) -> None:
    before = packing(data, vocab, tmp_path).key
    other = packing(data, Vocab.build({"a": 2}, min_count=1), tmp_path).key
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {before, other}
    os.utime(data / "train" / "000000.png", (1, 1))
    after = packing(data, vocab, tmp_path).key
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {after}


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
