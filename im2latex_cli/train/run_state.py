"""What a run goes on from: its saved state, or the weights of another model.

A state file holds tensors and one versioned JSON record, `RunState`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import CheckpointError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.settings.reference import values
from im2latex_cli.settings.sections import ModelSettings, Settings
from im2latex_cli.train.batches import Cursor
from im2latex_cli.train.loop import Learner
from im2latex_cli.train.time_budget import Pace

VERSION = 2
"""Of the JSON layout. States of version 1 are read; see `_from_version_1`."""

_FREE = (
    "train.epochs",
    "train.max_minutes",
    "train.session_minutes",
    "train.output",
    "train.compile",
    "train.evaluate_every",
    "train.evaluate_limit",
    "train.patience",
    "train.check_labels",
)
"""Settings that a resumed run may change."""

_BOUND = ("model.", "train.", "latex.", "vocab.", "runtime.seed")

T = TypeVar("T")

FREE = ("dropout",)
"""Dimensions that shape no tensor, so that a run may change them."""

_FRESH = 0.1
"""Share of its usual size that a new token's random part keeps beside the mean of all tokens."""


def bound(settings: Settings) -> dict[str, Any]:
    """The settings that a run is bound to, JSON-ready, by dotted name."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values(settings).items()
        if name.startswith(_BOUND) and name not in _FREE
    }


@dataclass(frozen=True, slots=True)
class LearnerProgress:
    """How far a learner is; JSON-ready.

    Attributes:
        steps: of the whole run.
        step: steps done.
        pictures: pictures seen.
        seconds: time spent in steps.
        smoothed: smoothed loss, or None before the first step.
        cursor: position in the stream of batches.
    """

    steps: int = 0
    step: int = 0
    pictures: int = 0
    seconds: float = 0.0
    smoothed: float | None = None
    cursor: Cursor = field(default_factory=Cursor)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LearnerProgress:
        """Read what `dataclasses.asdict` made of it; other fields are ignored.

        Raises:
            KeyError, TypeError, ValueError: it is broken.
        """
        smoothed = values["smoothed"]
        return cls(
            steps=int(values["steps"]),
            step=int(values["step"]),
            pictures=int(values["pictures"]),
            seconds=float(values["seconds"]),
            smoothed=None if smoothed is None else float(smoothed),
            cursor=Cursor(**values["cursor"]),
        )


@dataclass
class History:
    """What a run remembers of its losses and evaluations.

    Attributes:
        best: figures of the best evaluation.
        best_rank: what it was chosen by.
        since_best: evaluations since then.
        losses: validation losses of all evaluations.
        best_loss: lowest smoothed training loss.
        first_loss: loss of the first step.
        early_peak: highest loss in the first tenth of the steps.
        findings: messages of the last diagnosis, by code.
        recalled: figures on the train split itself, of small data sets.
        calibration: score to confidence, of the last evaluation.
        suspicious: training pictures whose label may be wrong, once they were looked for.
        finished: whether all steps are done.
    """

    best: dict[str, Any] = field(default_factory=dict)
    best_rank: list[float] = field(default_factory=list)
    since_best: int = 0
    losses: list[float] = field(default_factory=list)
    best_loss: float | None = None
    first_loss: float | None = None
    early_peak: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    recalled: dict[str, Any] | None = None
    calibration: dict[str, float] | None = None
    suspicious: int | None = None
    finished: bool = False


@dataclass
class RunState:
    """Everything that going on needs, but for tensors.

    Attributes:
        settings: the settings that the run is bound to, by dotted name.
        data: key of the packed train split.
        epochs: passes over the split that the run was asked for.
        max_minutes: minutes that it was asked for, or None.
        glyph_classes: (font family, code) of each class, or None if no glyphs are taught.
        progress: of the learner.
        history: of losses and evaluations.
        pace: of a run of fixed time.
        result: of a finished run, for whoever asks again.
    """

    settings: Mapping[str, Any]
    data: str
    epochs: int
    max_minutes: float | None
    glyph_classes: tuple[tuple[str, int], ...] | None = None
    progress: LearnerProgress = field(default_factory=LearnerProgress)
    history: History = field(default_factory=History)
    pace: Pace = field(default_factory=Pace)
    result: Mapping[str, Any] | None = None

    def finished_as(self, settings: Settings) -> bool:
        """Whether the run is done, and not asked to be longer or shorter than it was."""
        requested = settings.train
        lengths = (requested.epochs, requested.max_minutes)
        return self.history.finished and lengths == (self.epochs, self.max_minutes)

    def differences(self, settings: Settings, data: str) -> list[str]:
        """Names of the settings that another run would change, and "data" if it has other data."""
        # a setting that the run's version did not have yet had its default
        before, now = bound(Settings()) | dict(self.settings), bound(settings)
        names = sorted(
            name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
        )
        return names + (["data"] if self.data != data else [])

    def to_json(self) -> dict[str, Any]:
        """The record of a state file."""
        return {"kind": "state", "format": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any], *, name: str) -> RunState:
        """Read the record of a state file, of this version or of version 1.

        Fields that this version does not know are ignored; those that it alone knows have their
        defaults.

        Args:
            record: the JSON object.
            name: the file, for messages.

        Raises:
            CheckpointError: it is of a newer version, or broken.
        """
        version = record.get("format")
        if version not in {1, VERSION}:
            raise CheckpointError(
                f"{name}: format {version!r} is not {VERSION}.",
                hint="Resume with the version that wrote it, or begin anew with `force`.",
            )
        try:
            if version == 1:
                record = _from_version_1(record)
            classes = record["glyph_classes"]
            return cls(
                settings=dict(record["settings"]),
                data=str(record["data"]),
                epochs=int(record["epochs"]),
                max_minutes=record["max_minutes"],
                glyph_classes=classes and tuple((str(font), int(code)) for font, code in classes),
                progress=LearnerProgress.from_json(record["progress"]),
                history=_from_fields(History, record["history"]),
                pace=_from_fields(Pace, record["pace"]),
                result=record["result"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{name}: the record of the run is broken ({error!r}).",
                hint="Begin anew with `force`.",
            ) from error


def _from_fields(kind: type[T], values: Mapping[str, Any]) -> T:
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in dict(values).items() if name in names})


def _from_version_1(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 had the learner's numbers at the top, and called the history memory."""
    return {
        **{name: record[name] for name in ("settings", "data", "epochs", "max_minutes")},
        "glyph_classes": record.get("glyph_classes"),
        "progress": record,
        "history": record["memory"],
        "pace": record["pace"],
        "result": record.get("result"),
    }


def capture(learner: Learner) -> tuple[dict[str, Tensor], LearnerProgress]:
    """Everything that the next step depends on.

    Returns:
        Tensors (weights, averages, moments, random generators) and the progress. The tensors are
        the learner's own: write or clone them before the next step.
    """
    tensors = {"random.cpu": torch.get_rng_state()}
    if learner.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(learner.device)
    for part, module in _modules(learner).items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    for number, parameter in enumerate(learner.optimizer.parameters()):
        for name, value in learner.optimizer.moments(parameter).items():
            tensors[f"optimizer.{number}.{name}"] = value
    progress = LearnerProgress(
        steps=learner.steps,
        step=learner.step,
        pictures=learner.pictures,
        seconds=learner.seconds,
        smoothed=None if math.isnan(learner.smoothed) else learner.smoothed,
        cursor=learner.cursor,
    )
    return tensors, progress


def restore(learner: Learner, tensors: Mapping[str, Tensor], progress: LearnerProgress) -> None:
    """Put a captured state into a learner made from the same settings.

    Raises:
        CheckpointError: the state belongs to another network.
    """
    try:
        for part, module in _modules(learner).items():
            module.load_state_dict(_part(tensors, f"{part}."))
        for number, parameter in enumerate(learner.optimizer.parameters()):
            moments = _part(tensors, f"optimizer.{number}.")
            learner.optimizer.set_moments(
                parameter, {name: _like(parameter, value) for name, value in moments.items()}
            )
        torch.set_rng_state(tensors["random.cpu"])
        if learner.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], learner.device)
    except (KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"The saved training state does not fit this network ({reason}).",
            hint="Resume with the settings it began with, or begin anew with `force`.",
        ) from error
    learner.cursor, learner.steps, learner.step = progress.cursor, progress.steps, progress.step
    learner.pictures, learner.seconds = progress.pictures, progress.seconds
    learner.smoothed = math.nan if progress.smoothed is None else progress.smoothed


def _modules(learner: Learner) -> dict[str, nn.Module]:
    modules: dict[str, nn.Module] = {"network": learner.network}
    if learner.average:
        modules["average"] = learner.average.network
        if learner.average.anchor:
            modules["anchor"] = learner.average.anchor
    if learner.head:
        modules["head"] = learner.head
    return modules


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """Give a moment the device and memory layout of its parameter: fused kernels rely on both."""
    if value.shape != parameter.shape:
        return value.clone().to(parameter.device)
    return torch.empty_like(parameter).copy_(value)


def merge(base: Vocab, new: Vocab) -> Vocab:
    """All tokens of `base` under their numbers, then those that only `new` has; counts add up.

    Tokens that the new data set lacks stay, so that fine-tuning takes away no symbol.
    """
    counts = dict(zip(new.tokens, new.counts, strict=True))
    new_tokens = base.unknown(new.tokens)
    return Vocab(
        tokens=(*base.tokens, *new_tokens),
        counts=(
            *(
                count + counts.get(token, 0)
                for token, count in zip(base.tokens, base.counts, strict=True)
            ),
            *(counts[token] for token in new_tokens),
        ),
    )


def demand_dims(model: ModelFile, dims: ModelSettings, *, name: str) -> None:
    """Check that a network of these dimensions can take the model's weights.

    Raises:
        CheckpointError: naming each setting that differs, with both values.
    """
    actual, expected = model.dims.model_dump(), dims.model_dump()
    changed_names = [key for key in actual if key not in FREE and actual[key] != expected[key]]
    if changed_names:
        differences = ", ".join(
            f"model.{key} {actual[key]!r}, not {expected[key]!r}" for key in changed_names
        )
        raise CheckpointError(
            f"The model {name} has other dimensions than you set: {differences}.",
            hint="Leave these settings out: the dimensions then come from the model.",
        )


@torch.no_grad()
def begin_from(network: Network, tensors: Mapping[str, Tensor]) -> None:
    """Give a network the weights of a model whose tokens are the first of its own.

    A token without weights begins at the mean of all others with a little noise, so that the
    network neither prefers nor shuns it (Hewitt 2021, "Initializing New Word Embeddings for
    Pretrained Language Models").

    Args:
        network: changed in place; its own random weights give the noise.
        tensors: the model's state; a tensor with a row for each token may have fewer rows.
    """
    state = network.state_dict()
    for name, fresh in state.items():
        old = tensors[name].to(fresh.dtype)
        if old.shape == fresh.shape:
            fresh.copy_(old)
            continue
        fresh[len(old) :] = old.mean(dim=0, keepdim=True) + _FRESH * fresh[len(old) :]
        fresh[: len(old)] = old
