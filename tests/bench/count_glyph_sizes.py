"""Count the sizes of pieces of ink for `im2latex_cli.vision.ink`.

Run with the environment variable IM2LATEX_DATA pointing at a folder with formulas and with
`latex` on PATH: `python tests/bench/count_glyph_sizes.py im2latex_cli/vision/glyph_sizes.npz`.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.ink import SCALES, count_sizes, save_counts

PAGE_SCALE = 2.0  # 200 dpi


def formulas(data: Path, count: int) -> list[str]:
    """Half of the formulas from articles, half from textbooks."""
    draw = random.Random(0)
    articles = (data / "im2latex100k" / "train.norm.txt").read_text().splitlines()
    with gzip.open(data / "formulas" / "train.tsv.gz", "rt") as stream:
        books = [line.rstrip("\n").split("\t")[2] for line in stream][1:]
    return draw.sample(articles, count // 2) + draw.sample(books, count // 2)


def pages(chosen: list[str]) -> Iterator[Page]:
    """Pages in Computer Modern, and a third as many in STIX Two."""
    settings = RenderSettings()
    for renderer, part in (
        (TexRenderer(settings), chosen),
        (EmbeddedRenderer(settings), chosen[::3]),
    ):
        for page in renderer.render(part):
            if isinstance(page, Page):
                yield page


def variants(chosen: list[str]) -> Iterator[tuple[np.ndarray, float]]:
    """Each page at about every scale, with greys and blackened."""
    draw = np.random.default_rng(0)
    for page in pages(chosen):
        for ink in (page.ink, np.where(page.ink < 255, 0, 255).astype(np.uint8)):
            sheet = Image.fromarray(np.pad(ink, 16, constant_values=255))
            for scale in SCALES:
                factor = scale * float(np.exp(draw.uniform(-0.1, 0.1))) / PAGE_SCALE
                size = [max(4, round(side * factor)) for side in sheet.size]
                small = sheet.resize((size[0], size[1]), Image.Resampling.LANCZOS)
                yield np.asarray(small), factor * PAGE_SCALE


if __name__ == "__main__":
    found = count_sizes(variants(formulas(Path(os.environ["IM2LATEX_DATA"]), 1600)))
    with Path(sys.argv[1]).open("wb") as target:
        save_counts(target, found)
