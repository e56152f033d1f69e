"""The whole story in one test: every command on a tiny data set, through the real executable."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FORMULAS = [
    f"{a}^{{2}} + {b}_{{{n}}} = \\frac{{{a}}}{{{b}}}" for a in "xyz" for b in "uvw" for n in "12"
]


def im2latex(folder: Path, *arguments: str) -> str:
    """Run a command in `folder`; return what it wrote to stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "im2latex_cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def result(folder: Path, *arguments: str) -> dict[str, Any]:
    document = json.loads(im2latex(folder, *arguments, "--json"))
    assert document["format"] == 1
    assert document["status"] == "success"
    found: dict[str, Any] = document["result"]
    return found


def test_from_formulas_to_a_recognised_picture(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("".join(f"{formula}\n" for formula in FORMULAS))
    (tmp_path / "im2latex.toml").write_text(
        "[build]\nval_share = 0.2\ntest_share = 0.2\n"
        "[train]\nepochs = 1\n[decode]\nmax_tokens = 20\nbeam = 2\n"
    )

    built = result(tmp_path, "build", "--dataset", "mine.txt")
    assert sum(built["counts"].values()) == len(FORMULAS)
    assert {"train", "val", "test"} <= set(built["counts"])

    counted = result(tmp_path, "vocab", "--data", "data/mine")
    assert counted["size"] > 10

    trained = result(tmp_path, "train", "--data", "data/mine")
    run = tmp_path / "results" / "mine"
    assert trained["steps"] >= 1
    names = {path.name for path in run.iterdir()}
    assert {"settings.toml", "vocab.json", "metrics.jsonl"} <= names
    assert {"best.safetensors", "last.safetensors", "state.safetensors"} <= names

    scored = result(tmp_path, "eval-text", "--data", "data/mine")
    assert 0 <= scored["bleu4"] <= 100
    predictions = (run / "predictions.jsonl").read_text().splitlines()
    assert len(predictions) == built["counts"]["test"]
    assert {"id", "image", "reference", "hypotheses"} <= json.loads(predictions[0]).keys()

    compared = result(tmp_path, "eval-image", "--results", "results/mine")
    assert compared["pictures"] == len(predictions)

    picture = next((tmp_path / "data/mine/test").glob("*.png"))
    arguments = ("predict", "--model", "results/mine", str(picture))
    text = im2latex(tmp_path, *arguments)
    assert text.count("\n") == 1
    row = json.loads(im2latex(tmp_path, *arguments, "--format", "jsonl"))
    assert row["path"] == str(picture)
    assert row["latex"] == text.rstrip("\n")
    assert 0 <= row["confidence"] <= 1
