"""What makes two builds the same: the manifest that a build asks for, and how one differs."""

from __future__ import annotations

from typing import Any

from im2latex_cli.data.manifest import Manifest
from im2latex_cli.data.sources.entries import Source
from im2latex_cli.data.sources.mixture import parse_shares
from im2latex_cli.data.sources.source import dataset_name
from im2latex_cli.errors import UsageError
from im2latex_cli.latex.normalize import NORMAL_FORM
from im2latex_cli.render.choose import choose
from im2latex_cli.services.building import recombining
from im2latex_cli.settings.sections import BuildSettings
from im2latex_cli.settings.tree import Settings

IMPORTED = "imported"
RENDER_SETTINGS = (
    *("font_size", "dpi", "look", "padding", "buckets", "exact", "fonts", "typefaces", "looks"),
)
LATER = {
    "latex.normal_form": 1,
    "render.exact": False,
    "render.fonts": 0.0,
    "render.typefaces": [],
    "render.looks": [],
    "build.recombine": 0,
    "build.min_examples": 0,
    "build.longer": 1.0,
}
"""Settings that some data sets do not name, with what they were built with."""


def name_of(build: BuildSettings) -> str:
    """The short name of the data set to build: of several, their names joined by +.

    Raises:
        UsageError: the shares are wrong.
    """
    return "+".join(dataset_name(dataset) for dataset, _ in parse_shares(build.dataset))


def asked(settings: Settings, source: Source, *, kept: Manifest | None = None) -> Manifest:
    """The manifest, without counts, of the data set that the settings ask for.

    Args:
        settings: the whole tree.
        source: the opened formulas.
        kept: manifest of the data set that is there; `auto` accepts its renderer, and its
            version stands, since finding out a version starts the renderer.
    """
    renderer, version = settings.render.renderer, ""
    if kept is not None:
        name = kept.renderer if renderer == "auto" else renderer
        version = kept.renderer_version if name == kept.renderer else ""
    else:
        name = renderer
    if source.is_imported:
        name, version = IMPORTED, ""
    return Manifest(
        dataset=name_of(settings.build),
        source={"name": source.name, "sha256": source.digest},
        renderer=name,
        renderer_version=version,
        settings=_shaping(settings, source),
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


def demand_same(what: str, kept: Manifest, request: Manifest) -> None:
    """Check that the data set there, finished or not, is the one asked for.

    Args:
        what: how the message calls it.
        kept: what it is.
        request: what is asked for.

    Raises:
        UsageError: it is not; every difference is named.
    """
    differences = list(_differences(kept, request))
    if differences:
        raise UsageError(
            f"{what} was built otherwise: {'; '.join(differences)}.",
            hint="Add `force` to build it anew, or choose another `output`.",
        )


def _differences(kept: Manifest, request: Manifest) -> list[str]:
    pairs: list[tuple[str, Any, Any]] = [
        ("renderer", kept.renderer, request.renderer),
        ("renderer version", kept.renderer_version, request.renderer_version),
    ]
    names = sorted({*kept.settings, *request.settings})
    pairs += [
        (
            name,
            kept.settings.get(name, LATER.get(name)),
            request.settings.get(name, LATER.get(name)),
        )
        for name in names
    ]
    found = [f"{name} was {was}, now {now}" for name, was, now in pairs if was != now]
    if kept.renderer != request.renderer:
        del found[1:2]
    if kept.source["sha256"] != request.source["sha256"]:
        was, now = kept.source["name"], request.source["name"]
        found.append(f"the formulas were {was}, now {now}" if was != now else f"{now} has changed")
    return found


def _shaping(settings: Settings, source: Source) -> dict[str, Any]:
    build, render = settings.build, settings.render
    shaping: dict[str, Any] = {
        **source.options,
        "build.limit": build.limit,
        "build.val_share": build.val_share,
        "build.test_share": build.test_share,
        "build.glyphs": build.glyphs,
        "latex.spacing": settings.latex.spacing,
        "latex.normal_form": NORMAL_FORM,
        **recombining.shaping(settings, source),
    }
    if not source.is_imported:
        chosen = render.model_dump(mode="json", include=set(RENDER_SETTINGS))
        shaping |= {f"render.{name}": chosen[name] for name in RENDER_SETTINGS}
    return shaping
