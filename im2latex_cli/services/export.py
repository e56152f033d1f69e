"""im2latex export: a model as ONNX graphs, or as a repository of a hub with a model card.

Graphs of the dimensions of a preset are part of this package; only others are traced, by torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from im2latex_cli import files, runs
from im2latex_cli._version import __version__
from im2latex_cli.data import predictions
from im2latex_cli.errors import UsageError
from im2latex_cli.headers import Header
from im2latex_cli.onnx import graphs as exported
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.models import (
    bundled_model,
    default_model,
    find_model,
    is_remote,
    short_name,
)
from im2latex_cli.results import Score
from im2latex_cli.services.evaluating import eval_text
from im2latex_cli.services.evaluating.figures import EvalTextResult
from im2latex_cli.settings.sections import PRESETS, ModelSettings, Settings

CARD = "README.md"
CONFIG = "config.json"
METRICS = (
    ("bleu4", "bleu", "BLEU-4"),
    ("edit_similarity", "edit_similarity", "edit similarity"),
    ("exact_match", "exact_match", "exact match"),
)
"""Field of our results, type in the card's header, and name."""
_TRAINING = {
    "data": "data set",
    "pictures": "training pictures",
    "preset": "preset",
    "steps": "steps",
    "minutes": "minutes",
    "training_data": "training data",
    "measured": "measured",
}
"""What the header's `info` may say of the training, and how the card calls it."""


def repository_files(
    model: Path, header: Header, scores: Sequence[EvalTextResult]
) -> dict[str, bytes]:
    """Return the files of the repository but for the graphs, by name.

    Args:
        model: the model file.
        header: its header.
        scores: results of eval-text with this model.
    """
    weights = model.read_bytes()
    texts = {
        CARD: card(header, scores, digest=sha256(weights).hexdigest()),
        CONFIG: _json(_config(header)),
        runs.VOCAB: _json(header.vocab.to_json()),
    }
    return {runs.HUB_MODEL: weights} | {name: text.encode("utf-8") for name, text in texts.items()}


def write_repository(folder: Path, content: Mapping[str, bytes], *, force: bool) -> None:
    """Write the files of a repository.

    Raises:
        UsageError: one of them is there with other content, such as an edited card.
    """
    different = [name for name, data in content.items() if _differs(folder / name, data)]
    if different and not force:
        raise UsageError(
            f"{folder} has other files already: {', '.join(different)}.",
            hint="Add `force` to replace them.",
        )
    for name, data in content.items():
        files.write_bytes(folder / name, data)


def results_of(
    settings: Settings, reporter: Reporter, model: Path, folders: Sequence[Path]
) -> list[EvalTextResult]:
    """Score the predictions that a model made.

    Args:
        settings: the form and the seed of the intervals.
        reporter: warns of a model without scores.
        model: the model file.
        folders: of predictions; empty takes those in the model's own folder, if it has any.

    Raises:
        InputError: there are no predictions.
        UsageError: another model made them.
    """
    digest = sha256(model.read_bytes()).hexdigest()
    if not folders:
        folders = [model.parent] if _made_by(digest, model.parent) else []
    for folder in folders:
        predictions.rows_file(folder)
        if not _made_by(digest, folder):
            raise UsageError(
                f"{folder} has no predictions of this model.",
                hint="Make them: im2latex eval-text with this model, `data` and `output`.",
            )
    if not folders:
        reporter.warn("The model card has no scores: name folders that eval-text wrote.")
    return [eval_text.run(settings, reporter, hypotheses=folder) for folder in folders]


def card(header: Header, scores: Sequence[EvalTextResult], *, digest: str) -> str:
    """Write the model card: a header for the hub in YAML, and a page for people."""
    name = str(header.info.get("name") or header.info.get("data") or "model")
    return "\n".join([*_front_matter(name, scores), "", *_page(name, header, scores, digest), ""])


def _front_matter(name: str, scores: Sequence[EvalTextResult]) -> Iterator[str]:
    """Write the header; JSON values are YAML."""
    yield "---"
    yield "library_name: im2latex-cli"
    yield "pipeline_tag: image-to-text"
    yield "tags: [ocr, latex, mathematics, formula, im2latex, onnx, safetensors]"
    if scores:
        results = [_index_entry(result) for result in scores]
        yield f"model-index: {_inline([{'name': name, 'results': results}])}"
    yield "---"


def _index_entry(result: EvalTextResult) -> dict[str, Any]:
    data = Path(result.data).stem
    return {
        "task": {"type": "image-to-text", "name": "Formula recognition"},
        "dataset": {"type": data, "name": data, "split": result.split or "test"},
        "metrics": [
            {
                "type": kind,
                "name": f"{label} ({result.form})",
                "value": round(float(getattr(result, field)), 1),
            }
            for field, kind, label in METRICS
        ],
    }


def _page(
    name: str, header: Header, scores: Sequence[EvalTextResult], digest: str
) -> Iterator[str]:
    yield f"# {name}"
    yield ""
    yield f"Reads pictures of printed formulas as LaTeX, with [im2latex-cli]({_HOME}):"
    yield ""
    yield "```sh"
    yield "pip install 'im2latex-cli[onnx]'"
    yield f"im2latex predict --model 'hf://OWNER/NAME#sha256={digest}' formula.png"
    yield f"im2latex train --init 'hf://OWNER/NAME#sha256={digest}' --data data/mine"
    yield "```"
    yield ""
    yield from _scores(scores)
    yield "## Training"
    yield ""
    yield from _facts(header)
    yield ""
    yield "## Files"
    yield ""
    yield "| file | content |"
    yield "|---|---|"
    yield f"| `{runs.HUB_MODEL}` | weights, with vocabulary, preprocessing and calibration |"
    yield f"| `{CONFIG}`, `{runs.VOCAB}` | the header of the weights as JSON |"
    yield f"| `{runs.ONNX}/` | encoder and decoder step for onnxruntime, complete in themselves |"


_HOME = "https://github.com/im2latex-cli/im2latex-cli"


def _scores(scores: Sequence[EvalTextResult]) -> Iterator[str]:
    yield "## Scores"
    yield ""
    if not scores:
        yield "Not measured."
        yield ""
        return
    yield "Percent, with 95 % bootstrap intervals over the pictures (`im2latex eval-text`)."
    yield ""
    yield f"| pictures | number | form | {' | '.join(label for _, _, label in METRICS)} |"
    yield "|---|---|---|---|---|---|"
    for result in scores:
        split = f", split {result.split}" if result.split else ""
        figures = " | ".join(_figure(getattr(result, field)) for field, _, _ in METRICS)
        data = Path(result.data).name
        yield f"| {data}{split} | {result.pictures} | {result.form} | {figures} |"
    yield ""
    for result in scores:
        if result.note:
            yield f"{Path(result.data).name}: {result.note}."
            yield ""


def _facts(header: Header) -> Iterator[str]:
    for key, label in _TRAINING.items():
        if header.info.get(key) is not None:
            yield f"- {label}: {header.info[key]}"
    start = header.info.get("init")
    if isinstance(start, dict) and start.get("model"):
        digest = f" (SHA-256 {start['sha256']})" if start.get("sha256") else ""
        yield f"- begun with: {_public_name(str(start['model']))}{digest}"
    yield f"- tokens in the vocabulary: {len(header.vocab)}"
    yield f"- written by im2latex-cli {__version__}"


def _public_name(model: str) -> str:
    """Return the name of a model without the folders of the machine that it lies on."""
    return model if "://" in model else Path(model).name


def _config(header: Header) -> dict[str, Any]:
    plain = header.to_json()
    config = {name: plain[name] for name in ("format", "package", "dims", "preprocessing")}
    return {"library_name": "im2latex-cli", **config, "tokens": len(header.vocab)}


def _figure(score: Score) -> str:
    if score.interval is None:
        return f"{score:.1f}"
    return f"{score:.1f} ({score.interval[0]:.1f}-{score.interval[1]:.1f})"


def _made_by(digest: str, folder: Path) -> bool:
    if not (folder / predictions.ROWS_FILE).is_file():
        return False
    return bool(predictions.read_meta(folder).get("model_sha256") == digest)


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() != content


def _inline(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


PACKAGES = ("onnx", "onnxscript")


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
    content = repository_files(path, header, results_of(settings, reporter, path, scores))
    write_repository(to_hub_folder, content, force=force)
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
    size = sum(graph.stat().st_size for graph in (encoder, decoder))
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
    from im2latex_cli.network.export import graphs
    from im2latex_cli.network.network import Network
    from im2latex_cli.network.torch_engine import use_threads

    use_threads(threads)
    return graphs(Network(dims, vocabulary))


def _check_packages() -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"Exporting a network of these dimensions needs {' and '.join(missing)}.",
            hint="Install them: pip install 'im2latex-cli[export]'.",
        )
