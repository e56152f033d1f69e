"""The whole path: the steps in order, resumed where there is something to resume."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from im2latex_cli.progress import SilentReporter
from im2latex_cli.services import pipeline
from im2latex_cli.settings.sources import SettingValue, resolve


class Steps:
    """Fakes of all five services that note how they were called."""

    def __init__(self, monkeypatch, *, built=True, codes=()) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.codes = dict(codes)
        results = {
            "build": SimpleNamespace(output="data/mine", built=built),
            "vocab": SimpleNamespace(),
            "train": SimpleNamespace(output="results/mine", status="trained"),
            "eval_text": SimpleNamespace(predictions="results/mine", reused=not built),
            "eval_image": SimpleNamespace(results="results/mine"),
        }
        for name, result in results.items():
            result.exit_code = self.codes.get(name, 0)
            monkeypatch.setattr(getattr(pipeline, name), "run", self._fake(name, result))

    def _fake(self, name, result):
        def run(_settings, _reporter, **arguments):
            self.calls.append((name, arguments))
            return result

        return run

    def argument(self, step: str, name: str):
        return dict(self.calls)[step][name]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_steps_in_order_on_one_data_set_and_one_run(monkeypatch):
    steps = Steps(monkeypatch)
    found = pipeline.run(resolve(), SilentReporter())
    assert [name for name, _ in steps.calls] == [
        "build",
        "vocab",
        "train",
        "eval_text",
        "eval_image",
    ]
    assert steps.argument("vocab", "data") == steps.argument("train", "data") == Path("data/mine")
    assert steps.argument("eval_text", "model") == "results/mine"
    assert steps.argument("eval_image", "results") == Path("results/mine")
    assert [row.outcome for row in found.steps] == ["built", "counted", "trained", "read", "scored"]
    assert found.exit_code == 0


def test_training_is_resumed_where_a_state_lies(monkeypatch):
    steps = Steps(monkeypatch, built=False)
    Path("results/mine").mkdir(parents=True)
    found = pipeline.run(resolve(), SilentReporter())
    assert steps.argument("train", "resume") is False
    Path("results/mine/state.safetensors").write_bytes(b"")
    found = pipeline.run(resolve(), SilentReporter())
    assert steps.argument("train", "resume") is True
    assert steps.argument("eval_text", "reuse") is True
    assert found.steps[0].outcome == "was there"


def test_a_run_folder_of_ones_own(monkeypatch):
    steps = Steps(monkeypatch)
    Path("mine").mkdir()
    Path("mine/state.safetensors").write_bytes(b"")
    pipeline.run(resolve([SettingValue("train.output", "mine", "test")]), SilentReporter())
    assert steps.argument("train", "resume") is True


def test_force_does_all_anew(monkeypatch):
    steps = Steps(monkeypatch)
    Path("results/mine").mkdir(parents=True)
    Path("results/mine/state.safetensors").write_bytes(b"")
    pipeline.run(resolve(), SilentReporter(), force=True)
    assert steps.argument("build", "force") is True
    assert (steps.argument("train", "force"), steps.argument("train", "resume")) == (True, False)
    assert steps.argument("eval_text", "reuse") is False


def test_a_partial_step_makes_the_run_partial_and_the_rest_goes_on(monkeypatch):
    steps = Steps(monkeypatch, codes={"build": 7})
    assert pipeline.run(resolve(), SilentReporter()).exit_code == 7
    assert len(steps.calls) == 5
