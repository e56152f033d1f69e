"""What a run remembers beside its tensors: one versioned record, to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from im2latex_cli.errors import CheckpointError
from im2latex_cli.settings.reference import values
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.learner_state import LearnerProgress
from im2latex_cli.train.run.time_budget import Pace

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


def bound(settings: Settings) -> dict[str, Any]:
    """The settings that a run is bound to, JSON-ready, by dotted name."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values(settings).items()
        if name.startswith(_BOUND) and name not in _FREE
    }


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
        wanted = settings.train
        asked = (wanted.epochs, wanted.max_minutes)
        return self.history.finished and asked == (self.epochs, self.max_minutes)

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
                history=_known(History, record["history"]),
                pace=_known(Pace, record["pace"]),
                result=record["result"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{name}: the record of the run is broken ({error!r}).",
                hint="Begin anew with `force`.",
            ) from error


def _known(kind: type[T], values: Mapping[str, Any]) -> T:
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
