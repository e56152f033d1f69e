"""The record of a run: to JSON and back, and that of earlier versions."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
import torch

from im2latex_cli import checkpoints
from im2latex_cli.checkpoints import ModelFile
from im2latex_cli.errors import CheckpointError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import ModelSettings, Settings
from im2latex_cli.train.batches import Cursor
from im2latex_cli.train.folder import RunFolder
from im2latex_cli.train.optimizer import MovingAverage
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.run_state import (
    History,
    LearnerProgress,
    RunState,
    begin_from,
    demand_dims,
    merge,
)
from im2latex_cli.train.time_budget import Pace
from im2latex_cli.train.training_run import TrainingData, TrainingRun
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

OLD = Vocab.build({"a": 5, r"\alpha": 4, "x": 2}, min_count=1)


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
    packed: PackedSplit, vocab: Vocab, settings: Settings, tmp_path
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


def test_merging_keeps_old_numbers_and_adds_new_tokens_behind() -> None:
    new = Vocab.build({"x": 7, "b": 3, "a": 1}, min_count=1)
    both = merge(OLD, new)
    assert both.tokens == (*OLD.tokens, "b")
    assert dict(zip(both.tokens[4:], both.counts[4:], strict=True)) == {
        "a": 6,
        r"\alpha": 4,
        "x": 9,
        "b": 3,
    }
    assert merge(OLD, OLD).tokens == OLD.tokens


@pytest.fixture(params=["transformer", "lstm"])
def dims(request: pytest.FixtureRequest, settings: Settings) -> ModelSettings:
    return settings.model.model_copy(update={"decoder": request.param, "units": 16})


def test_old_tokens_are_predicted_as_before_and_new_ones_not_favoured(
    dims: ModelSettings,
) -> None:
    old = Network(dims, len(OLD)).eval()
    new = Network(dims, len(OLD) + 2).eval()
    begin_from(new, old.state_dict())
    images, sizes = torch.rand(2, 1, 32, 64), torch.tensor([[32, 64], [32, 64]])
    ids = torch.tensor([[1, 4, 5], [1, 6, 4]])
    with torch.no_grad():
        before = old.decode(old.encode(images, sizes), ids).logits
        after = new.decode(new.encode(images, sizes), ids).logits
    assert torch.allclose(after[..., : len(OLD)], before, atol=1e-5)
    spread = before.max(-1).values - before.mean(-1)
    assert bool((after[..., len(OLD) :] < before.mean(-1, keepdim=True) + spread[..., None]).all())
    first, second = new.decoder.embedding.weight[-2:]
    assert not torch.equal(first, second), "two new tokens can be told apart"


def test_other_dimensions_are_named_with_both_values(settings: Settings) -> None:
    model = ModelFile(settings.model, OLD, Preprocessing(), {})
    demand_dims(model, settings.model.model_copy(update={"dropout": 0.5}), name="old")
    with pytest.raises(CheckpointError, match=r"old.*model\.width 32, not 64.*from the model"):
        demand_dims(model, settings.model.model_copy(update={"width": 64}), name="old")


def test_the_average_begins_at_the_weights_and_does_not_hurry_away() -> None:
    network = torch.nn.Linear(2, 1)
    average = MovingAverage(network, decay=0.9, raw=False)
    start = network.weight.detach().clone()
    with torch.no_grad():
        network.weight += 1.0
    average.update(network, step=0)
    assert torch.allclose(average.network.weight, start + 0.1)


def test_a_share_of_the_first_weights_is_kept_but_not_of_new_rows() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.BatchNorm1d(3))
    average = MovingAverage(network, decay=0.0, raw=False, keep=0.25)
    old = {name: value.clone() for name, value in network.state_dict().items()}
    average.forget_new_rows(old | {"0.weight": old["0.weight"][:2]})
    with torch.no_grad():
        network[0].weight += 1.0
        network[1].running_var += 1.0
        network[1].num_batches_tracked += 4
    average.update(network, step=0)
    after = average.network.state_dict()
    moved = after["0.weight"] - old["0.weight"]
    assert torch.allclose(moved[:, 0], torch.tensor([0.75, 0.75, 1.0]))
    assert torch.allclose(after["1.running_var"], old["1.running_var"] + 0.75)
    assert int(after["1.num_batches_tracked"]) == 4


def test_what_is_kept_survives_a_pause(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    train = {"epochs": 2, "batch_size": 8, "ema": 0.5, "keep": 0.5, "init": "first"}
    changed = settings.model_copy(update={"train": settings.train.model_copy(update=train)})
    torch.manual_seed(1)
    start = Network(settings.model, len(vocab) - 2).state_dict()  # two tokens are new

    data = TrainingData(packed, packed, vocab, Preprocessing())
    whole = TrainingRun.begin(changed, data, start=start)
    steps = len(list(whole.steps()))
    paused = TrainingRun.begin(changed, data, start=start)
    for _ in islice(paused.steps(), steps // 2):
        pass
    tensors, state = paused.state()
    kept = {name: value.clone() for name, value in tensors.items()}
    going_on = TrainingRun.resume(changed, data, kept, state)
    for _ in going_on.steps():
        pass
    ends = [one.model({}).tensors for one in (whole, going_on)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert all(value.isfinite().all() for value in ends[0].values())


def test_a_run_begins_where_the_other_ended(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    def begin(epochs: int, **more) -> TrainingRun:
        train = {"epochs": epochs, "batch_size": 8, "ema": 0.5, **more.pop("train", {})}
        changed = settings.model_copy(update={"train": settings.train.model_copy(update=train)})
        data = TrainingData(packed, packed, vocab, Preprocessing())
        return TrainingRun.begin(changed, data, **more)

    first = begin(40)
    for _ in first.steps():
        pass
    reached = first.evaluate()
    second = begin(40, train={"init": "first"}, start=first.model({}).tensors)
    assert second.evaluate() == reached
    fresh = next(islice(begin(40).steps(), 1)).loss
    assert next(islice(second.steps(), 1)).loss < 0.8 * fresh
