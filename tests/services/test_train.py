"""The train command's story on eight drawn pictures: fresh, resumed, killed, interrupted."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from im2latex_cli import checkpoints
from im2latex_cli.errors import CheckpointError, InputError, Interrupted, PartialError, UsageError
from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter, SilentStep, Step
from im2latex_cli.recognizer import Recognizer
from im2latex_cli.services import train
from im2latex_cli.services.train import TrainResult
from im2latex_cli.settings.resolve import resolve
from im2latex_cli.settings.sources import Given
from im2latex_cli.train.log import read_metrics

FORMULAS = ("a + b", "x", "a b c", "x = a", "b - c + a", "c = x", "a = b - x", "b b")
TINY: dict[str, Any] = {
    "runtime.device": "cpu",
    "runtime.threads": 1,
    "model.encoder": "residual",
    "model.decoder": "transformer",
    "model.channels": (4, 8, 8),
    "model.width": 16,
    "model.heads": 2,
    "model.feedforward": 16,
    "model.decoder_layers": 2,
    "model.dropout": 0.1,
    "train.preset": "seed",
    "train.epochs": 3,
    "train.batch_size": 3,
    "train.ema": 0.9,
    "train.short_first": 0.3,
    "train.evaluate_every": 5,
}
SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_train import go
go(Path({data!r}), resume={resume}, **json.loads({changes!r}))
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data" / "eight"
    for split, formulas in (("train", FORMULAS), ("val", FORMULAS[:3])):
        (root / split).mkdir(parents=True)
        rows = [draw(root / split, number, text) for number, text in enumerate(formulas)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (root / split / "metadata.jsonl").write_text(lines, encoding="utf-8")
    counts = Counter(token for formula in FORMULAS for token in formula.split())
    Vocab.build(counts, min_count=1).save(root / "vocab.json")
    return root


def draw(folder: Path, number: int, formula: str) -> dict[str, Any]:
    tokens = formula.split()
    image = Image.new("L", (16 * len(tokens) + 16, 32), 255)
    for place, token in enumerate(tokens):
        ImageDraw.Draw(image).text((8 + 16 * place, 6), token, fill=0, font_size=18)
    name = f"{number:06d}.png"
    image.save(folder / name)
    size = {"width": image.width, "height": image.height}
    return {"file_name": name, "formula": formula, "tokens": formula, **size}


def go(
    data: Path,
    *,
    resume: bool = False,
    force: bool = False,
    reporter: SilentReporter | None = None,
    **changes: Any,
) -> TrainResult:
    values = {**TINY, "train.output": str(data.parent.parent / "results" / "eight")}
    values |= {name.replace("__", "."): value for name, value in changes.items()}
    given = [Given(name, value, "test") for name, value in values.items() if value is not None]
    resolved = resolve(given)
    return train.run(resolved, reporter or SilentReporter(), data=data, resume=resume, force=force)


def launch(data: Path, *, resume: bool = False, **changes: Any) -> subprocess.Popen[bytes]:
    folder = str(Path(__file__).parent)
    script = SCRIPT.format(
        folder=folder, data=str(data), resume=resume, changes=json.dumps(changes)
    )
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)


def curve(folder: Path) -> list[tuple[Any, ...]]:
    names = ("step", "kind", "loss", "smoothed", "grad_norm", "edit_similarity")
    rows = read_metrics(folder / "metrics.jsonl")
    return [tuple(row.get(name) for name in names) for row in rows]


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


def test_a_second_call_reports_the_finished_run_and_changes_nothing(data: Path) -> None:
    first = go(data)
    before = {path: path.stat().st_mtime_ns for path in Path(first.output).iterdir()}
    second = go(data)
    assert second.status == "already trained"
    assert second.best == first.best
    assert {path: path.stat().st_mtime_ns for path in Path(first.output).iterdir()} == before


def test_other_settings_in_the_same_folder_are_refused_by_name(data: Path) -> None:
    go(data)
    with pytest.raises(UsageError, match=r"train\.batch_size.*--force"):
        go(data, train__batch_size=4)
    with pytest.raises(UsageError, match=r"train\.batch_size"):
        go(data, train__batch_size=4, resume=True)
    assert go(data, train__batch_size=4, force=True).status == "trained"


def test_other_data_in_the_same_folder_are_refused(data: Path) -> None:
    go(data)
    os.utime(data / "train" / "000000.png", (1, 1))
    with pytest.raises(UsageError, match="data"):
        go(data, resume=True)


def test_a_finished_run_trains_on_when_asked_for_more_epochs(data: Path) -> None:
    first = go(data)
    with pytest.raises(UsageError, match=r"another length.*--resume"):
        go(data, train__epochs=6)
    more = go(data, resume=True, train__epochs=6)
    assert more.status == "trained"
    assert more.steps > first.steps
    steps = [row[0] for row in curve(Path(more.output)) if row[1] == "train"]
    assert steps == list(range(1, more.steps + 1))


def test_paused_run_continues_bit_for_bit(data: Path, tmp_path: Path) -> None:
    whole = go(data, train__output=str(tmp_path / "whole"))
    part = go(data, train__session_minutes=1e-6)
    assert part.status == "paused"
    assert part.steps < whole.steps
    with pytest.raises(UsageError, match=r"--resume.*--force"):
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
    with pytest.raises(Interrupted, match=r"Interrupted after step 5 of .*--resume") as caught:
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
        "data": "eight",
        "steps": before.info["steps"],
        "tokens": len(before.vocab),
        "new_tokens": 1,
    }
    assert 'decoder = "transformer"' in (Path(tuned.output) / "settings.toml").read_text()


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
