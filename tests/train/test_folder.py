import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from im2latex_cli.train.folder import METRICS, RunLog, read_metrics


def test_rows_go_to_metrics_and_to_tensorboard(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        log.row("train", 1, {"loss": 2.5, "note": "text"})
        log.row("val", 2, {"loss": 2.0})
        log.example(0, 2, np.full((8, 9), 255, np.uint8), reference="a", hypothesis="b")
    assert read_metrics(tmp_path / METRICS) == [
        {"step": 1, "kind": "train", "loss": 2.5, "note": "text"},
        {"step": 2, "kind": "val", "loss": 2.0},
    ]
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.value for e in events.Scalars("train/loss")] == [2.5]
    assert "example/0" in events.Tags()["images"]
    assert any("example/0" in tag for tag in events.Tags()["tensors"])


def test_resuming_drops_what_came_after_the_saved_step(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        for step in range(1, 6):
            log.row("train", step, {"loss": 1.0 / step})
    with RunLog(tmp_path, step=3) as log:
        log.row("train", 4, {"loss": 9.0})
    assert [row["step"] for row in read_metrics(tmp_path / METRICS)] == [1, 2, 3, 4]
    assert read_metrics(tmp_path / METRICS)[-1]["loss"] == 9.0


def test_a_new_run_begins_empty(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        log.row("train", 1, {"loss": 1.0})
    with RunLog(tmp_path):
        pass
    assert read_metrics(tmp_path / METRICS) == []
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize("torn", ['{"step": 2, "ki', "\x00\x00"])
def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path, torn: str) -> None:
    path = tmp_path / METRICS
    path.write_text(json.dumps({"step": 1, "kind": "train"}) + "\n" + torn)
    assert [row["step"] for row in read_metrics(path)] == [1]


def test_histograms_and_maps_reach_the_board(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        values = {
            "encoder.weight": torch.tensor([0.0, 1e30, float("nan")]),
            "all": torch.tensor([]),
        }
        log.histograms("weights", 3, values)
        log.attention(0, 3, np.zeros((3, 4, 5), np.uint8))
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (shown,) = events.Histograms("weights/encoder.weight")
    assert (shown.step, shown.histogram_value.num) == (3, 2)
    assert events.Tags()["histograms"] == ["weights/encoder.weight"]
    assert events.Tags()["images"] == ["attention/0"]
