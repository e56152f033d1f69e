"""What fine-tuning brings: 200 pictures in a typeface that the bundled model never saw.

Draws 300 formulas of formulas/valid.tsv.gz in that typeface, as an imagefolder of 180 train, 20 val
and 100 test pictures; then, with the project's own commands: build, eval-text, train --init, and
eval-text again, on the 100 and on the first 300 of im2latex_val1000. Prints a markdown table of
edit similarity (normalised) with paired 95 % intervals, and the minutes. Needs IM2LATEX_DATA and,
for a typeface of TeX's, latex.
`python tests/bench/bench_finetune.py [--typeface T] [--model M] [--limit N] [-- TRAIN OPTIONS]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from im2latex_cli.evaluate import forms, intervals, text
from im2latex_cli.evaluate.intervals import Difference
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.services.evaluating.inputs import read_examples
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.finish import encode_png, finish

TRAIN, VAL, TEST = 180, 20, 100
KEPT = 300
"""Pictures of im2latex_val1000 on which nothing should be lost."""
LENGTHS = range(8, 81)
"""Tokens of the formulas drawn."""
STIX = "stix"
AT_ONCE = 300


def formulas(table: Path) -> list[str]:
    """Sound formulas, each once, in an order that the seed fixes."""
    with gzip.open(table, "rt", encoding="utf-8", newline="\n") as file:
        lines = file.read().split("\n")[1:]
    found = sorted({line.split("\t")[2] for line in lines if line})
    random.Random(0).shuffle(found)
    return found


def sound(formula: str) -> bool:
    form = normalize(formula)
    return form.problem is None and len(form.tokens) in LENGTHS


def drawn(lines: Sequence[str], typeface: str) -> Iterator[tuple[str, bytes]]:
    """Formulas with their pictures, those that come out in the typeface."""
    settings = RenderSettings(renderer="embedded")
    if typeface != STIX:
        settings = RenderSettings(renderer="tex", fonts=1.0, typefaces=(typeface,))
    renderer = choose(settings)
    for first in range(0, len(lines), AT_ONCE):
        some = [line for line in lines[first : first + AT_ONCE] if sound(line)]
        for line, page in zip(some, renderer.render(some), strict=True):
            if isinstance(page, Page) and (not page.font or page.font.startswith(typeface)):
                yield (
                    line,
                    encode_png(finish(page.ink, look="im2latex", padding=8, buckets=False)[0]),
                )


def write_own(folder: Path, lines: Sequence[str], typeface: str, *, scale: float) -> None:
    """An imagefolder, such as a user has."""
    sizes = {"train": TRAIN, "val": VAL, "test": TEST}
    splits = [name for name, size in sizes.items() for _ in range(max(2, round(scale * size)))]
    folder.mkdir()
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as metadata:
        for place, (split, (line, png)) in enumerate(zip(splits, drawn(lines, typeface))):  # noqa: B905
            name = f"{place:04}.png"
            (folder / name).write_bytes(png)
            print(json.dumps({"file_name": name, "formula": line, "split": split}), file=metadata)


@dataclass(frozen=True)
class Bench:
    """Where the work is done, and with how many threads."""

    folder: Path
    threads: int
    beam: int

    def im2latex(self, *words: object) -> None:
        command = [sys.executable, "-m", "im2latex_cli", *map(str, words)]
        subprocess.run(
            command,
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"IM2LATEX_RUNTIME__THREADS": str(self.threads)},
        )

    def read(self, model: object, data: object, name: str, *, limit: int) -> Path:
        """Predictions of a model; a greedy search where the beam is 1."""
        output = self.folder / name
        sets = [f"decode.beam={self.beam}", f"evaluate.limit={limit}"]
        words = [word for one in sets for word in ("--set", one)]
        self.im2latex(
            "eval-text", "-q", "--model", model, "--data", data, "--output", output, *words
        )
        return output


def edit(before: Path, after: Path) -> Difference:
    tables = [
        text.statistics(*forms.tokens_in("normalised", read_examples(None, folder)))
        for folder in (before, after)
    ]
    figures = {"edit_similarity": text.FIGURES["edit_similarity"]}
    return intervals.compare(*tables, figures)[0]


def row(name: str, found: Difference) -> str:
    low, high = found.difference_interval
    change = f"{found.difference:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"| {name} | {found.a:.1f} | {found.b:.1f} | {change} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--typeface", default="euler", help=f"of render.typefaces, or {STIX}")
    parser.add_argument("--model", default="pretrained")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=KEPT, help="pictures of im2latex_val1000")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of own pictures")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it there")
    parser.add_argument("train", nargs="*", help="options of train")
    chosen = parser.parse_args(arguments)
    data = os.environ.get("IM2LATEX_DATA")
    if not data:
        print("skipped: IM2LATEX_DATA is not set")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (chosen.keep or Path(scratch) / "finetune").resolve()
        folder.mkdir()
        run(Bench(folder, chosen.threads, chosen.beam), Path(data).resolve(), chosen)


def run(bench: Bench, data: Path, chosen: argparse.Namespace) -> None:
    lines = formulas(data / "formulas" / "valid.tsv.gz")
    write_own(bench.folder / "own", lines, chosen.typeface, scale=chosen.scale)
    bench.im2latex("build", "-q", "--dataset", "own", "--output", "data/own")
    val1000 = data / "images" / "im2latex_val1000.tar"
    names = {chosen.typeface: ("data/own", TEST), "im2latex_val1000": (val1000, chosen.limit)}
    model = chosen.model
    if Path(model).exists():
        model = Path(model).resolve()
    before = {
        name: bench.read(model, of, f"before-{name}", limit=limit)
        for name, (of, limit) in names.items()
    }
    begun = time.perf_counter()
    bench.im2latex("train", "-q", "--data", "data/own", "--init", model, *chosen.train)
    minutes = (time.perf_counter() - begun) / 60
    print("| pictures | before | after | change (95 %) |\n|---|---|---|---|")
    for name, (of, limit) in names.items():
        after = bench.read("results/own", of, f"after-{name}", limit=limit)
        found = edit(before[name], after)
        print(row(f"{limit} of {name}", found), flush=True)
    print(
        f"\nEdit similarity, normalised, beam {bench.beam}; `im2latex train --init {chosen.model}` "
        f"on {TRAIN + VAL} pictures took {minutes:.1f} minutes with {bench.threads} threads."
    )


if __name__ == "__main__":
    main()
