"""What is said of the bundled model is the same everywhere, and its scripts run."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from im2latex_cli.services import doctor

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CARD = (ROOT / "docs" / "explanation" / "model-card.md").read_text(encoding="utf-8")
FIGURES = ["BLEU-4", "edit similarity", "exact match"]
SETS = ("im2latex_val1000", "im2latex_original_valid", "school_print_valid", "valid.tsv.gz")


def scores(text: str) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Rows of tables of scores: set and form, and the figures without their intervals."""
    name, columns = "", []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells:
            columns = []
        elif cells[:2] == ["pictures", "form"]:
            columns = [cells.index(figure) for figure in FIGURES]
        elif columns and not cells[0].startswith("---"):
            name = next((one for one in SETS if one in cells[0]), name)
            yield (name, cells[1]), [cells[column].split(" ")[0] for column in columns]


def test_the_readme_quotes_the_model_card() -> None:
    (row,) = re.findall(r"^\| im2latex_val1000.*\|$", README, re.MULTILINE)
    quoted = [cell.strip() for cell in row.strip("|").split("|")][-2:]
    assert quoted == dict(scores(CARD))["im2latex_val1000", "normalised, no spacing"][1:]


def test_doctor_quotes_the_model_card() -> None:
    model, card = doctor._read_bundled_model(), dict(scores(CARD))
    assert isinstance(model, doctor.BundledModel)
    told = re.search(r"edit similarity ([\d.]+) on im2latex_val1000", model.measured or "")
    assert told, f"{model.measured} names no edit similarity on im2latex_val1000"
    digits = len(told[1].partition(".")[2])
    forms = [row[1] for key, row in card.items() if key[0] == "im2latex_val1000"]
    assert told[1] in {f"{float(figure):.{digits}f}" for figure in forms}
    assert f"{model.name} {model.version}" in CARD.splitlines()[0]


def test_rows_of_figures_are_told_apart() -> None:
    table = "| pictures | form | exact match | BLEU-4 | edit similarity |\n|---|---|---|---|---|\n"
    rows = (
        "| school_print_valid: 68 | raw | 3.0 (1-5) | 1.0 | 2.0 |\n| the same | x | 6 | 4 | 5 |\n"
    )
    assert dict(scores(table + rows + "\n| other | raw | 1 | 2 | 3 |\n")) == {
        ("school_print_valid", "raw"): ["1.0", "2.0", "3.0"],
        ("school_print_valid", "x"): ["4", "5", "6"],
    }


def test_the_script_for_valid_formulas_runs(tmp_path: Path) -> None:
    (script,) = re.findall(
        r'^```python\n("""Write valid.tsv.*?)^```$', CARD, re.DOTALL | re.MULTILINE
    )
    rows = "".join(f"a\tinline\tx_{{{n}}}\n" for n in range(1600))
    with gzip.open(tmp_path / "valid.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(f"source\tkind\tformula\n{rows}")
    command = [sys.executable, "-c", script, str(tmp_path), str(tmp_path / "valid.tsv"), "30"]
    subprocess.run(command, check=True)
    head, *lines = (tmp_path / "valid.tsv").read_text().splitlines()
    assert head == "source\tsplit\tformula"
    assert len(set(lines)) == 30
    assert all(line.startswith("a\ttest\tx_{") for line in lines)


def test_the_script_for_made_formulas_runs(tmp_path: Path) -> None:
    (script,) = re.findall(
        r'^```python\n("""Write mix.tsv.*?)^```$', CARD, re.DOTALL | re.MULTILINE
    )
    metadata = json.dumps({"file_name": "1.png", "formula": "x_{1}+y"}).encode()
    for name in SETS[:3]:
        with tarfile.open(tmp_path / f"{name}.tar", "w") as archive:
            member = tarfile.TarInfo("metadata.jsonl")
            member.size = len(metadata)
            archive.addfile(member, io.BytesIO(metadata))
    with gzip.open(tmp_path / "valid.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("source\tkind\tformula\na\tinline\tx_{1}+z\n")
    letters = "abcdefgh"
    rows = [
        f"{'hep-th' if n % 2 else 'a'}\t{'val' if n > 50 else 'train'}\t"
        rf"{letters[n % 8]}_{{{n}}}+\frac{{{letters[n % 5]}}}{{{n}}}={letters[n % 7]}^{{2}}"
        for n in range(60)
    ]
    real, mix = tmp_path / "real.tsv", tmp_path / "mix.tsv"
    real.write_text("\n".join(["source\tsplit\tformula", *rows]) + "\n", encoding="utf-8")
    command = [sys.executable, "-c", script, *map(str, (tmp_path, real, mix)), "8", "4", "1"]
    subprocess.run(command, check=True)
    head, *lines = mix.read_text(encoding="utf-8").splitlines()
    assert head == "source\tsplit\tformula"
    assert set(rows) < set(lines)
    made = Counter(line.split("\t")[0] for line in set(lines) - set(rows))
    assert made == {"made-hep-th": 8, "made": 4}


def test_the_script_that_puts_data_sets_together_runs(tmp_path: Path) -> None:
    (script,) = re.findall(
        r'^```python\n("""Put data sets into one.*?)^```$', CARD, re.DOTALL | re.MULTILINE
    )
    for name, count in (("a", 3), ("b", 4)):
        for split in ("train", "val"):
            folder = tmp_path / name / split
            folder.mkdir(parents=True)
            files = [f"{n:06}.png" for n in range(count)]
            for file in files:
                (folder / file).write_text(f"{name} {split} {file}")
            rows = [json.dumps({"file_name": file, "formula": name}) for file in files]
            marks = [json.dumps({"file_name": file, "glyphs": [[name]]}) for file in files]
            (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n")
            (folder / "glyphs.jsonl").write_text("\n".join(marks) + "\n")
    parts = (f"{tmp_path / 'a'}=2", f"{tmp_path / 'b'}=9")
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "out"), *parts], check=True)
    for split, wanted in (("train", {"a": 2, "b": 4}), ("val", {"a": 3, "b": 4})):
        folder = tmp_path / "out" / split
        lines = (folder / "metadata.jsonl").read_text().splitlines()
        rows = {row["file_name"]: row for row in map(json.loads, lines)}
        assert Counter(row["formula"] for row in rows.values()) == wanted
        for line in (folder / "glyphs.jsonl").read_text().splitlines():
            row = json.loads(line)
            assert row["glyphs"] == [[rows[row["file_name"]]["formula"]]]
        for file, row in rows.items():
            assert (folder / file).read_text().startswith(f"{row['formula']} {split}")


def test_the_script_that_averages_weights_runs(tmp_path: Path, untrained) -> None:
    import torch

    from im2latex_cli import checkpoints
    from im2latex_cli.settings.sections import PRESETS, ModelSettings

    (script,) = re.findall(
        r'^```python\n("""Write the average.*?)^```$', CARD, re.DOTALL | re.MULTILINE
    )
    small = {**PRESETS["fast"]["model"], "channels": (4, 8, 8), "width": 16, "heads": 2}
    dims = ModelSettings.model_validate({**small, "feedforward": 16})
    other = checkpoints.load(untrained(dims, ["x", "y"]))
    other.tensors = {name: torch.zeros_like(value) for name, value in other.tensors.items()}
    checkpoints.save(tmp_path / "other.safetensors", other)
    first, output = untrained(dims, ["x", "y", "z"]), tmp_path / "out.safetensors"
    command = [sys.executable, "-c", script, str(first), str(tmp_path / "other.safetensors")]
    subprocess.run([*command, str(output)], check=True)
    before, after = checkpoints.load(first), checkpoints.load(output)
    assert after.vocab.tokens == before.vocab.tokens
    rows = len(other.vocab)
    for name, value in before.tensors.items():
        grown = value.shape != other.tensors[name].shape
        wanted = value.clone()
        if value.is_floating_point():
            (wanted[:rows] if grown else wanted).mul_(0.7)
        assert torch.allclose(after.tensors[name], wanted), name


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)", CARD))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / "docs" / "explanation" / link).exists()
