"""Runs that begin with a model, and runs that a limit ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import loopback
import pytest
from tiny_runs import TINY, curve, draw, go

from im2latex_cli import checkpoints
from im2latex_cli.errors import CheckpointError, InputError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter, SilentStep, Step


def add_new_symbol(data: Path) -> Path:
    """Return a second data set: one token is new, others are gone."""
    root = data.with_name("other")
    for split in ("train", "val"):
        (root / split).mkdir(parents=True)
        row = draw(root / split, 0, "a z")
        (root / split / "metadata.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    Vocab.build({"a": 1, "z": 1}, min_count=1).save(root / "vocab.json")
    return root


def shape_free() -> dict[str, None]:
    return {name.replace(".", "__"): None for name in TINY if name.startswith("model.")}


def test_init_takes_dimensions_and_tokens_of_the_model_and_adds_new_ones(data: Path) -> None:
    first, other = go(data), add_new_symbol(data)
    tuned = go(
        other,
        train__init=first.output,
        train__output=str(data.parent / "tuned"),
        train__preset="auto",
        **shape_free(),
    )
    assert tuned.preset == "tune"
    before, after = (checkpoints.load(Path(run.model)) for run in (first, tuned))
    assert after.vocab.tokens == (*before.vocab.tokens, "z")
    assert after.dims == before.dims.model_copy(update={"dropout": 0.0})
    assert after.info["init"] == {
        "model": first.output,
        "sha256": sha256((Path(first.output) / "best.safetensors").read_bytes()).hexdigest(),
        "data": "eight",
        "steps": before.info["steps"],
        "tokens": len(before.vocab),
        "new_tokens": 1,
    }
    assert 'decoder = "transformer"' in (Path(tuned.output) / "settings.toml").read_text()


def test_init_takes_a_model_from_an_address(data: Path) -> None:
    first = go(data)
    content = (Path(first.output) / "best.safetensors").read_bytes()
    with loopback.serving(loopback.Zenodo({"best.safetensors": content})) as server:
        address = f"{server.base}/best.safetensors#sha256={sha256(content).hexdigest()}"
        output = str(data.parent / "tuned")
        tuned = go(
            data, train__init=address, train__output=output, train__preset="auto", **shape_free()
        )
    told = checkpoints.load(Path(tuned.model)).info["init"]
    assert (told["model"], told["sha256"]) == (address, sha256(content).hexdigest())


def test_init_of_other_dimensions_than_asked_is_one_line(data: Path) -> None:
    first = go(data)
    changes = {"train__init": first.output, "train__output": str(data.parent / "tuned")}
    with pytest.raises(CheckpointError, match=r"model\.width 16, not 32"):
        go(data, model__width=32, **changes)
    with pytest.raises(InputError, match="no model at"):
        go(data, **{**changes, "train__init": "nowhere"})


def test_a_run_begun_with_a_model_goes_on_without_that_model(data: Path) -> None:
    first, other = go(data), add_new_symbol(data)
    whole, part = str(data.parent / "whole"), str(data.parent / "part")
    changes = {"train__init": first.output, "train__epochs": 8, **shape_free()}
    wanted = go(other, train__output=whole, **changes)
    paused = go(other, train__output=part, train__session_minutes=1e-6, **changes)
    assert paused.status == "paused"
    shutil.rmtree(first.output)
    done = go(other, train__output=part, resume=True, **changes)
    assert curve(Path(done.output)) == curve(Path(wanted.output))
    assert checkpoints.load(Path(done.model)).info["init"]["new_tokens"] == 1
    assert go(other, train__output=part, **changes).status == "already trained"


def test_max_minutes_fixes_the_steps_for_all_sessions(data: Path) -> None:
    limited = {"train__max_minutes": 60.0, "train__session_minutes": 1e-6}
    first = go(data, **limited)
    again = go(data, resume=True, **limited)
    assert (first.steps, again.steps) == (1, 2)
    assert first.planned_steps == again.planned_steps > 1000


def test_max_minutes_ends_a_run(data: Path) -> None:
    done = go(data, train__max_minutes=0.02)
    assert done.status == "trained"
    assert done.steps == done.planned_steps
    assert done.minutes < 1.0
    assert go(data, train__max_minutes=0.02).status == "already trained"


def test_patience_ends_a_run_that_does_not_get_better(data: Path) -> None:
    result = go(data, train__learning_rate=1e-12, train__patience=2, train__epochs=50)
    assert result.status == "trained"
    assert result.steps < result.planned_steps


class Watching(SilentReporter):
    """Keeps the totals that bars were given."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: list[int] = []

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:  # noqa: ARG002
        totals = self.totals

        class Bar(SilentStep):
            def resize(self, total: int) -> None:
                totals.append(total)

        yield Bar()


def test_the_bar_follows_a_corrected_number_of_steps(data: Path) -> None:
    reporter = Watching()
    result = go(data, train__max_minutes=0.02, reporter=reporter)
    assert reporter.totals[-1] == result.planned_steps == len(reporter.totals)
