"""The speed of training steps beside that of matrix products."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.settings.sections import Settings, TrainSettings
from im2latex_cli.train import time_budget
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.time_budget import Speed, first_guess, matrix_rate, measure_speed
from im2latex_cli.train.training_run import TrainingData, TrainingRun
from im2latex_cli.vision.prepare import Preprocessing

HEALTHY = Speed(efficiency=0.5, cpu_share=0.9, threads=2)


def begin(packed: PackedSplit, vocab: Vocab, settings: Settings, **train: object) -> TrainingRun:
    changed = settings.model_copy(update={"train": settings.train.model_copy(update=train)})
    return TrainingRun.begin(changed, TrainingData(packed, packed, vocab, Preprocessing()))


def slow_in_bfloat16(monkeypatch: pytest.MonkeyPatch, *, slow: bool) -> None:
    for module in (
        "train.optimizer",
        "train.loop",
        "train.training_run",
        "train.time_budget",
    ):
        name = f"im2latex_cli.{module}.fast_in_bfloat16"
        monkeypatch.setattr(name, lambda _device: not slow)


class Dtypes(TorchDispatchMode):
    """Collects the dtypes of all tensors that operations return."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        leaves = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.seen.update(leaf.dtype for leaf in leaves)
        return result


@pytest.mark.parametrize(
    "case",  # slow there, setting, bfloat16 seen, warned of
    [
        (True, "auto", False, False),
        (True, "float32", False, False),
        (True, "bfloat16", True, True),
        (False, "auto", True, False),
    ],
)
def test_a_step_has_no_bfloat16_where_that_is_slow_unless_asked_for(
    case: tuple[bool, str, bool, bool],
    packed: PackedSplit,
    vocab: Vocab,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, precision, expected, warned = case
    slow_in_bfloat16(monkeypatch, slow=slow)
    taught = {"optimizer": "muon", "ema": 0.9, "glyph_weight": 0.5, "attention_weight": 0.5}
    run = begin(packed, vocab, settings, precision=precision, batch_size=8, **taught)
    with Dtypes() as dtypes:
        next(run.steps())
        run.examine(run.evaluate())
    assert (torch.bfloat16 in dtypes.seen) is expected
    assert any("train.precision=bfloat16 is slow" in line for line in run.warnings) is warned


def test_steps_are_measured(packed: PackedSplit, vocab: Vocab, settings: Settings) -> None:
    run = begin(packed, vocab, settings)
    stream = run._stream()
    indices, cursor = next(iter(stream.order()))
    measured = measure_speed(run.learner.copy(), [stream.build(indices, cursor)])
    assert 0 < measured.efficiency < 1
    assert 0 < measured.cpu_share <= 1
    assert measured.threads == torch.get_num_threads() == 1
    assert run.learner.step == 0


def test_a_matrix_product_has_a_rate() -> None:
    assert matrix_rate(torch.float32, seconds=0.01) > 1e8


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (HEALTHY, []),
        (Speed(0.21, 0.51, 2), []),
        (Speed(0.05, 0.9, 2), ["5 % of this machine's matrix rate", "2 threads"]),
        (Speed(0.5, 0.2, 2), ["got 20 % of their processor time", "other programs"]),
    ],
)
def test_only_slow_training_is_warned_of(measured: Speed, words: list[str]) -> None:
    lines = measured.warnings(TrainSettings())
    assert len(lines) == bool(words)
    assert all(word in lines[0] for word in words)


def test_bfloat16_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_in_bfloat16(monkeypatch, slow=True)
    (line,) = Speed(0.01, 0.9, 2).warnings(TrainSettings(precision="bfloat16"))
    assert "train.precision=bfloat16" in line


def test_a_run_of_fixed_time_says_that_it_is_slow(
    packed: PackedSplit, vocab: Vocab, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_budget, "LOW_EFFICIENCY", 2.0)
    run = begin(packed, vocab, settings, max_minutes=0.02)
    assert any("matrix rate" in line for line in run.warnings)


def test_minutes_before_a_pause_count(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, max_minutes=60)
    fresh = first_guess(run.learner, run._stream(), 60).steps
    run.learner.seconds = 60 * 60 * 0.89
    assert first_guess(run.learner, run._stream(), 60).steps < fresh / 4
