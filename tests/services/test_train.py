"""The train command on eight drawn pictures: what a run leaves, and what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tiny_runs import go

from im2latex_cli import checkpoints
from im2latex_cli.errors import InputError, PartialError, UsageError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter
from im2latex_cli.recognition.recognizer import Recognizer
from im2latex_cli.train import time_budget
from im2latex_cli.train.folder import read_metrics


def test_run_folder_holds_all_that_the_next_command_needs(data: Path) -> None:
    result = go(data)
    folder = Path(result.output)
    assert result.status == "trained"
    assert result.steps == result.planned_steps > 0
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    assert names >= {"settings", "vocab", "metrics", "events", "best", "last", "state"}
    model = checkpoints.load(Path(result.model))
    assert model.vocab == Vocab.load(data / "vocab.json")
    assert model.info["scores"]["split"] == "val"
    kinds = {row["kind"] for row in read_metrics(folder / "metrics.jsonl")}
    assert kinds >= {"train", "val", "gradient", "variance"}
    assert json.dumps(result.best)


def test_labels_that_may_be_wrong_are_looked_for(data: Path) -> None:
    result = go(data)
    listed = Path(result.output) / "suspicious-train.jsonl"
    assert (result.suspicious, listed.read_text()) == (0, "")
    listed.unlink()
    result = go(data, force=True, train__check_labels=0)
    assert result.suspicious is None
    assert not listed.exists()


def test_a_second_call_reports_the_finished_run_and_changes_nothing(data: Path) -> None:
    first = go(data)
    before = {path: path.stat().st_mtime_ns for path in Path(first.output).iterdir()}
    second = go(data)
    assert second.status == "already trained"
    assert second.best == first.best
    assert {path: path.stat().st_mtime_ns for path in Path(first.output).iterdir()} == before


def test_other_settings_in_the_same_folder_are_refused_by_name(data: Path) -> None:
    go(data)
    with pytest.raises(UsageError, match=r"train\.batch_size.*`force`"):
        go(data, train__batch_size=4)
    with pytest.raises(UsageError, match=r"train\.batch_size"):
        go(data, train__batch_size=4, resume=True)
    assert go(data, train__batch_size=4, force=True).status == "trained"


def test_other_data_in_the_same_folder_are_refused(data: Path) -> None:
    go(data)
    os.utime(data / "train" / "000000.png", (1, 1))
    with pytest.raises(UsageError, match="data"):
        go(data, resume=True)


def test_a_loss_that_is_no_number_stops_and_keeps_the_best(data: Path) -> None:
    with pytest.raises(PartialError, match=r"no longer a number.*train\.learning_rate"):
        go(data, train__learning_rate=1e30, train__clip=1e30, train__warmup=0.0, train__epochs=50)


def test_without_validation_pictures_the_train_split_is_read_and_said(data: Path) -> None:
    (data / "val" / "metadata.jsonl").unlink()
    reporter = SilentReporter()
    assert go(data, reporter=reporter).split == "train"
    assert any("no validation pictures" in warning for warning in reporter.warnings)


def test_unreadable_picture_is_named_and_the_rest_trained(data: Path) -> None:
    (data / "train" / "000003.png").write_text("no picture")
    result = go(data)
    assert result.pictures == 7
    assert "000003.png" in result.skipped[0]


def test_missing_data_and_vocabulary_say_what_to_run(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="im2latex build"):
        go(tmp_path / "data" / "none")
    (data / "vocab.json").unlink()
    with pytest.raises(InputError, match="im2latex vocab"):
        go(data)


def test_auto_takes_small_for_few_pictures_and_reads_them_back(data: Path) -> None:
    result = go(data, train__preset="auto")
    assert result.preset == "small"
    assert result.memory is not None
    settings = (Path(result.output) / "settings.toml").read_text()
    assert 'preset = "small"' in settings
    assert "epochs = 3" in settings, "what the user set stands above the preset"


def test_the_model_says_where_it_comes_from_and_how_sure_it_is(data: Path) -> None:
    result = go(data, train__epochs=60, train__learning_rate=5e-3, train__evaluate_every=20)
    info = checkpoints.load(Path(result.model)).info
    assert (info["data"], info["pictures"], info["validation_pictures"]) == ("eight", 8, 3)
    assert info["package"]
    assert info["steps"] == result.best["step"]
    assert info["scores"]["edit_similarity"] == result.best["edit_similarity"]
    assert result.calibration_error == result.best.get("calibration_error")
    fitted = info.get("calibration")
    assert (fitted is None) == (result.best["exact_match"] in {0.0, 100.0})
    assert 0 <= Recognizer.load(result.model, device="cpu")(data / "val/000000.png").confidence <= 1


@pytest.mark.parametrize("low", [0.0, 2.0])
def test_a_run_of_fixed_time_says_that_its_steps_are_slow(
    low: float, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_budget, "LOW_EFFICIENCY", low)
    reporter = SilentReporter()
    go(data, reporter=reporter, train__max_minutes=0.02)
    slow = [line for line in reporter.warnings if "matrix rate" in line]
    assert len(slow) == bool(low)
    assert all("Likely cause" in line for line in slow)
