"""The record of a run: to JSON and back, and that of earlier versions."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from im2latex_cli import checkpoints
from im2latex_cli.errors import CheckpointError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.input.batches import Cursor
from im2latex_cli.train.input.pack import Packed
from im2latex_cli.train.learner_state import LearnerProgress
from im2latex_cli.train.run.folder import RunFolder
from im2latex_cli.train.run.run_state import History, RunState
from im2latex_cli.train.run.time_budget import Pace
from im2latex_cli.train.run.training_run import TrainingData, TrainingRun
from im2latex_cli.vision.prepare import Preprocessing

VERSION_1: dict[str, Any] = {  # as version 0.4 wrote it
    "kind": "state",
    "format": 1,
    "steps": 40,
    "step": 7,
    "pictures": 21,
    "seconds": 1.5,
    "smoothed": 2.25,
    "cursor": {"epoch": 1, "offset": 0, "position": 2, "origin": 5, "allowed": 5},
    "memory": {
        "best": {"step": 5, "loss": 2.0},
        "best_rank": [10.0, 0.0, -2.0],
        "since_best": 1,
        "losses": [2.0],
        "best_loss": 2.5,
        "first_loss": 3.0,
        "early_peak": 3.5,
        "findings": {"constant": "so"},
        "recalled": None,
        "calibration": {"slope": 1.0, "bias": 0.5},
        "finished": False,
    },
    "pace": {"work": 100, "seconds": 1.25, "corrections": 1},
    "epochs": 3,
    "max_minutes": None,
    "glyph_classes": [["cmmi", 97]],
    "settings": {"train.clip": 5.0},
    "data": "key",
}
READ = RunState(
    settings={"train.clip": 5.0},
    data="key",
    epochs=3,
    max_minutes=None,
    glyph_classes=(("cmmi", 97),),
    progress=LearnerProgress(40, 7, 21, 1.5, 2.25, Cursor(1, 0, 2, 5, 5)),
    history=History(**VERSION_1["memory"]),
    pace=Pace(100, 1.25, 1),
)


def test_a_record_survives_json() -> None:
    written = json.loads(json.dumps(READ.to_json()))
    assert RunState.from_json(written, name="state") == READ


def test_version_1_is_read() -> None:
    assert RunState.from_json(VERSION_1, name="state") == READ


def test_fields_of_other_versions_are_ignored_or_have_their_defaults() -> None:
    record = json.loads(json.dumps(READ.to_json()))
    record["history"]["of_a_later_version"] = 1
    del record["history"]["early_peak"]
    state = RunState.from_json(record, name="state")
    assert state.history.early_peak == 0.0
    assert state.history.best == READ.history.best


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 3}, "format 3 is not 2"),
        ({"format": None}, "format None"),
        ({"progress": {}}, "broken"),
        ({"history": 5}, "broken"),
        ({"format": 1}, "broken"),
    ],
)
def test_foreign_and_broken_records_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        RunState.from_json({**READ.to_json(), **change}, name="state")


def as_version_1(record: dict[str, Any]) -> dict[str, Any]:
    progress, history = record.pop("progress"), record.pop("history")
    return {**record, "format": 1, **progress, "memory": history}


def test_a_run_goes_on_from_a_state_of_version_1(
    packed: Packed, vocab: Vocab, settings: Settings, tmp_path
) -> None:
    data, folder = TrainingData(packed, packed, vocab, Preprocessing()), RunFolder(tmp_path)
    train = {"optimizer": "muon", "ema": 0.9}
    settings = settings.model_copy(update={"train": settings.train.model_copy(update=train)})
    first = TrainingRun.begin(settings, data)
    list(islice(first.steps(), 4))
    first.remember(first.evaluate())
    tensors, state = first.state()
    checkpoints.write_tensors(folder.state, tensors, as_version_1(state.to_json()))
    wanted = [report.loss for report in first.steps()]
    second = TrainingRun.resume(settings, data, *folder.load_state())
    assert second.history.best == state.history.best
    assert [report.loss for report in second.steps()] == wanted
