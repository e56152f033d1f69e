"""Runs that are paused, killed, interrupted or shared by two processes, and go on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import TINY, curve, go, launch

from im2latex_cli import checkpoints
from im2latex_cli.errors import CheckpointError, Interrupted, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.train.folder import read_metrics


def test_a_finished_run_trains_on_when_asked_for_more_epochs(data: Path) -> None:
    first = go(data)
    with pytest.raises(UsageError, match=r"another length.*`resume`"):
        go(data, train__epochs=6)
    more = go(data, resume=True, train__epochs=6)
    assert more.status == "trained"
    assert more.steps > first.steps
    steps = [row[0] for row in curve(Path(more.output)) if row[1] == "train"]
    assert steps == list(range(1, more.steps + 1))


def test_a_finished_run_that_trains_on_is_not_finished_before_it_ends(data: Path) -> None:
    go(data)
    longer = {"train__epochs": 8, "train__session_minutes": 1e-6}
    assert go(data, resume=True, **longer).status == "paused"
    with pytest.raises(UsageError, match="an unfinished run"):
        go(data, **longer)


def test_paused_run_continues_bit_for_bit(data: Path, tmp_path: Path) -> None:
    whole = go(data, train__output=str(tmp_path / "whole"))
    part = go(data, train__session_minutes=1e-6)
    assert part.status == "paused"
    assert part.steps < whole.steps
    with pytest.raises(UsageError, match=r"`resume`.*`force`"):
        go(data)
    while part.status == "paused":
        before = part.steps
        part = go(data, resume=True, train__session_minutes=1e-3)
        assert part.steps > before
    assert part.steps == whole.steps
    assert curve(Path(part.output)) == curve(Path(whole.output))
    last = [Path(r.output) / "last.safetensors" for r in (part, whole)]
    tensors = [checkpoints.load(path).tensors for path in last]
    assert all(bool((tensors[0][name] == tensors[1][name]).all()) for name in tensors[0])


def test_killed_run_continues_bit_for_bit(data: Path, tmp_path: Path) -> None:
    changes = {"train__epochs": 25, "train__evaluate_every": 7}
    whole = go(data, train__output=str(tmp_path / "whole"), **changes)
    folder = tmp_path / "results" / "eight"
    process = launch(data, **changes)
    kill_at = random.SystemRandom().randrange(5, whole.steps - 10)
    while len(read_metrics(folder / "metrics.jsonl")) < kill_at and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "killed before it ended"
    result = go(data, resume=True, **changes)
    assert result.steps == whole.steps
    assert curve(folder) == curve(Path(whole.output))


class Interrupting(SilentReporter):
    """Sends a signal to this process at the first evaluation."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number

    def metrics(self, row: Mapping[str, float | int | str]) -> None:
        if row["step"]:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_saves_and_says_how_to_go_on(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    whole = go(data, train__output=str(tmp_path / "whole"))
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"Interrupted after step 5 of .*`resume`") as caught:
        go(data, reporter=Interrupting(number))
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) == before
    assert curve(Path(go(data, resume=True).output)) == curve(Path(whole.output))


def test_nothing_to_resume_just_begins(data: Path) -> None:
    assert go(data, resume=True).status == "trained"


def test_damaged_state_is_one_line(data: Path) -> None:
    result = go(data)
    state = Path(result.output) / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="truncated"):
        go(data, resume=True)


def together(processes: int, data: Path, *, command: list[str]) -> dict[str, Any]:
    """Run the executable in several processes; what they print to stdout together."""
    launcher = ["torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"]
    program = ["-m", "im2latex_cli", "train", "--data", str(data), "--json", *command]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["result"])


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["transformer", "lstm"])
def test_two_processes_learn_what_one_learns(data: Path, tmp_path: Path, preset: str) -> None:
    changes = {"model.dropout": 0.0, "model.decoder": preset, "model.units": 16, "train.epochs": 8}
    values = {**TINY, **changes, "train.preset": "seed", "train.label_smoothing": 0.1}
    assigned = [
        f"--set={name}={json.dumps(value) if isinstance(value, tuple) else value}"
        for name, value in values.items()
    ]
    outputs = [tmp_path / f"by-{processes}" for processes in (1, 2)]
    results = [
        together(processes, data, command=[*assigned, "--output", str(output)])
        for processes, output in zip((1, 2), outputs, strict=True)
    ]
    assert results[0]["steps"] == results[1]["steps"]
    alone, shared = (curve(output) for output in outputs)
    assert [row[:2] for row in alone] == [row[:2] for row in shared]
    for one, other in zip(alone, shared, strict=True):
        if one[1] in {"train", "val"}:
            assert other[2] == pytest.approx(one[2], rel=1e-4), one[:2]
    ends = [checkpoints.load(output / "last.safetensors").tensors for output in outputs]
    assert ends[0].keys() == ends[1].keys()


@pytest.mark.slow
def test_two_processes_go_on_where_they_stopped(data: Path, tmp_path: Path) -> None:
    assigned = [
        f"--set={name}={json.dumps(value) if isinstance(value, tuple) else value}"
        for name, value in {**TINY, "model.dropout": 0.0}.items()
    ]
    whole, part = tmp_path / "whole", tmp_path / "part"
    together(2, data, command=[*assigned, "-o", str(whole)])
    pausing = [*assigned, "-o", str(part), "--set=train.session_minutes=1e-6"]
    assert together(2, data, command=pausing)["status"] == "paused"
    done = together(2, data, command=[*assigned, "-o", str(part), "--resume"])
    assert done["status"] == "trained"
    for one, other in zip(curve(whole), curve(part), strict=True):
        assert one[:2] == other[:2]
        if one[1] == "train":
            assert other[2] == pytest.approx(one[2], rel=1e-4)
