from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from im2latex_cli import checkpoints
from im2latex_cli.settings.sections import PRESETS, ModelSettings

TOKENS = [
    *"xyzabcnk0123456789+-=,.()[]|/{}_^&",
    *(r"\frac", r"\sqrt", r"\alpha", r"\pi", r"\sum", r"\int", r"\left(", r"\right)", "\\\\"),
    *(r"\begin{matrix}", r"\end{matrix}", r"\hat", r"\mathrm"),
]
SIZES = [(24, 24), (33, 71), (40, 120), (64, 130), (16, 200), (57, 57), (90, 40), (48, 233)]
SIZES += [(31, 180), (9, 9), (20, 90), (128, 64), (32, 32)]


@pytest.fixture(scope="session")
def preset_model(untrained) -> Callable[[str], Path]:
    """Return a function that gives the model file of a preset.

    It has learned nothing, but cares more for the picture than an untrained model does.
    """
    made: dict[str, Path] = {}

    def of(preset: str) -> Path:
        if preset not in made:
            dims = ModelSettings.model_validate(PRESETS[preset]["model"])
            made[preset] = untrained(dims, TOKENS)
            file = checkpoints.load(made[preset])
            for name in file.tensors:
                if name.endswith("cross.out.weight"):
                    file.tensors[name] *= 30
            checkpoints.save(made[preset], file)
        return made[preset]

    return of


@pytest.fixture(scope="session")
def pages() -> list[np.ndarray]:
    """Strokes on paper, in 13 sizes."""
    rng = np.random.default_rng(8)
    made = []
    for size in SIZES:
        page = np.full(size, 255, np.uint8)
        for _ in range(2 + size[1] // 16):
            top, left = rng.integers(0, size[0] - 6), rng.integers(0, size[1] - 6)
            page[top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = 0
        made.append(page)
    return made
