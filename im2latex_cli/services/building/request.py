"""What a build is asked for: its formulas, its manifest, and formulas added to the real ones.

A folder goes on only if its build had the same manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from im2latex_cli import runs
from im2latex_cli.data.plan import BuildPlan, with_made
from im2latex_cli.data.sources.entries import Source
from im2latex_cli.data.sources.im2latex100k import IM2LATEX_100K, missing, obtain
from im2latex_cli.data.sources.source import (
    FULL,
    dataset_name,
    mix,
    open_source,
    parse_shares,
    with_macros,
)
from im2latex_cli.data.store import Manifest
from im2latex_cli.errors import UsageError
from im2latex_cli.latex.normalize import NORMAL_FORM
from im2latex_cli.paths import make_cache
from im2latex_cli.progress import Reporter
from im2latex_cli.recombination.maker import VERSION, recombine
from im2latex_cli.render.choose import choose
from im2latex_cli.settings.sections import BuildSettings, Settings

IMPORTED = "imported"
RENDER_SETTINGS = (
    *("font_size", "dpi", "look", "padding", "buckets", "exact", "fonts", "typefaces", "looks"),
)
ADDED_LATER = {
    "latex.normal_form": 1,
    "render.exact": False,
    "render.fonts": 0.0,
    "render.typefaces": [],
    "render.looks": [],
    "build.recombine": 0,
    "build.min_examples": 0,
    "build.longer": 1.0,
}
"""Settings that some data sets do not name, with the values that these were built with."""


def adds_formulas(build: BuildSettings) -> bool:
    """Whether the settings add formulas."""
    return bool(build.recombine or build.min_examples)


def recombination_settings(settings: Settings, source: Source) -> dict[str, Any]:
    """Everything that decides which formulas are made, by dotted name.

    Raises:
        UsageError: the pictures come with the formulas, so made ones would be painted otherwise.
    """
    build = settings.build
    if not adds_formulas(build):
        return {}
    if source.is_imported:
        raise UsageError(
            f"{source.name} comes with its pictures, so no formulas can be added to it.",
            hint="Build its formulas from a table, or leave out `build.recombine` and "
            "`build.min_examples`.",
        )
    return {
        "build.recombine": build.recombine,
        "build.min_examples": build.min_examples,
        "build.longer": build.longer,
        "recombination": VERSION,
        "runtime.seed": settings.runtime.seed,
    }


def with_recombined(plan: BuildPlan, settings: Settings, reporter: Reporter) -> BuildPlan:
    """Add recombined formulas of the train split; none equals one of val or test.

    Args:
        plan: of the real formulas.
        settings: how many to make, and the seed.
        reporter: shows progress, and a warning if fewer could be made.
    """
    build = settings.build
    if not adds_formulas(build):
        return plan
    train = [item.form.split(" ") for item in plan.items if item.split == "train"]
    others = [item.form.split(" ") for item in plan.items if item.split != "train"]
    formulas = recombine(
        train,
        build.recombine,
        seed=settings.runtime.seed,
        held_out=others,
        spacing=settings.latex.spacing,
        longer=build.longer,
        min_examples=build.min_examples,
    )
    total = None if build.min_examples else build.recombine
    forms = list(_with_progress(formulas, total, reporter))
    if len(forms) < build.recombine:
        reporter.warn(
            f"Only {len(forms)} of {build.recombine} formulas could be made"
            f" from the {len(train)} of the train split."
        )
    return with_made(plan, forms)


def _with_progress(
    formulas: Iterator[Sequence[str]], total: int | None, reporter: Reporter
) -> Iterator[Sequence[str]]:
    with reporter.step("Recombining", total) as step:
        for form in formulas:
            yield form
            step.advance()


def name_of(build: BuildSettings) -> str:
    """The short name of the data set to build: of several, their names joined by +.

    Raises:
        UsageError: the shares are wrong.
    """
    return "+".join(dataset_name(dataset) for dataset, _ in parse_shares(build.dataset))


def output_folder(settings: Settings) -> Path:
    """The folder of the data set: the output of the settings, else data/NAME."""
    build = settings.build
    return Path(build.output) if build.output else runs.DATA / name_of(build)


def open_formulas(settings: Settings, reporter: Reporter) -> Source:
    """Open the formulas of all data sets; fetch those of full that no folder has."""
    build = settings.build
    parsed = parse_shares(build.dataset)
    full = _full([dataset for dataset, _ in parsed], build, reporter)
    sources = [
        open_source(
            dataset,
            column=build.column,
            split_by=build.split_by,
            size=build.size,
            seed=settings.runtime.seed,
            full=full,
        )
        for dataset, _ in parsed
    ]
    source = mix(sources, [share for _, share in parsed])
    return source if build.macros is None else with_macros(source, Path(build.macros))


def _full(datasets: Sequence[str], build: BuildSettings, reporter: Reporter) -> Path | None:
    """The folder with the files of full; None if no data set is full."""
    folder = None if build.source is None else Path(build.source)
    if folder is not None and FULL not in datasets:
        raise UsageError(
            f"`build.source` is a folder with the files of {FULL}; the data set is "
            f"{', '.join(datasets)}.",
            hint=f"Add `build.dataset` {FULL}, or name the folder itself with `build.dataset`.",
        )
    if FULL in datasets and folder is None:
        folder = make_cache() / IM2LATEX_100K.name
        obtain(IM2LATEX_100K, folder, reporter)
    elif folder is not None:
        missing(IM2LATEX_100K, folder)  # raises where a downloaded file has changed
    return folder


def requested_manifest(
    settings: Settings, source: Source, *, old: Manifest | None = None
) -> Manifest:
    """The manifest, without counts, of the data set that the settings ask for.

    Args:
        settings: the whole tree.
        source: the opened formulas.
        old: manifest of the data set on disk; `auto` accepts its renderer, and its version is
            taken as it is, since asking for a version starts the renderer.
    """
    renderer, version = settings.render.renderer, ""
    if old is not None:
        name = old.renderer if renderer == "auto" else renderer
        version = old.renderer_version if name == old.renderer else ""
    else:
        name = renderer
    if source.is_imported:
        name, version = IMPORTED, ""
    return Manifest(
        dataset=name_of(settings.build),
        source={"name": source.name, "sha256": source.digest},
        renderer=name,
        renderer_version=version,
        settings=_relevant_settings(settings, source),
    )


def with_renderer(
    settings: Settings, request: Manifest, *, with_pictures: bool = False
) -> Manifest:
    """Name the renderer that will really work, and its version.

    Args:
        settings: the whole tree.
        request: what is asked for.
        with_pictures: whether some formulas come with their pictures.

    Raises:
        RendererError: it is not there.
        UsageError: glyphs are asked of a renderer that does not know them, or of pictures.
    """
    name, version = request.renderer, request.renderer_version
    if name != IMPORTED:
        render = settings.render.model_copy(update={"renderer": name})
        renderer = choose(render)
        name, version = renderer.name, renderer.version
    if settings.build.glyphs and with_pictures and name != IMPORTED:
        raise UsageError(
            "Glyph positions are not known for pictures that come with their formulas.",
            hint="Build without `build.glyphs`, or without those pictures.",
        )
    if settings.build.glyphs and name != "tex":
        raise UsageError(
            f"Glyph positions come from the TeX renderer; this data set is {name}.",
            hint="Build without `build.glyphs`, or with `render.renderer` tex.",
        )
    return Manifest(
        dataset=request.dataset,
        source=request.source,
        renderer=name,
        renderer_version=version,
        settings=request.settings,
    )


def demand_same(what: str, old: Manifest, request: Manifest) -> None:
    """Check that the data set on disk, finished or not, is the requested one.

    Args:
        what: its name in the message.
        old: its manifest.
        request: the manifest of the requested one.

    Raises:
        UsageError: it is not; every difference is named.
    """
    differences = list(_differences(old, request))
    if differences:
        raise UsageError(
            f"{what} was built otherwise: {'; '.join(differences)}.",
            hint="Add `force` to build it anew, or choose another `output`.",
        )


def _differences(old: Manifest, request: Manifest) -> list[str]:
    pairs: list[tuple[str, Any, Any]] = [
        ("renderer", old.renderer, request.renderer),
        ("renderer version", old.renderer_version, request.renderer_version),
    ]
    names = sorted({*old.settings, *request.settings})
    pairs += [
        (
            name,
            old.settings.get(name, ADDED_LATER.get(name)),
            request.settings.get(name, ADDED_LATER.get(name)),
        )
        for name in names
    ]
    differences = [f"{name} was {was}, now {now}" for name, was, now in pairs if was != now]
    if old.renderer != request.renderer:
        del differences[1:2]
    if old.source["sha256"] != request.source["sha256"]:
        was, now = old.source["name"], request.source["name"]
        differences.append(
            f"the formulas were {was}, now {now}" if was != now else f"{now} has changed"
        )
    return differences


def _relevant_settings(settings: Settings, source: Source) -> dict[str, Any]:
    build, render = settings.build, settings.render
    values: dict[str, Any] = {
        **source.options,
        "build.limit": build.limit,
        "build.val_share": build.val_share,
        "build.test_share": build.test_share,
        "build.glyphs": build.glyphs,
        "latex.spacing": settings.latex.spacing,
        "latex.normal_form": NORMAL_FORM,
        **recombination_settings(settings, source),
    }
    if not source.is_imported:
        render_values = render.model_dump(mode="json", include=set(RENDER_SETTINGS))
        values |= {f"render.{name}": render_values[name] for name in RENDER_SETTINGS}
    return values
