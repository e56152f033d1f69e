"""What users of formula readers complain of most, each with a picture or a pointer.

One run of the real executable with the bundled model reads all pictures; right answers are asked
for one short formula only, so that any model worth bundling passes. The complaints, by frequency
of the threads about them in the trackers of other readers:

1 broken installs: the CI installs from nothing (.ci/run); 2 command not found: every test here runs
`python -m im2latex_cli`. 3 model downloads: `test_standard_input` reads without a network.
4 other resolutions, 5 odd sizes, blanks, 6 loops, 8 other fonts, 9 dark mode, 10 transparency,
11 confidence, 12 not deterministic, 14 many pictures, 16 several rows, 17 text around,
18 handwriting, 19 unknown symbols: pictures below.
7 collapse in training: tests/train/test_diagnosis.py. 13 speed: milliseconds in each
row, below. 15 standard input: `test_standard_input`, tests/cli/test_pipelines.py; the clipboard:
tests/services/test_inputs.py. 17 whole PDF: tests/services/test_inputs.py.
20 unclean output: tests/latex/, tests/cli/test_predict.py::test_styles.
21 own data, memory: tests/train/test_batches.py, tests/network/test_network.py.
22 normaliser, line drift: tests/latex/test_normalize.py, tests/data/test_tables.py.
23 one bad formula kills a batch: tests/render/workers/test_executors.py.
24 ImageMagick's policy: pypdfium2, tests/services/test_inputs.py.
25 weights that cannot be restored: tests/test_checkpoints.py.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pen_strokes import scribble
from PIL import Image, ImageDraw

from im2latex_cli.recognition.models import default_model
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import RenderSettings

FORMULA, OTHER = r"\frac{a+b}{2}", "a=b+c"
Rows = dict[str, dict[str, Any]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(default_model() != "pretrained", reason="no model is bundled"),
]


def drawn(formula: str = FORMULA, dpi: int = 200) -> Image.Image:
    (page,) = EmbeddedRenderer(RenderSettings(dpi=dpi)).render([formula])
    assert isinstance(page, Page)
    return Image.fromarray(np.pad(page.ink, 12, constant_values=255))


def words(text: str) -> Image.Image:
    return drawn(rf"\text{{{text}}}")


def arranged(*parts: Image.Image, gap: int, beside: bool = False) -> Image.Image:
    """Parts one below the other from the left, or side by side with level middles."""
    total = sum(part.size[not beside] for part in parts) + gap * (len(parts) - 1)
    across = max(part.size[beside] for part in parts)
    image = Image.new("L", (total, across) if beside else (across, total), 255)
    at = 0
    for part in parts:
        image.paste(part, (at, (across - part.height) // 2) if beside else (0, at))
        at += part.size[not beside] + gap
    return image


def transparent() -> Image.Image:
    grey = drawn()
    black = Image.new("L", grey.size, 0)
    return Image.merge("LA", (black, Image.eval(grey, lambda level: 255 - level)))


def photo() -> Image.Image:
    across, down = np.meshgrid(np.linspace(0, 9, 500), np.linspace(0, 6, 350))
    noise = np.random.default_rng(0).normal(0, 9, (350, 500))
    light = 120 + 60 * np.sin(across) * np.cos(down) + 25 * down + noise
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))


def chinese() -> Image.Image:
    """Signs of many strokes in a square; a bare machine has no font for them."""
    draw = random.Random(2)
    image = Image.new("L", (420, 60), 255)
    pen = ImageDraw.Draw(image)
    for sign in range(9):
        left = 10 + 45 * sign
        for stroke in range(4):
            level = 14 + 8 * stroke
            pen.line((left + draw.randint(0, 5), level, left + 32, level), fill=0, width=2)
        pen.line((left + 16, 8, left + draw.randint(12, 20), 46), fill=0, width=2)
        pen.line((left + 5, 14, left + draw.randint(0, 5), 46), fill=0, width=2)
        pen.line((left + 27, 14, left + 32, 44), fill=0, width=2)
    return image


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "4 small": lambda: drawn(dpi=75),
    "4 built": lambda: drawn().reduce(2),
    "4 large": lambda: drawn(dpi=400),
    "5 thin": lambda: Image.new("L", (400, 2), 0),
    "5 blank": lambda: Image.new("L", (300, 60), 255),
    "5 tiny": lambda: Image.new("L", (1, 1), 0),
    "5 empty": lambda: Image.new("RGBA", (60, 60), (0, 0, 0, 0)),
    "6 repeats": lambda: drawn("+".join(["x"] * 60)),
    "8 screenshot": lambda: drawn(dpi=144).convert("RGB").convert("P"),
    "9 dark": lambda: Image.eval(drawn(), lambda level: 225 - level * 4 // 5),
    "10 transparent": transparent,
    "14 again": drawn,
    "16 rows": lambda: drawn(r"\begin{matrix}a&b\\c&d\end{matrix}"),
    "17 above": lambda: arranged(words("If the energy of the state is given"), drawn(), gap=20),
    "17 below": lambda: arranged(drawn(), words("where the sum is over all states"), gap=20),
    "17 beside": lambda: arranged(
        words("so that we see over and over a mean"),
        drawn(),
        words("as a sum over scores"),
        gap=4,
        beside=True,
    ),
    "17 number": lambda: arranged(drawn(), drawn("(12)"), gap=250, beside=True),
    "17 two": lambda: arranged(drawn(), drawn(OTHER), gap=40),
    "17 page": lambda: arranged(*[words("all of this is text, no formula at all")] * 30, gap=0),
    "18 handwriting": lambda: scribble(1),
    "19 chinese": chinese,
    "19 photo": photo,
}
RIGHT = {
    *("4 small", "4 built", "4 large", "8 screenshot", "9 dark", "10 transparent", "14 again"),
    "17 number",
}
WARNED = {
    "17 above": "text-around",
    "17 below": "text-around",
    "17 beside": "text-around",
    "17 number": "number-cut",
    "17 two": "several-formulas",
    "17 page": "text-around",
    "18 handwriting": "out-of-vocabulary",
    "19 chinese": "out-of-vocabulary",
    "19 photo": "not-a-formula",
}
FAILED = {
    "5 thin": "only 400x2 pixels",
    "5 blank": "the picture is blank",
    "5 tiny": "only 1x1 pixels",
    "5 empty": "the picture is blank",
}


def predict(*args: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    fast = ("--beam", "2", "--device", "cpu", "--set", "decode.max_tokens=150")
    return subprocess.run(
        [sys.executable, "-m", "im2latex_cli", "predict", *fast, *args],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complaints")
    for name, make in PICTURES.items():
        make().save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    done = predict(*(f"{name}.png" for name in PICTURES), "--format", "jsonl", folder=folder)
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["path"] for row in told] == [f"{name}.png" for name in PICTURES]
    return {row["path"].removesuffix(".png"): row for row in told}


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_the_answer_is_right(rows: Rows, name: str) -> None:
    assert rows[name]["latex"] == FORMULA


@pytest.mark.parametrize("name", sorted(WARNED))
def test_the_warning_is_there(rows: Rows, name: str) -> None:
    assert WARNED[name] in rows[name]["warnings"]


@pytest.mark.parametrize("name", sorted(PICTURES.keys() - WARNED.keys() - FAILED.keys()))
def test_nothing_else_is_suspected(rows: Rows, name: str) -> None:
    assert not set(WARNED.values()) & set(rows[name]["warnings"])


@pytest.mark.parametrize("name", sorted(FAILED))
def test_the_error_names_file_and_cause(rows: Rows, name: str) -> None:
    message = rows[name]["error"]["message"]
    assert message.startswith(f"{name}.png: nothing to read: ")
    assert FAILED[name] in message


def test_no_loop_is_left_without_a_word(rows: Rows) -> None:
    assert len(rows["6 repeats"]["latex"]) <= 200


def test_confidence_and_time_are_told(rows: Rows) -> None:
    read = [row for row in rows.values() if "error" not in row]
    assert all(0 <= row["confidence"] <= 1 and row["milliseconds"] > 0 for row in read)
    assert rows["14 again"]["confidence"] > rows["18 handwriting"]["confidence"]


def test_the_same_again(rows: Rows, folder: Path) -> None:
    """12: alone and once more, the answer stays."""
    done = predict("14 again.png", "--format", "jsonl", folder=folder)
    (row,) = map(json.loads, done.stdout.splitlines())
    assert row["latex"] == rows["14 again"]["latex"]
    assert row["confidence"] == pytest.approx(rows["14 again"]["confidence"], abs=1e-3)


def test_standard_input(folder: Path) -> None:
    """15: a picture through a pipe; only the result is on stdout. 3: without a network."""
    offline = {**os.environ, "https_proxy": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    with (folder / "14 again.png").open("rb") as picture:
        done = predict("-", folder=folder, stdin=picture, env=offline)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == FORMULA
    assert done.stdout.count("\n") == 1
