"""im2latex pages build: typeset pages whose formulas are known."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.data.sources.entries import SourceFormula, hashed_split
from im2latex_cli.data.sources.source import open_source
from im2latex_cli.data.text_files import Row
from im2latex_cli.errors import InputError, RendererError, UsageError
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.pages import store
from im2latex_cli.pages.typeset import PageTypesetter, TypesetPage
from im2latex_cli.progress import Reporter
from im2latex_cli.settings.sections import Settings
from im2latex_cli.vision.finish import encode_png

SHARES = {"train": 0.9, "val": 0.05, "test": 0.05}
FORMULAS = 20_000
"""Formulas that documents draw from, over all splits."""
PER_DOCUMENT = 1500
"""Formulas that one document draws from."""
MOST_BARREN = 20
"""Documents in a row without a page after which something is wrong with LaTeX."""

Formulas = list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesRequest:
    """Which pages to make.

    Attributes:
        output: folder of the data set.
        pages: how many, over all splits.
        formulas: small, synthetic, or a file or folder with formulas.
        dpi: pixels per inch.
        layouts: names; empty for all.
        typefaces: names; empty for all that are installed.
        only_test: all pages are for testing, with all formulas.
        jobs: processes; None is one per core.
        force: replace a data set that is there.
    """

    output: Path
    pages: int
    formulas: str
    dpi: int
    layouts: tuple[str, ...] = ()
    typefaces: tuple[str, ...] = ()
    only_test: bool = False
    jobs: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class BuildPagesResult:
    """The new data set of pages.

    Attributes:
        output: the folder.
        pages: pages over all splits.
        displays: displayed formulas on them.
        numbers: equation numbers.
        inline: inline formulas, counted by lines.
        seconds: how long it took.
    """

    output: str
    pages: int
    displays: int
    numbers: int
    inline: int
    seconds: float


def run(settings: Settings, reporter: Reporter, request: PagesRequest) -> BuildPagesResult:
    """Make a data set of pages.

    Raises:
        UsageError: the folder is not empty, or there is no such layout.
        InputError: there are no formulas.
        RendererError: LaTeX or a typeface is not installed, or no document can be typeset.
    """
    started = time.perf_counter()
    _claim(request.output, force=request.force)
    formulas = _formulas(settings, reporter, request)
    counts = dict.fromkeys(("display", "number", "inline"), 0)
    pages = 0
    with reporter.step("Typeset pages", total=request.pages) as step:
        for split, share in _shares(request).items():
            target = max(1, round(share * request.pages))
            rows = []
            for row in _split(settings.runtime.seed, request, split, formulas[split], target):
                rows.append(row)
                step.advance()
                for region in row["regions"]:
                    counts[region["kind"]] += 1
            store.write_rows(request.output / split, rows)
            pages += len(rows)
    seconds = round(time.perf_counter() - started, 1)
    return BuildPagesResult(
        str(request.output), pages, counts["display"], counts["number"], counts["inline"], seconds
    )


def _shares(request: PagesRequest) -> dict[str, float]:
    return {"test": 1.0} if request.only_test else SHARES


def _claim(root: Path, *, force: bool) -> None:
    if root.exists() and any(root.iterdir()):
        if not force or not any((root / split / store.METADATA).is_file() for split in SHARES):
            raise UsageError(
                f"{root} is not empty.", hint="Take another folder, or `force` for a data set."
            )
        for split in SHARES:
            shutil.rmtree(root / split, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)


def _formulas(settings: Settings, reporter: Reporter, request: PagesRequest) -> dict[str, Formulas]:
    """Normal forms for each split; no formula is in two."""
    source = open_source(
        request.formulas,
        column=settings.build.column,
        size=settings.build.size,
        seed=settings.runtime.seed,
    )
    entries = [entry.formula for entry in source.read() if isinstance(entry, SourceFormula)]
    random.Random(settings.runtime.seed).shuffle(entries)
    formulas: dict[str, Formulas] = {split: [] for split in store.SPLITS}
    forms: set[str] = set()
    total = min(len(entries), FORMULAS)
    with reporter.step("Read formulas", total=total) as step:
        for formula in entries:
            normal = normalize(formula)
            form = " ".join(normal.tokens)
            if normal.problem or not form or form in forms:
                continue
            forms.add(form)
            step.advance()
            split = (
                "test"
                if request.only_test
                else hashed_split(form, val_share=SHARES["val"], test_share=SHARES["test"])
            )
            formulas[split].append(list(normal.tokens))
            if len(forms) == total:
                break
    missing = [split for split in _shares(request) if not formulas[split]]
    if missing:
        raise InputError(f"{request.formulas} has no formulas for the split {missing[0]}.")
    return formulas


def _split(
    seed: int, request: PagesRequest, split: str, formulas: Formulas, target: int
) -> Iterator[Row]:
    """Typeset documents until a split has its pages; yield their metadata."""
    folder = request.output / split
    first = seed * 1_000_003 + store.SPLITS.index(split) * 100_000_007
    with closing(_pages(request, formulas, first)) as pages:
        for number, page in enumerate(islice(pages, target)):
            name = f"{number:06d}.png"
            files.write_bytes(folder / name, encode_png(page.ink))
            height, width = page.ink.shape
            yield store.to_row(
                name,
                (width, height),
                page.regions,
                dpi=page.dpi,
                layout=page.layout,
                typeface=page.typeface,
            )


def _pages(request: PagesRequest, formulas: Formulas, seed: int) -> Generator[TypesetPage]:
    """Pages of documents without end, in the order of the seeds from `seed` on."""
    jobs = request.jobs or os.cpu_count() or 1
    options = (request.dpi, request.layouts, request.typefaces)
    context = multiprocessing.get_context("spawn")
    seeds = count(seed)
    barren = 0
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_start, initargs=(*options, formulas)
    ) as pool:
        running = [pool.submit(_document, one) for one in islice(seeds, 2 * jobs)]
        try:
            while barren < MOST_BARREN:
                pages = running.pop(0).result()
                running.append(pool.submit(_document, next(seeds)))
                barren = 0 if pages else barren + 1
                yield from pages
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    raise RendererError(
        f"LaTeX gave no page in {barren} documents.",
        hint="Check the formulas, and the LaTeX installation with im2latex doctor.",
    )


_worker: tuple[PageTypesetter, Formulas] | None = None


def _start(
    dpi: int, layouts: tuple[str, ...], typefaces: tuple[str, ...], formulas: Formulas
) -> None:
    global _worker  # noqa: PLW0603 - the state of a worker process
    _worker = PageTypesetter(dpi=dpi, layouts=layouts, typefaces=typefaces), formulas


def _document(seed: int) -> list[TypesetPage]:
    if _worker is None:
        raise AssertionError
    typesetter, formulas = _worker
    return list(typesetter.pages(_sample(formulas, seed), seed))


def _sample(formulas: Sequence[list[str]], seed: int) -> Sequence[list[str]]:
    """Some of the formulas, others for each seed."""
    start = seed * 7919 % len(formulas)
    return [
        *formulas[start : start + PER_DOCUMENT],
        *formulas[: max(0, start + PER_DOCUMENT - len(formulas))],
    ]
