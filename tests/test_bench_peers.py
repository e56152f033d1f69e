"""The comparison with other readers: its sample, table and adapters, without any of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import bench_peers as peers
import numpy as np
import pytest
from PIL import Image, ImageDraw

from im2latex_cli.render.choose import tex_is_usable

ROOT = Path(__file__).parents[1]
FORMULAS = ("x", r"\frac{a}{b}", "y^{2}", r"z\,+1")


def picture(place: int) -> bytes:
    """Bars that differ from each other in width and place."""
    image = Image.new("L", (120, 40), 255)
    ImageDraw.Draw(image).rectangle((5, 5 + 4 * place, 20 + 25 * place, 12 + 6 * place), fill=0)
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


def write_tar(path: Path) -> None:
    rows = [
        json.dumps({"file_name": f"{place}.png", "formula": formula})
        for place, formula in enumerate(FORMULAS)
    ]
    files = {f"{place}.png": picture(place) for place in range(len(FORMULAS))}
    with tarfile.open(path, "w") as archive:
        for name, data in (files | {"metadata.jsonl": "\n".join(rows).encode()}).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in (*peers.SETS.values(), "im2latex_original_train"):
        write_tar(tmp_path / "images" / f"{name}.tar")
    (tmp_path / "im2latex100k").mkdir()
    lines = "a = b\nx ^ { 2 }\na = b\n"
    (tmp_path / "im2latex100k" / "train.norm.txt").write_text(lines, encoding="utf-8")
    return tmp_path


def test_a_larger_sample_holds_the_smaller_one_first(data: Path) -> None:
    few, more = ([one.name for one in peers.sample(data / "images", limit)] for limit in (2, 3))
    assert more[: len(few)] == few
    assert len(few) == 2 * len(peers.SETS)
    assert {name.split("-")[1] for name in few[: len(peers.SETS)]} == set(peers.SETS)


def test_only_the_pictures_of_the_sample_are_written(data: Path, tmp_path: Path) -> None:
    for limit in (3, 1):
        drawn = peers.sample(data / "images", limit)
        peers.write(drawn, tmp_path / "pictures")
        written = {path.name: path.read_bytes() for path in (tmp_path / "pictures").iterdir()}
        assert written == {one.name: one.row.content() for one in drawn}


def test_the_baselines(data: Path) -> None:
    drawn = peers.sample(data / "images", 4)
    found = peers.baselines(data, drawn)
    assert set(found[peers.FREQUENT].latex.values()) == {"a = b"}
    nearest = found[peers.NEAREST].latex
    assert [nearest[one.name] for one in drawn] == [one.row.formula for one in drawn]


def test_a_thumbnail_ignores_the_margins() -> None:
    drawn = peers.LabelledPicture("a", "", "", (), lambda: picture(1))
    image = Image.open(io.BytesIO(picture(1)))
    wide = Image.new("L", (300, 200), 255)
    wide.paste(image, (90, 80))
    held = io.BytesIO()
    wide.save(held, "PNG")
    other = peers.LabelledPicture("a", "", "", (), held.getvalue)
    assert np.array_equal(peers.thumbnail(drawn), peers.thumbnail(other))


def readings(drawn: list[peers.Drawn], latex: dict[str, str | None]) -> peers.Readings:
    """Readings by formula; `latex` names those that are not read right."""
    by_name = {
        one.name: latex.get(one.row.formula, one.row.formula)
        for one in drawn
        if latex.get(one.row.formula) != "unread"
    }
    spent = dict.fromkeys(by_name, 0.5)
    return peers.Readings(by_name, spent, spent, {"parameters": 1_500_000, "bytes": 3_000_000})


@pytest.mark.tex
@pytest.mark.skipif(not tex_is_usable(), reason="needs latex on PATH")
def test_the_table(data: Path) -> None:
    drawn = peers.sample(data / "images", 4)
    ours = readings(drawn, {r"z\,+1": "z+1"})
    other = readings(drawn, {"x": None, r"\frac{a}{b}": r"\frac{a}", "y^{2}": "unread"})
    lines = list(peers.tables(drawn, {peers.OURS: ours, "other": other}))
    rows = [
        dict(zip(peers.HEAD, [cell.strip() for cell in line.split("|")[1:-1]], strict=True))
        for line in lines
        if line.startswith(("| im2latex-cli | ", "| other | ")) and line.count("|") > 4
    ]
    both, first, second = rows[0], *rows[2:4]
    assert [row["pictures"] for row in rows] == ["16", "12", *["4", "3"] * len(peers.SETS)]
    assert both["exact"] == first["exact"]
    assert first["exact"] == first["equivalent"] == "100.0 (100.0-100.0)", "without spacing"
    assert first["compiles"] == "100 (100-100)"
    assert (first["CPU s"], first["wall s"]) == ("0.50", "0.50")
    assert second["equivalent"].startswith("33.3 (")
    assert second["equivalent, less ours"].startswith("-66.7 (")
    assert second["compiles"].startswith("33 ("), "neither what is missing nor what is broken"
    assert lines[-1] == "| other | 1.5 M | 3.0 |"


def test_who_has_read_nothing_has_a_row_without_figures(data: Path) -> None:
    drawn = peers.sample(data / "images", 1)
    nothing = peers.Readings({})
    assert peers.line("other", drawn, nothing, nothing) == "| other | 0 |" + " - |" * 7


ADAPTED = """
from pathlib import Path
import sys
sys.path.insert(0, sys.argv[1])
from adapter import describe, read_folder

def read(path):
    if path.name == "b.png":
        raise ValueError("no")
    return path.stem

pictures, output = map(Path, sys.argv[2:])
describe(output, parameters=3, weights=pictures / "a.png")
read_folder(pictures, output, read)
"""


def test_an_adapter_reads_what_is_new(tmp_path: Path) -> None:
    output = tmp_path / "readings.jsonl"
    for names in ("ab", "abc"):
        for name in names:
            (tmp_path / f"{name}.png").write_bytes(b"1234")
        command = [sys.executable, "-c", ADAPTED, peers.SCRIPTS, tmp_path, output]
        subprocess.run(command, check=True)
        rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        assert [row["picture"] for row in rows] == [f"{name}.png" for name in names]
    assert [row["latex"] for row in rows] == ["a", None, "c"]
    assert rows[1]["error"] == "ValueError: no"
    assert all(row["wall"] >= 0 and row["cpu"] >= 0 for row in rows)
    assert json.loads((tmp_path / "system.json").read_text()) == {"parameters": 3, "bytes": 4}


def test_another_model_of_ours_has_readings_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for content in (b"one", b"two"):
        model = tmp_path / "model"
        model.write_bytes(content)
        monkeypatch.setattr(peers, "find_model", lambda _name, model=model: model)
        files.append([peers.readings_file(system) for system in peers.SYSTEMS])
    (ours, *others), (ours_again, *others_again) = files
    assert ours != ours_again
    assert others == others_again
    assert len({ours, *others}) == len(peers.SYSTEMS)


def test_what_is_read_is_scored_without_reading_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(peers, "CACHE", tmp_path / "cache")
    broken = peers.System("broken", "nowhere.py")
    drawn = peers.sample(data / "images", 1)
    pictures = tmp_path / "cache" / "pictures"
    peers.write(drawn, pictures)
    peers.read(broken, pictures)
    output = peers.readings_file(broken)
    assert "nowhere.py" in (output.parent / "messages.txt").read_text()
    assert peers.kept(broken).latex == {}
    rows = [{"picture": one.name, "latex": "x", "wall": 1.0, "cpu": 1.0} for one in drawn]
    output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (output.parent / "system.json").write_text("{}")
    (output.parent / "messages.txt").unlink()
    peers.read(broken, pictures)
    assert not (output.parent / "messages.txt").exists()
    assert set(peers.kept(broken).latex.values()) == {"x"}


def test_without_data_it_skips(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IM2LATEX_DATA", raising=False)
    peers.main([])
    assert capsys.readouterr().out == "skipped: IM2LATEX_DATA is not set\n"
