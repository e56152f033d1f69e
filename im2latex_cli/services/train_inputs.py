"""The inputs of a training: data, vocabulary, preprocessing, and maybe another model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from im2latex_cli import checkpoints, paths
from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.data import store
from im2latex_cli.errors import InputError
from im2latex_cli.latex.normalize import NORMAL_FORM
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import Reporter
from im2latex_cli.recognition.models import find_model
from im2latex_cli.settings.sources import ResolvedSettings, SettingValue
from im2latex_cli.train.pack import PackedSplit, pack
from im2latex_cli.train.run_state import FREE, demand_dims, merge
from im2latex_cli.vision.prepare import Preprocessing

SMALL_BELOW = 2_000
"""Training pictures below which the preset auto takes small."""


@dataclass(frozen=True, slots=True)
class Start:
    """The model that a training begins with.

    Attributes:
        model: its file; of a run under way, that run's own last one.
        name: as the user named it.
        info: its entry in the run's model files; JSON-ready.
    """

    model: ModelFile
    name: str
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """The inputs of a training.

    Attributes:
        data: the data set folder.
        vocab: its tokens, behind those of the model that the training begins with.
        preprocessing: that of all pictures.
        train: the packed train split.
        start: the model that the training begins with, or None.
    """

    data: Path
    vocab: Vocab
    preprocessing: Preprocessing
    train: PackedSplit
    start: Start | None

    def pack(self, split: str, reporter: Reporter) -> PackedSplit:
        """Pack another split alike."""
        return _pack(self.data, split, self.vocab, self.preprocessing, reporter)

    def validation(self, reporter: Reporter) -> tuple[PackedSplit, str]:
        """The split to evaluate on: val, or train if there is none."""
        if "val" in store.splits(self.data):
            try:
                return self.pack("val", reporter), "val"
            except InputError as error:
                reporter.warn(str(error))
        reporter.warn("There are no validation pictures: evaluations read the train split.")
        return self.train, "train"


def open_inputs(
    data: Path, init: str | None, under_way: Path | None, reporter: Reporter
) -> TrainingInputs:
    """Read the inputs of a training.

    Args:
        data: the data set folder.
        init: the model to begin with, or None.
        under_way: the last model of the run that is to go on, if one is; it takes `init`'s place.
        reporter: shows the packing.

    Raises:
        InputError: the data set is missing, empty or without a vocabulary; no model is there.
        CheckpointError: the model cannot be used.
    """
    vocab, preprocessing = _vocab(data), _preprocessing(data)
    _warn_of_age(data, reporter)
    start = _start(init, under_way, vocab, reporter) if init else None
    if start:
        start_vocab, preprocessing = start.model.vocab, start.model.preprocessing
        vocab = start_vocab if under_way else merge(start_vocab, vocab)
    train = _pack(data, "train", vocab, preprocessing, reporter)
    return TrainingInputs(data, vocab, preprocessing, train, start)


def with_preset(resolved: ResolvedSettings, inputs: TrainingInputs) -> ResolvedSettings:
    """The settings with their preset, and with the dimensions of the model begun with.

    Raises:
        CheckpointError: the user set other dimensions than that model has.
    """
    preset: str = resolved.settings.train.preset
    start = inputs.start
    if preset == "auto":
        small = "small" if len(inputs.train) < SMALL_BELOW else "fast"
        preset = "tune" if start else small
    if start is None:
        return resolved.with_preset(preset)
    values = (*_dims(start), *resolved.user_values)
    resolved = replace(resolved, user_values=values).with_preset(preset)
    demand_dims(start.model, resolved.settings.model, name=start.name)
    return resolved


def _dims(start: Start) -> Iterator[SettingValue]:
    dims = start.model.dims
    for name in type(dims).model_fields:
        if name not in FREE:
            yield SettingValue(f"model.{name}", getattr(dims, name), f"model {start.name}")


def _start(init: str, under_way: Path | None, vocab: Vocab, reporter: Reporter) -> Start:
    if under_way:
        model = checkpoints.load(under_way)
        return Start(model, init, model.info.get("init", {}))
    path = find_model(init, reporter)
    model = checkpoints.load(path)
    info = {
        "model": init,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "data": model.info.get("data"),
        "steps": model.info.get("steps"),
        "tokens": len(model.vocab),
        "new_tokens": len(model.vocab.unknown(vocab.tokens)),
    }
    return Start(model, init, info)


def _vocab(data: Path) -> Vocab:
    store.splits(data)
    path = data / store.VOCAB
    if not path.is_file():
        raise InputError(
            f"{data} has no {store.VOCAB}.", hint=f"Make it with im2latex vocab `data` {data}."
        )
    return Vocab.load(path)


def _warn_of_age(data: Path, reporter: Reporter) -> None:
    """Say that a data set has labels of an older normal form; training goes on."""
    build = store.load_manifest(data)
    number = 1 if build is None else build.settings.get("latex.normal_form", 1)
    if build is not None and number != NORMAL_FORM:
        reporter.warn(
            f"{data} has labels in normal form {number}; this version writes {NORMAL_FORM}. "
            "Build it again to train on the current form."
        )


def _preprocessing(data: Path) -> Preprocessing:
    """The preprocessing that fits the pictures: that of `build` if it made them."""
    build = store.load_manifest(data)
    names = ("look", "font_size", "dpi", "padding")
    settings: dict[str, Any] = dict(build.settings) if build else {}
    values = {name: settings[f"render.{name}"] for name in names if f"render.{name}" in settings}
    return Preprocessing.of_build(**values) if len(values) == len(names) else Preprocessing()


def _pack(
    data: Path, split: str, vocab: Vocab, preprocessing: Preprocessing, reporter: Reporter
) -> PackedSplit:
    packed = pack(
        data,
        split,
        vocab=vocab,
        preprocessing=preprocessing,
        cache=paths.make_cache(),
        reporter=reporter,
    )
    for line in packed.skipped:
        reporter.warn(line)
    return packed
