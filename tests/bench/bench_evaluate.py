"""Seconds to score 10,000 pairs as pictures and as text, rendering included.

Half of the predictions have a few wrong letters. Beside it, on a sample, the same column distances
by a plain dynamic programme. Needs IM2LATEX_DATA; `python tests/bench/bench_evaluate.py [PAIRS]`.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import sys
import tempfile
import time
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from im2latex_cli.data import predictions
from im2latex_cli.data.predictions import Hypothesis, Prediction
from im2latex_cli.evaluate import columns
from im2latex_cli.evaluate.columns import Columns
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.progress import SilentReporter
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.services.evaluating import eval_image, eval_text
from im2latex_cli.settings.sections import Settings

PAIRS = 10_000
SAMPLE = 5


def formulas(folder: Path, count: int) -> list[str]:
    lines = (folder / "im2latex100k" / "train.norm.txt").read_text(encoding="utf-8").splitlines()
    with gzip.open(folder / "formulas" / "train.tsv.gz", "rt", encoding="utf-8") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        more = list(islice((row["formula"] for row in rows), 2 * count))
    return list(dict.fromkeys([*lines, *more]))[:count]


def misread(formula: str, draw: random.Random) -> str:
    if draw.random() < 0.5:
        return formula
    letters = "xyzabc"
    return join(
        [
            draw.choice(letters) if token.isalpha() and draw.random() < 0.05 else token
            for token in tokenize(formula)
        ]
    )


def plain_seconds(lines: list[str]) -> float:
    """Seconds a pair for the column distance of neighbours by a plain dynamic programme."""
    pages = [page for page in choose(Settings().render).render(lines) if isinstance(page, Page)]
    sides = [columns.symbols(*(Columns.of(page.ink),) * 2)[0] for page in pages]
    started = time.perf_counter()
    for left, right in pairwise(sides):
        row = list(range(len(right) + 1))
        for at, symbol in enumerate(left, start=1):
            above, row = row, [at]
            for column, other in enumerate(right, start=1):
                way = above[column - 1] + (symbol != other)
                row.append(min(above[column] + 1, row[-1] + 1, way))
    return (time.perf_counter() - started) / max(len(sides) - 1, 1)


def main() -> None:
    folder = os.environ.get("IM2LATEX_DATA")
    if not folder:
        print("skipped: IM2LATEX_DATA is not set")
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    draw = random.Random(0)
    lines = formulas(Path(folder), count)
    rows = []
    for number, line in enumerate(lines):
        read = misread(line, draw)
        best = Hypothesis(read, tuple(tokenize(read)), 0.0, 1.0)
        rows.append(Prediction(str(number), "", line, (), (best,)))
    with tempfile.TemporaryDirectory() as results:
        predictions.write(Path(results), rows, {})
        for name, service in (
            (
                "eval-image",
                lambda: eval_image.run(Settings(), SilentReporter(), results=Path(results)),
            ),
            (
                "eval-text",
                lambda: eval_text.run(Settings(), SilentReporter(), hypotheses=Path(results)),
            ),
        ):
            started, cpu = time.perf_counter(), sum(os.times()[:4])
            found = service()
            wall, used = time.perf_counter() - started, sum(os.times()[:4]) - cpu
            print(f"{name}: {found.pictures:,} pairs in {wall:.1f} s ({used:.1f} s of CPU)")
    sample = [lines[at] for at in np.linspace(0, len(lines) - 1, SAMPLE).astype(int)]
    plain = 1000 * plain_seconds(sample)
    print(f"column distance by a plain dynamic programme: {plain:.0f} ms a pair")


if __name__ == "__main__":
    main()
