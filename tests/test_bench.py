"""The benchmarks of the bundled model run, on one picture."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.vision.image import open_grey

ROOT = Path(__file__).parent.parent
FORMULA = r"\sum_{n=1}^{\infty}\frac{1}{n^{2}}=\frac{\pi^{2}}{6}"


def bench(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "bench" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def distortions() -> ModuleType:
    return bench("bench_distortions")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder like the one of real pictures, with one picture."""
    (tmp_path / "images").mkdir()
    row = json.dumps({"file_name": "formula.png", "formula": FORMULA}).encode()
    with tarfile.open(tmp_path / "images" / "im2latex_val1000.tar", "w") as archive:
        archive.add(ROOT / "docs" / "formula.png", "formula.png")
        member = tarfile.TarInfo("metadata.jsonl")
        member.size = len(row)
        archive.addfile(member, io.BytesIO(row))
    return tmp_path


def test_every_distortion_gives_another_sound_file(distortions: ModuleType) -> None:
    picture = open_grey(ROOT / "docs" / "formula.png", name="formula")
    seen = set()
    for name in distortions.DISTORTIONS:
        (sent,) = distortions.files(name, [picture])
        assert sent == distortions.files(name, [picture])[0], "the same each time"
        seen.add(sent)
        with Image.open(io.BytesIO(sent)) as image:
            grey = open_grey(sent, name=name)
            assert grey.shape == (image.height, image.width)
            assert np.ptp(grey) > 100
    same = 2  # another font is another picture, distorted in the same ways
    assert len(seen) == len(distortions.DISTORTIONS) - same


def test_the_table_of_distortions(
    distortions: ModuleType,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("IM2LATEX_DATA", str(data))
    distortions.main(["--jobs", "1", "--only", "dark mode", distortions.FONT])
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if "|" in line]
    assert [row[0].strip() for row in rows[2:]] == ["none", "dark mode", distortions.FONT]
    assert rows[3][2].strip() == "0.0 (0.0 to 0.0)", "dark mode costs nothing"


@pytest.mark.parametrize("name", ["bench_distortions", "bench_finetune"])
def test_without_data_they_skip(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IM2LATEX_DATA", raising=False)
    bench(name).main([])
    assert capsys.readouterr().out == "skipped: IM2LATEX_DATA is not set\n"


def test_training_speed_names_the_instruction_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests" / "bench")
    monkeypatch.delenv("IM2LATEX_DATA", raising=False)
    train = bench("bench_train")
    device = train.torch.device("cpu")
    instructions = train.torch.backends.cpu.get_cpu_capability()
    used = "used" if train.fast_in_bfloat16(device) else "not used"
    words = ["--device", "cpu", "--pictures", "4", "--seconds", "0.01", "--presets", "seed"]
    monkeypatch.setattr(sys, "argv", ["bench_train.py", *words])
    train.main()
    first, *rows = capsys.readouterr().out.splitlines()
    assert f"{instructions}, bfloat16 {used}" in first
    (row,) = [line for line in rows if line.startswith("| seed")]
    assert row.split("|")[-2].strip().endswith("%")


@pytest.mark.tex
def test_the_comparison_names_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faithful = bench("bench_faithful")
    rows = tmp_path / "rows.jsonl"
    faithful.compare([r"x^2_i", r"\mathds{1}", r"\wurst", r"\frac12"], 1, 1.0, rows)
    assert len(rows.read_text().splitlines()) == 2
    out = capsys.readouterr().out
    assert "identical: 2 " in out
    assert "refused: 2 " in out
    faithful.search([r"x\smash{y}", "xy", r"\frac12"], 1)
    assert "several normal forms" in capsys.readouterr().out


def test_against_compares_the_numbers_of_lines_with_the_same_words() -> None:
    against = bench("against")
    rounds = [against.figures(f"| onnx | beam 5 | {n} |\n{n} pictures\n") for n in (10, 1_000, 30)]
    before = against.medians(rounds)
    assert before == {"| onnx | beam # | # |": [5.0, 30.0], "# pictures": [30.0]}
    now = against.figures("| onnx | beam 5 | 45.0 |\nthe loader alone: 1,569 pictures/s\n")
    assert list(against.table(before, now))[2:] == ["| onnx / beam # / # | 30 | 45 | 1.50 |"]


def test_against_takes_benchmarks_and_a_commit(capsys: pytest.CaptureFixture[str]) -> None:
    against = bench("against")
    given = ["predict", "train", "--against", "HEAD~3", "--rounds", "2", "--pictures", "5"]
    wanted, options = against.arguments(given)
    assert (wanted.names, wanted.against, wanted.rounds) == (["predict", "train"], "HEAD~3", 2)
    assert options == against.options_of("train", options) == ["--pictures", "5"]
    *_, flag, model = against.options_of("predict", options)
    assert flag == "--model"
    assert Path(model).is_file()
    assert against.options_of("predict", ["--model", "m"]) == ["--model", "m"]
    with pytest.raises(SystemExit):
        against.arguments(["predict"])
    assert "--against" in capsys.readouterr().err


def test_the_environment_of_an_older_commit_has_its_code_and_the_shared_packages(
    tmp_path: Path,
) -> None:
    against = bench("against")
    (tmp_path / "tree" / "im2latex_cli").mkdir(parents=True)
    (tmp_path / "tree" / "im2latex_cli" / "__init__.py").write_text("age = 'old'\n")
    script = tmp_path / "tree" / "tests" / "bench" / "bench_age.py"
    script.parent.mkdir(parents=True)
    script.write_text("import im2latex_cli, numpy\nprint(im2latex_cli.age, 7)\n")
    python = against.environment(tmp_path / "tree", tmp_path / "venv")
    found = against.measure(python, tmp_path / "tree", "age")
    assert found["old #"] == [7.0]
    assert found["elapsed, s: #"][0] > 0
