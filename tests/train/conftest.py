"""Eight drawn pictures as a data set, and settings of a network that learns them in seconds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.pack import PackedSplit, pack
from im2latex_cli.vision.prepare import Preprocessing

FORMULAS = ("a + b", "x", "a b c", "x = a", "b - c + a", "c = x", "a = b - x", "b b")
STEP = 16


def draw(folder: Path, formulas: tuple[str, ...], *, glyphs: bool = True) -> None:
    """Write one split: each token drawn 16 pixels right of the one before."""
    folder.mkdir(parents=True)
    rows, marks = [], []
    for number, formula in enumerate(formulas):
        tokens = formula.split()
        image = Image.new("L", (STEP * len(tokens) + 16, 32), 255)
        pen = ImageDraw.Draw(image)
        for place, token in enumerate(tokens):
            pen.text((8 + STEP * place, 6), token, fill=0, font_size=18)
        name = f"{number:06d}.png"
        image.save(folder / name)
        size = {"width": image.width, "height": image.height}
        rows.append({"file_name": name, "formula": formula, "tokens": formula, **size})
        placed = [
            ["font", ord(token), 13 + STEP * place, 18, 9, 12, place]
            for place, token in enumerate(tokens)
        ]
        marks.append({"file_name": name, "glyphs": placed})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metadata.jsonl").write_text(lines, encoding="utf-8")
    if glyphs:
        lines = "".join(json.dumps(row) + "\n" for row in marks)
        (folder / "glyphs.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture
def vocab() -> Vocab:
    counts = Counter(token for formula in FORMULAS for token in formula.split())
    return Vocab.build(counts, min_count=1)


@pytest.fixture
def data(tmp_path: Path, vocab: Vocab) -> Path:
    root = tmp_path / "data" / "eight"
    draw(root / "train", FORMULAS)
    draw(root / "val", FORMULAS[:3])
    vocab.save(root / "vocab.json")
    return root


@pytest.fixture
def packed(data: Path, vocab: Vocab, tmp_path: Path) -> PackedSplit:
    return pack(
        data,
        "train",
        vocab=vocab,
        preprocessing=Preprocessing(),
        cache=tmp_path / "cache",
        reporter=SilentReporter(),
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "runtime": {"device": "cpu", "threads": 1},
            "model": {
                "encoder": "residual",
                "decoder": "transformer",
                "channels": (8, 16, 16),
                "width": 32,
                "heads": 2,
                "feedforward": 64,
                "decoder_layers": 2,
                "dropout": 0.1,
            },
            "train": {
                "preset": "seed",
                "epochs": 3,
                "batch_size": 3,
                "schedule": "cosine",
                "learning_rate": 3e-3,
                "output": str(tmp_path / "results" / "eight"),
            },
        }
    )


@pytest.fixture
def drawing() -> Callable[..., None]:
    """Return `draw`, for tests that need other pictures."""
    return draw
