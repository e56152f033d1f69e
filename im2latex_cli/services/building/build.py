"""im2latex build: formulas to a data set folder, once, however often it is interrupted.

A report is an HTML page of the data set, from its folder.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from im2latex_cli import files
from im2latex_cli.data import store
from im2latex_cli.data.plan import (
    BEYOND_SHARE,
    DUPLICATE,
    MADE,
    OVERLAP,
    REMOVED,
    BuildPlan,
    Exclusion,
    make_plan,
)
from im2latex_cli.data.sources.entries import Source, count
from im2latex_cli.data.sources.source import (
    BUILT_IN,
    parse_shares,
)
from im2latex_cli.data.store import Manifest
from im2latex_cli.data.text_files import Row, read_rows
from im2latex_cli.data.unfinished import FOLDER, Unfinished, claim
from im2latex_cli.errors import EXIT_OK, EXIT_PARTIAL, InputError, Interrupted, UsageError
from im2latex_cli.files import locked
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import Reporter
from im2latex_cli.render.workers.pool import check_scheduler
from im2latex_cli.report.building import Building, Histogram, Sample, html
from im2latex_cli.report.page import Table
from im2latex_cli.services.building.pictures import draw, draw_or_take, take
from im2latex_cli.services.building.request import (
    IMPORTED,
    demand_same,
    open_formulas,
    output_folder,
    requested_manifest,
    with_recombined,
    with_renderer,
)
from im2latex_cli.settings.reference import to_value
from im2latex_cli.settings.sections import BuildSettings, Settings


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The data set of a build, new or from an earlier run.

    Attributes:
        output: the data set folder.
        dataset: the data set's name.
        renderer: name and version of the renderer, or "imported".
        counts: pictures of each split.
        failed: formulas without a picture, removed repeats aside.
        failures: failed formulas by reason.
        failures_file: the file that lists them; None if there are none.
        duplicates: formulas removed because their split has their normal form already.
        overlaps: formulas removed because another split has their normal form.
        beyond_share: formulas left out because their data set has its share; None if none are.
        recombined: pictures of made formulas among those of train; None where none were asked for.
        vocabulary: tokens in the vocabulary, specials aside.
        max_failures: share of formulas that may fail.
        report: the page written, or None.
        built: False if the data set existed already.
        seconds: how long it took.
    """

    output: str
    dataset: str
    renderer: str
    counts: Mapping[str, int]
    failed: int
    failures: Mapping[str, int]
    failures_file: str | None
    duplicates: int
    overlaps: int
    beyond_share: int | None
    recombined: int | None
    vocabulary: int
    max_failures: float
    report: str | None
    built: bool
    seconds: float

    @property
    def failed_share(self) -> float:
        """Failed formulas as a share of all that should have a picture."""
        return self.failed / max(1, self.failed + sum(self.counts.values()))

    @property
    def exit_code(self) -> int:
        """0 while few enough formulas failed, else 7; 3 if nothing has a picture."""
        if not any(self.counts.values()):
            return InputError.exit_code
        return EXIT_OK if self.failed_share <= self.max_failures else EXIT_PARTIAL


def run(settings: Settings, reporter: Reporter, *, force: bool = False) -> BuildResult:
    """Build the data set that `settings.build` asks for; go on where an earlier run stopped.

    Args:
        settings: the whole tree; build, render and latex shape the data set.
        reporter: shows progress.
        force: build anew although the folder holds a data set.

    Raises:
        UsageError: the folder holds a data set of other settings, or another process builds it;
            or a cluster is asked for without its address or without the package for it.
        InputError: the formulas cannot be read, or the folder cannot be written.
        DownloadError: the formulas cannot be fetched.
        RendererError: the renderer asked for is not there, or the cluster is out of reach.
        Interrupted: Ctrl-C; what is done is kept.
    """
    started = time.perf_counter()
    build = settings.build
    root = output_folder(settings)
    for dataset, _ in parse_shares(build.dataset):
        if dataset not in BUILT_IN and root.resolve() == Path(dataset).resolve():
            raise UsageError(
                f"{root} holds the formulas; they and the data set cannot be in one folder."
            )
    if _scheduler(build) is None and build.scheduler is not None:
        reporter.warn(
            "build.scheduler is set, but without `build.executor` dask nothing goes there."
        )
    source = open_formulas(settings, reporter)
    job = _Job(root, settings, source, reporter)
    try:
        claim(root)
        built = job.run(force=force)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Stopped; the pictures so far are kept.",
            hint="Run the same command again to go on.",
        ) from error
    except OSError as error:
        raise InputError(
            f"The data set cannot be written to {root}: {error}.",
            hint="What is done is kept: put that right and run the same command again.",
        ) from error
    if not built:
        reporter.info(f"{root} is built already; nothing to do.")
    if build.report:
        _write_page(Path(build.report), root, settings, reporter)
    result = _result(root, settings, built=built, seconds=time.perf_counter() - started)
    if not any(result.counts.values()):
        reporter.warn(f"No formula has a picture; {root / store.FAILURES} says why.")
    return result


def _scheduler(build: BuildSettings) -> str | None:
    """Address of the scheduler to use, None for this machine alone.

    Raises:
        UsageError: the address is missing or none, or the package is not installed.
    """
    if build.executor == "local":
        return None
    if build.scheduler is None:
        raise UsageError(
            "`build.executor` dask needs `build.scheduler`, the address of a Dask scheduler.",
            hint="It looks like tcp://HOST:8786; `dask scheduler` starts one.",
        )
    check_scheduler(build.scheduler)
    return build.scheduler


@dataclass(frozen=True, slots=True)
class _Job:
    """One call of `run`, everything opened."""

    root: Path
    settings: Settings
    source: Source
    reporter: Reporter

    def run(self, *, force: bool) -> bool:
        """Build what is missing; False if nothing is."""
        if not force and not (self.root / FOLDER).exists() and self._is_built():
            return False
        work = Unfinished(self.root)
        with locked(work.path, busy=f"Another process is building {self.root}."):
            if not work.is_ready():
                try:
                    return self._run_locked(work, force=force)
                finally:
                    work.drop_unbegun()
            work.publish()
        return self.run(force=force) or not force

    def _run_locked(self, work: Unfinished, *, force: bool) -> bool:
        old_request = None if force else work.request()
        if old_request is None and not force and self._is_built():
            return False
        request = requested_manifest(self.settings, self.source, old=old_request)
        if old_request is not None:
            demand_same(f"The unfinished {self.root}", old_request, request)
        with_pictures = self.source.picture is not None
        request = with_renderer(self.settings, request, with_pictures=with_pictures)
        plan = self._plan()
        if old_request is None:
            work.begin(request)
        else:
            demand_same(f"The unfinished {self.root}", old_request, request)
        self._make(work, request, plan)
        return True

    def _is_built(self) -> bool:
        manifest = store.load_manifest(self.root)
        if manifest is None:
            return False
        demand_same(
            str(self.root), manifest, requested_manifest(self.settings, self.source, old=manifest)
        )
        return True

    def _make(self, work: Unfinished, request: Manifest, plan: BuildPlan) -> None:
        self._draw(work, request, plan)
        undrawn = work.write_tables(plan.items, glyphs=self.settings.build.glyphs)
        failures = sorted([*plan.exclusions, *undrawn], key=lambda row: row.place)
        files.write_jsonl(work.path / store.FAILURES, (row.to_json() for row in failures))
        vocab = Vocab.build(_train_tokens(plan, undrawn), min_count=self.settings.vocab.min_count)
        vocab.save(work.path / store.VOCAB)
        _complete(request, plan, undrawn).save(work.path)
        work.publish()

    def _plan(self) -> BuildPlan:
        build = self.settings.build
        for remark in self.source.remarks:
            self.reporter.warn(remark)
        with self.reporter.step("Reading formulas"):
            plan = make_plan(
                self.source,
                limit=build.limit,
                val_share=build.val_share,
                test_share=build.test_share,
                spacing=self.settings.latex.spacing,
            )
        if not plan.items and not plan.exclusions:
            raise InputError(f"There are no formulas in {self.source.name}.")
        self._show_parts(plan)
        return with_recombined(plan, self.settings, self.reporter)

    def _show_parts(self, plan: BuildPlan) -> None:
        counts = Counter(item.part for item in plan.items)
        for number, part in enumerate(self.source.parts):
            self.reporter.info(f"{part.name}: {counts[number]:,} formulas.")

    def _draw(self, work: Unfinished, request: Manifest, plan: BuildPlan) -> None:
        done = work.resume(plan.items)
        todo = plan.items[done:]
        if done:
            self.reporter.info(f"Going on: {done} of {len(plan.items)} pictures are there.")
        if request.renderer == IMPORTED:
            results = take(todo, self.source)
        else:
            render = self.settings.render.model_copy(update={"renderer": request.renderer})
            build = self.settings.build
            scheduler = _scheduler(build)
            to_render = [item for item in todo if item.image is None]
            results = draw(
                to_render, render, jobs=build.jobs, scheduler=scheduler, glyphs=build.glyphs
            )
            if len(to_render) < len(todo):
                pictures = take([item for item in todo if item.image is not None], self.source)
                results = draw_or_take(todo, results, pictures)
        with self.reporter.step("Rendering", len(plan.items)) as step, closing(results):
            step.advance(done)
            for _ in work.append(results):
                step.advance()


def _train_tokens(plan: BuildPlan, undrawn: Sequence[Exclusion]) -> Counter[str]:
    places = {row.place for row in undrawn}
    items = (item for item in plan.items if item.split == "train" and item.place not in places)
    return Counter(token for item in items for token in item.form.split(" "))


def _complete(request: Manifest, plan: BuildPlan, undrawn: Sequence[Exclusion]) -> Manifest:
    """Add the counts to the manifest."""
    places = {row.place for row in undrawn}
    counts = count(item.split for item in plan.items if item.place not in places)
    reasons = Counter(row.reason for row in [*plan.exclusions, *undrawn])
    removed = {name: reasons.pop(name, 0) for name in (DUPLICATE, OVERLAP)}
    if BEYOND_SHARE in reasons:
        removed[BEYOND_SHARE] = reasons.pop(BEYOND_SHARE)
    if "build.recombine" in request.settings:
        recombined = (item for item in plan.items if item.origin == MADE and item.file == MADE)
        removed[MADE] = sum(item.place not in places for item in recombined)
    return replace(
        request,
        counts=counts | {"failed": reasons.total()} | removed,
        failures=dict(sorted(reasons.items())),
    )


def _manifest(root: Path) -> Manifest:
    manifest = store.load_manifest(root)
    if manifest is None:
        raise InputError(f"{root} lost its manifest while it was built.")
    return manifest


def _write_page(path: Path, root: Path, settings: Settings, reporter: Reporter) -> None:
    try:
        write_build_page(path, root, _manifest(root), seed=settings.runtime.seed)
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {path}: {error}.", hint=f"{root} itself is built."
        ) from error
    reporter.info(f"Report: {path}.")


def _result(root: Path, settings: Settings, *, built: bool, seconds: float) -> BuildResult:
    manifest = _manifest(root)
    counts = manifest.counts
    return BuildResult(
        output=str(root),
        dataset=manifest.dataset,
        renderer=f"{manifest.renderer} {manifest.renderer_version}".strip(),
        counts={split: counts[split] for split in store.SPLITS},
        failed=counts["failed"],
        failures=manifest.failures,
        failures_file=str(root / store.FAILURES) if counts["failed"] else None,
        duplicates=counts[DUPLICATE],
        overlaps=counts[OVERLAP],
        beyond_share=counts.get(BEYOND_SHARE),
        recombined=counts.get(MADE),
        vocabulary=len(Vocab.load(root / store.VOCAB).tokens) - 4,
        max_failures=settings.build.max_failures,
        report=settings.build.report,
        built=built,
        seconds=seconds,
    )


SAMPLES = 40
EXAMPLES = 10
"""Failures shown of each reason; failures.jsonl has them all."""
LONGEST = 300


def write_build_page(path: Path, root: Path, manifest: Manifest, *, seed: int) -> None:
    """Write the page of the data set in `root`.

    Args:
        path: the file.
        root: the data set folder.
        manifest: the data set's manifest.
        seed: chooses the pictures.

    Raises:
        InputError: the data set is damaged.
        OSError: the file cannot be written.
    """
    splits = [split for split in store.SPLITS if manifest.counts[split]]
    records = [record for split in splits for record in store.read(root, split)]
    sample = random.Random(seed).sample(records, min(SAMPLES, len(records)))
    page = Building(
        title=f"im2latex build: {manifest.dataset}",
        facts=_facts(manifest),
        histograms=(
            Histogram("Length in tokens", [len(record.tokens) for record in records]),
            Histogram("Width in pixels", [record.width for record in records]),
            Histogram("Height in pixels", [record.height for record in records]),
        ),
        tables=_failures(root, manifest),
        samples=tuple(
            Sample(
                example.id, example.formula, " ".join(example.tokens), example.image.read_bytes()
            )
            for example in sample
        ),
    )
    files.write_text(path, html(page))


def _facts(manifest: Manifest) -> dict[str, str]:
    counts = manifest.counts
    removed = ", ".join(f"{counts[reason]:,} {reason}" for reason in REMOVED if reason in counts)
    return {
        "pictures": ", ".join(f"{counts[split]:,} {split}" for split in store.SPLITS),
        "failed": f"{counts['failed']:,}",
        "removed": f"{removed} (the same normal form is there already, or beyond the share)",
        "source": f"{manifest.source['name']}, SHA-256 {manifest.source['sha256']}",
        "renderer": f"{manifest.renderer} {manifest.renderer_version}".strip(),
    } | {name: to_value(value) for name, value in manifest.settings.items() if value is not None}


def _failures(root: Path, manifest: Manifest) -> tuple[Table, ...]:
    total = sum(manifest.counts[split] for split in store.SPLITS) + manifest.counts["failed"]
    by_count = sorted(manifest.failures.items(), key=lambda item: -item[1])
    reasons = Table(
        "Failures by reason",
        ("reason", "formulas", "percent"),
        tuple((name, f"{count:,}", f"{100 * count / total:.2f}") for name, count in by_count),
    )
    examples: dict[str, list[Row]] = defaultdict(list)
    for _, row in read_rows(root / store.FAILURES) if by_count else ():
        if row["reason"] not in REMOVED and len(examples[row["reason"]]) < EXAMPLES:
            examples[row["reason"]].append(row)
    return (
        reasons,
        *(
            Table(
                f"The first of {name}",
                ("line", "formula", "message"),
                tuple(_example(row) for row in examples[name]),
            )
            for name, _ in by_count
        ),
    )


def _example(row: Row) -> tuple[str, str, str]:
    where = f"{row['file']}, {row['line']}" if "file" in row else str(row["line"])
    return where, _shorten(row["formula"]), _shorten(row["message"])


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
