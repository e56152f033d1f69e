"""Formulas a second from a text file to a finished data set, and where the time goes.

`im2latex build` with TeX and with the embedded renderer as whole processes, cold; beside them, on a
sample of the same formulas, the way of one document a formula: pdflatex, Ghostscript, Pillow.
Real formulas where IM2LATEX_DATA is set, else generated ones.
`python tests/bench/bench_build.py [--formulas N] [--sample N] [--curve]`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageOps

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.data.plan import make_plan
from im2latex_cli.data.sources.source import open_source
from im2latex_cli.data.store import load_manifest
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex import dvi, typesetter
from im2latex_cli.render.tex.dvi import FontUse
from im2latex_cli.render.tex.fonts import FontFinder
from im2latex_cli.render.tex.rasterizer import Compositor, FontCache
from im2latex_cli.render.tex.sandbox import run_latex, screen
from im2latex_cli.vision.finish import encode_png, finish

CURVE = (1_000, 10_000, 80_000)
PART = 4_000
ONE_BY_ONE = r"""\documentclass[12pt]{article}
\usepackage{amsmath,amssymb}\pagestyle{empty}
\begin{document}
\setbox0\vbox{\hsize\textwidth\parindent0pt\belowdisplayskip0pt\belowdisplayshortskip0pt
\indent$$%s$$}
\pdfpagewidth\wd0 \pdfpageheight\dimexpr\ht0+\dp0\relax \pdfhorigin0pt\pdfvorigin0pt
\shipout\box0
\end{document}
"""
ALPHA = ["-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", "-dAlignToPixels=0", "-dGridFitTT=2"]
OUTPUT = ["-sDEVICE=pngalpha", "-r200", "-dMaxBitmap=500000000", "-sOutputFile=f.png", "f.pdf"]
GHOSTSCRIPT = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", *ALPHA, *OUTPUT]
R = TypeVar("R")


@dataclass(frozen=True)
class Cost:
    """What some work took; seconds, and MiB of the whole process tree at its worst."""

    wall: float
    cpu: float
    memory: float = 0.0


def formulas(count: int) -> list[str]:
    """Different formulas of one line each."""
    folder = os.environ.get("IM2LATEX_DATA")
    if not folder:
        return [synthetic_formula(0, index) for index in range(count)]
    lines = (Path(folder) / "im2latex100k/train.norm.txt").read_text(encoding="utf-8").splitlines()
    table = Path(folder) / "formulas" / "train.tsv.gz"
    with gzip.open(table, "rt", encoding="utf-8", newline="\n") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        lines += [row["formula"].replace("\r", " ") for row in rows]
    return list(islice((line for line in dict.fromkeys(lines) if line.strip()), count))


def cpu_seconds() -> float:
    """CPU time of this process and of all its ended children."""
    return sum(os.times()[:4])


def timed(work: Callable[[], R]) -> tuple[R, Cost]:
    wall, cpu = time.perf_counter(), cpu_seconds()
    found = work()
    return found, Cost(time.perf_counter() - wall, cpu_seconds() - cpu)


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))
    except OSError:
        return


def megabytes(pid: int) -> float:
    """Memory of a process tree, shared pages counted once; 0 where /proc does not tell."""
    total = 0
    for one in tree(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def run_watched(command: Sequence[str], folder: Path) -> Cost:
    """Run a command; look at its memory twice a second."""
    wall, cpu, peak = time.perf_counter(), cpu_seconds(), 0.0
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        while process.poll() is None:
            peak = max(peak, megabytes(process.pid))
            time.sleep(0.5)
    if process.returncode not in {0, 7}:
        sys.exit((folder / "log").read_text())
    return Cost(time.perf_counter() - wall, cpu_seconds() - cpu, peak)


def build(lines: Sequence[str], flags: Sequence[str]) -> tuple[int, int, Cost]:
    """Pictures, failures and cost of one cold `im2latex build`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "formulas.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "im2latex_cli", "build", "-d", "formulas.txt", "-o", "out"]
        cost = run_watched([*command, *flags, "--quiet"], folder)
        manifest = load_manifest(folder / "out")
        assert manifest is not None
        pictures = sum(manifest.counts[split] for split in ("train", "val", "test"))
        return pictures, manifest.counts["failed"], cost


def report(name: str, lines: Sequence[str], flags: Sequence[str]) -> Cost:
    """Build, print a row, and return the cost of one formula."""
    pictures, failed, cost = build(lines, flags)
    each = Cost(cost.wall / len(lines), cost.cpu / len(lines))
    print(
        f"| {name} | {len(lines):,} | {cost.wall:.1f} | {1 / each.wall:,.0f} "
        f"| {1000 * each.cpu:.2f} | {cost.memory:.0f} | {pictures:,} | {failed:,} |",
        flush=True,
    )
    return each


def draw_alone(formula: str) -> bool:
    """One formula the one-by-one way: its own document, page and picture; False where it fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "f.tex").write_text(ONE_BY_ONE % formula, encoding="utf-8")
        quiet = {"cwd": name, "stdin": subprocess.DEVNULL, "capture_output": True}
        subprocess.run(["pdflatex", "-interaction=nonstopmode", "f.tex"], check=False, **quiet)
        subprocess.run(GHOSTSCRIPT, check=False, **quiet)
        if not (folder / "f.png").is_file():
            return False
        with Image.open(folder / "f.png") as image:
            grey = image.getchannel("A").point(lambda alpha: 0 if alpha else 255)
        box = ImageOps.invert(grey).getbbox()
        if box is None:
            return False
        padded = ImageOps.expand(grey.crop(box), 8, 255)
        half = (padded.width // 2, padded.height // 2)
        padded.resize(half, Image.Resampling.LANCZOS).save(folder / "out.png")
        return True


def one_by_one(lines: Sequence[str], sample: int) -> Cost | None:
    """The cost of one formula, as many at a time as there are cores; None without the programs."""
    absent = [program for program in ("pdflatex", "gs") if shutil.which(program) is None]
    if absent:
        print(f"\none by one: skipped, {' and '.join(absent)} not on PATH")
        return None
    picked = lines[:: max(1, len(lines) // sample)][:sample]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn, cost = timed(lambda: list(pool.map(draw_alone, picked)))
    each = Cost(cost.wall / len(picked), cost.cpu / len(picked))
    print(
        f"| one by one | {len(picked):,} | {cost.wall:.1f} | {1 / each.wall:,.2f} "
        f"| {1000 * each.cpu:.0f} | | {sum(drawn):,} | {drawn.count(False):,} |",
        flush=True,
    )
    return each


def stages(lines: Sequence[str]) -> Iterator[tuple[str, Cost]]:
    """What each stage costs in one process, fonts cold."""
    kpsewhich, latex = shutil.which("kpsewhich"), shutil.which("latex")
    assert kpsewhich
    assert latex
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "formulas.txt"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        opened = open_source(
            str(source), column="formula", size=1, seed=0, split_by=None, full=None
        )
        plan, cost = timed(
            lambda: make_plan(opened, limit=None, val_share=0.05, test_share=0.05, spacing="keep")
        )
        yield "reading, normal form, splits", cost
        forms = [join(item.form.split(" ")) for item in plan.items]
        screened, cost = timed(lambda: [screen(form) for form in forms])
        yield "screening", cost
        shared = [one for one in screened if one.lane == "shared" and not one.doubtful]
        jobs = [typesetter.Job(number, one.text) for number, one in enumerate(shared)]
        batches = [jobs[start : start + 1000] for start in range(0, len(jobs), 1000)]
        nonce = "benchmarkmark"
        runs, cost = timed(
            lambda: [
                run_latex(
                    latex,
                    typesetter.write_document(batch, size=12, nonce=nonce),
                    mark=nonce,
                    timeout=9,
                )
                for batch in batches
            ]
        )
        yield "TeX", cost
        font_cache = FontCache(FontFinder(kpsewhich), 200)

        def read() -> list[tuple[dvi.DviPage, list[FontUse]]]:
            found = []
            for run in runs:
                typesetter.read_log(run.lines, nonce=nonce)
                fonts: list[FontUse] = []
                found += [(page, fonts) for page in dvi.read(run.pages, fonts, font_cache.widths)]
            return found

        typeset, cost = timed(read)
        yield "reading marks and DVI", cost
        compositor = Compositor(font_cache, 200)
        painted, cost = timed(
            lambda: [
                compositor.paint(page, fonts, bottom=page.counts[2] + page.counts[3])
                for page, fonts in typeset
            ]
        )
        yield "painting", cost
        pages = [page for page in painted if isinstance(page, Page)]
        pictures, cost = timed(lambda: [finish(page.ink)[0] for page in pages])
        yield "padding, halving", cost
        files, cost = timed(lambda: [encode_png(picture) for picture in pictures])
        yield "PNG", cost

        def write() -> None:
            for number, png in enumerate(files):
                (Path(name) / f"{number}.png").write_bytes(png)

        yield "writing", timed(write)[1]


def print_stages(lines: Sequence[str]) -> None:
    print(f"\nBudget of one process over {len(lines):,} formulas, TeX's own process included:\n")
    print("| stage | ms a formula, CPU | wall |\n|---|---|---|")
    total = 0.0
    for name, cost in stages(lines):
        total += cost.cpu
        each = 1000 / len(lines)
        print(f"| {name} | {each * cost.cpu:.3f} | {each * cost.wall:.3f} |")
    print(f"| all | {1000 * total / len(lines):.3f} | |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--formulas", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=40, help="formulas drawn one by one")
    parser.add_argument("--curve", action="store_true", help="cost for 1,000, 10,000 and 80,000")
    wanted = parser.parse_args()
    lines = formulas(max(CURVE) if wanted.curve else wanted.formulas)
    kind = "real" if os.environ.get("IM2LATEX_DATA") else "generated"
    load_average = os.getloadavg()[0]
    print(f"{kind} formulas; {os.cpu_count()} cores, load {load_average:.1f} at the start\n")
    print("| way | formulas | s | formulas/s | CPU ms a formula | peak MiB | pictures | failed |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    has_tex, has_gs = shutil.which("latex") is not None, shutil.which("gs") is not None
    if wanted.curve:
        for count in CURVE:
            report("TeX" if has_tex else "embedded", lines[:count], [])
        return
    costs = {"TeX": report("TeX", lines, ["--renderer", "tex"])} if has_tex else {}
    costs["embedded"] = report("embedded", lines, ["--renderer", "embedded"])
    part = lines[:: max(1, len(lines) // PART)][:PART]
    if has_tex:
        costs["TeX, --fonts 0.2"] = report("TeX, --fonts 0.2", part, ["--fonts", "0.2"])
    if has_tex and has_gs:
        costs["TeX, --exact"] = report("TeX, --exact", part, ["--exact"])
    baseline = one_by_one(lines, wanted.sample)
    print()
    for name, cost in costs.items() if baseline else ():
        wall, cpu = baseline.wall / cost.wall, baseline.cpu / cost.cpu
        print(f"{name} against one by one: {wall:,.0f} times by the clock, {cpu:,.0f} by CPU time")
    if has_tex:
        print_stages(lines[:: max(1, len(lines) // 5000)][:5000])


if __name__ == "__main__":
    main()
