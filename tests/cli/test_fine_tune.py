"""The commands of docs/how-to/fine-tune.md run as they stand there, on a few pictures."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.finish import encode_png, finish

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "fine-tune.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
SMALL = {
    "IM2LATEX_TRAIN__EPOCHS": "1",
    "IM2LATEX_TRAIN__EVALUATE_LIMIT": "1",
    "IM2LATEX_DECODE__BEAM": "1",
    "IM2LATEX_DECODE__MAX_TOKENS": "8",
    "IM2LATEX_EVALUATE__LIMIT": "2",
    "IM2LATEX_RENDER__RENDERER": "embedded",
    "IM2LATEX_RUNTIME__THREADS": "1",
    "IM2LATEX_BUILD__JOBS": "1",
}
SPLITS = ("train", "train", "train", "train", "val", "test", "test")


def write_pairs(folder: Path) -> None:
    """Pictures that a user might have."""
    formulas = [f"\\mathfrak{{g}}_{{{n}}}+\\frac{{x}}{{{n}}}" for n in range(len(SPLITS))]
    pages = choose(RenderSettings(renderer="embedded")).render(formulas)
    rows = []
    folder.mkdir()
    for number, (formula, page, split) in enumerate(zip(formulas, pages, SPLITS, strict=True)):
        assert isinstance(page, Page)
        name = f"{number:04}.png"
        picture, _ = finish(page.ink, look="smooth", padding=8, buckets=False)
        (folder / name).write_bytes(encode_png(picture))
        rows.append(json.dumps({"file_name": name, "formula": formula, "split": split}))
    (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n")


def test_the_commands_run_in_order(invoke: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    write_pairs(Path("mine"))
    for line in LINES:
        if line.startswith("im2latex"):
            done = invoke(*shlex.split(line)[1:])
            assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
    table = Path("data/mine/train/metadata.jsonl").read_text().splitlines()
    assert len(table) == SPLITS.count("train")
    assert Path("results/mine/best.safetensors").is_file()
    assert Path("results/before/predictions.jsonl").is_file()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on PATH")
def test_readings_become_metadata(tmp_path: Path) -> None:
    (line,) = (line for line in LINES if not line.startswith("im2latex"))
    write_pairs(tmp_path / "mine")
    (tmp_path / "im2latex").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m im2latex_cli "$@"\n')
    (tmp_path / "im2latex").chmod(0o755)
    environment = os.environ | SMALL | {"PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"
    subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, check=True, timeout=120)
    table = (tmp_path / "mine" / "metadata.jsonl").read_text().splitlines()
    rows = [json.loads(row) for row in table]
    assert [row["file_name"] for row in rows] == [f"{n:04}.png" for n in range(len(SPLITS))]
    assert all(row["formula"] for row in rows)
