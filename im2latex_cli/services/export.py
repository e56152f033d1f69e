"""im2latex export: a model as ONNX graphs, for onnxruntime and whatever else reads them.

Graphs of a preset's dimensions are part of this package; only others are traced, by torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from im2latex_cli import files, runs
from im2latex_cli.errors import UsageError
from im2latex_cli.onnx import graphs as exported
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.models import (
    bundled_model,
    default_model,
    find_model,
    is_remote,
    short_name,
)
from im2latex_cli.services import hub
from im2latex_cli.settings.training import PRESETS, ModelSettings
from im2latex_cli.settings.tree import Settings

NEEDED = ("onnx", "onnxscript")


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        model: as it was named.
        encoder: pictures to memory.
        decoder: a step of the decoder.
        bytes: of both files.
        tokens: in the vocabulary.
        hub: the folder with model card and weights, or None.
    """

    model: str
    encoder: Path
    decoder: Path
    bytes: int
    tokens: int
    hub: Path | None = None


def run(
    settings: Settings,
    reporter: Reporter,
    *,
    model: str | None = None,
    output: Path | None = None,
    to_hub_folder: Path | None = None,
    scores: Sequence[Path] = (),
    force: bool = False,
) -> ExportResult:
    """Write a model's encoder and decoder step, with weights and header inside.

    Args:
        settings: threads.
        reporter: announces slow steps.
        model: pretrained, a results folder or a model file; None takes pretrained where it is
            bundled, else results/small.
        output: folder; None is `onnx` in the model's own folder, where predict looks for it, and
            results/pretrained/onnx for the pretrained model.
        to_hub_folder: write a folder to be uploaded to a hub: model card, configuration, weights
            and graphs.
        scores: folders of predictions whose scores the model card has.
        force: replace graphs of another model, and files of the folder for a hub.

    Raises:
        UsageError: a package is missing, the folder has graphs of another model or other files,
            or predictions of another model.
        CheckpointError: the model cannot be used.
        InputError: there is no such model.
    """
    name = model or default_model()
    path = find_model(name, reporter)
    if path.suffix == runs.GRAPH:
        raise UsageError(f"{name} is exported already.", hint="Name a model file.")
    if to_hub_folder is None:
        if scores:
            raise UsageError("`scores` are for a model card.", hint="Add `to_hub_folder`.")
        return _export(
            settings, reporter, name, path, output or _folder_of(name, path), force=force
        )
    if output is not None:
        raise UsageError("`output` and `to_hub_folder` exclude each other.")
    header = exported.read_header(path)
    content = hub.contents(path, header, hub.results_of(settings, reporter, path, scores))
    hub.write(to_hub_folder, content, force=force)
    graphs = to_hub_folder / runs.ONNX
    result = _export(settings, reporter, name, path, graphs, force=force)
    return replace(result, hub=to_hub_folder)


def _folder_of(name: str, path: Path) -> Path:
    """Return the folder for the graphs of a model."""
    unowned = is_remote(name) or path == bundled_model()
    return (runs.RESULTS / short_name(name) if unowned else path.parent) / runs.ONNX


def _export(
    settings: Settings, reporter: Reporter, name: str, path: Path, folder: Path, *, force: bool
) -> ExportResult:
    if exported.is_exported(folder) and not (force or exported.made_from(folder, path)):
        raise UsageError(
            f"{folder} has graphs of another model.", hint="Add `force` to replace them."
        )
    header = exported.read_header(path)
    if ready := exported.shipped(header.dims):
        bare = exported.bare(ready)
    else:
        _check_packages()
        reporter.info("Tracing the network; this takes about half a minute.")
        bare = _trace(header.dims, len(header.vocab), threads=settings.runtime.threads)
    encoder, decoder = exported.write(folder, bare, path, header)
    size = sum(one.stat().st_size for one in (encoder, decoder))
    return ExportResult(name, encoder, decoder, size, len(header.vocab))


def ship(folder: Path = exported.SHIPPED) -> list[Path]:
    """Write the graphs of every preset without weights, as this package carries them."""
    _check_packages()
    paths = []
    every = [ModelSettings.model_validate(preset["model"]) for preset in PRESETS.values()]
    for name, dims in {exported.fingerprint(dims): dims for dims in every}.items():
        for part, graph in _trace(dims, vocabulary=7).items():
            paths.append(folder / name / f"{part}.onnx")
            files.write_bytes(paths[-1], graph)
    return paths


def _trace(dims: ModelSettings, vocabulary: int, *, threads: int | None = None) -> dict[str, bytes]:
    from im2latex_cli.network.device import use_threads
    from im2latex_cli.network.export import graphs
    from im2latex_cli.network.network import Network

    use_threads(threads)
    return graphs(Network(dims, vocabulary))


def _check_packages() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"Exporting a network of these dimensions needs {' and '.join(missing)}.",
            hint="Install them: pip install 'im2latex-cli[export]'.",
        )
