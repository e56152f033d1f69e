"""Training runs on eight drawn pictures, in this process or in one of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from im2latex_cli.progress import SilentReporter
from im2latex_cli.services import train
from im2latex_cli.services.train import TrainResult
from im2latex_cli.settings.sources import SettingValue, resolve
from im2latex_cli.train.folder import read_metrics

FORMULAS = ("a + b", "x", "a b c", "x = a", "b - c + a", "c = x", "a = b - x", "b b")
TINY: dict[str, Any] = {
    "runtime.device": "cpu",
    "runtime.threads": 1,
    "model.encoder": "residual",
    "model.decoder": "transformer",
    "model.channels": (4, 8, 8),
    "model.width": 16,
    "model.heads": 2,
    "model.feedforward": 16,
    "model.decoder_layers": 2,
    "model.dropout": 0.1,
    "train.preset": "seed",
    "train.epochs": 3,
    "train.batch_size": 3,
    "train.ema": 0.9,
    "train.short_first": 0.3,
    "train.evaluate_every": 5,
}
SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from tiny_runs import go
go(Path({data!r}), resume={resume}, **json.loads({changes!r}))
"""


def draw(folder: Path, number: int, formula: str) -> dict[str, Any]:
    tokens = formula.split()
    image = Image.new("L", (16 * len(tokens) + 16, 32), 255)
    for place, token in enumerate(tokens):
        ImageDraw.Draw(image).text((8 + 16 * place, 6), token, fill=0, font_size=18)
    name = f"{number:06d}.png"
    image.save(folder / name)
    size = {"width": image.width, "height": image.height}
    return {"file_name": name, "formula": formula, "tokens": formula, **size}


def go(
    data: Path,
    *,
    resume: bool = False,
    force: bool = False,
    reporter: SilentReporter | None = None,
    **changes: Any,
) -> TrainResult:
    values = {**TINY, "train.output": str(data.parent.parent / "results" / "eight")}
    values |= {name.replace("__", "."): value for name, value in changes.items()}
    given = [
        SettingValue(name, value, "test") for name, value in values.items() if value is not None
    ]
    resolved = resolve(given)
    return train.run(resolved, reporter or SilentReporter(), data=data, resume=resume, force=force)


def launch(data: Path, *, resume: bool = False, **changes: Any) -> subprocess.Popen[bytes]:
    folder = str(Path(__file__).parent)
    script = SCRIPT.format(
        folder=folder, data=str(data), resume=resume, changes=json.dumps(changes)
    )
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)


def curve(folder: Path) -> list[tuple[Any, ...]]:
    names = ("step", "kind", "loss", "smoothed", "grad_norm", "edit_similarity")
    rows = read_metrics(folder / "metrics.jsonl")
    return [tuple(row.get(name) for name in names) for row in rows]
