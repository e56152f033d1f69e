import copy
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.batches import Batch, BatchStream, stack
from im2latex_cli.train.loop import Learner, StepReport, fit, smooth
from im2latex_cli.train.losses import GlyphHead, find_classes
from im2latex_cli.train.optimizer import MovingAverage
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.run_state import capture, restore
from im2latex_cli.train.time_budget import (
    CORRECTIONS,
    Pace,
    batch_work,
    first_guess,
    seconds_per_work,
)

CPU = torch.device("cpu")


def begin(
    packed: PackedSplit,
    vocab: Vocab,
    settings: Settings,
    *,
    steps: int = 30,
    seed: int = 0,
    **changes,
) -> tuple[Learner, BatchStream]:
    torch.manual_seed(seed)
    wanted = settings.train.model_copy(update=changes)
    network = Network(settings.model, len(vocab))
    taught = wanted.glyph_weight or wanted.attention_weight
    classes = find_classes(packed, min_count=1) if taught else None
    head = GlyphHead(network.glyph_channels, len(classes)) if classes else None
    learner = Learner(network, wanted, steps=steps, device=CPU, head=head)
    return learner, stream(packed, learner, classes)


def stream(packed: PackedSplit, learner: Learner, classes=None) -> BatchStream:
    return BatchStream(
        packed,
        learner.settings,
        seed=1,
        steps=learner.steps,
        cursor=learner.cursor,
        classes=classes,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"glyph_weight": 0.5, "attention_weight": 0.5, "ema": 0.9, "short_first": 0.3},
        {"accumulate": 2, "label_smoothing": 0.1, "schedule": "seed"},
    ],
    ids=["plain", "taught", "accumulated"],
)
def test_eight_pictures_are_learnt(
    changes: dict, packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings, steps=60, batch_size=8, **changes)
    reports = list(fit(learner, batches))
    assert [report.step for report in reports] == list(range(1, 61))
    assert reports[-1].loss < 0.5 * reports[0].loss
    if "glyph_weight" in changes:
        assert reports[-1].parts["attention"] < reports[0].parts["attention"]
        assert reports[-1].parts["glyph"] < reports[0].parts["glyph"]


@pytest.mark.parametrize("device_layout", ["convolution", "residual"])
def test_captured_state_continues_bit_for_bit(
    device_layout: str, packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    if device_layout == "convolution":
        model = settings.model.model_copy(
            update={"encoder": "convolution", "decoder": "lstm", "channels": (8,) * 6, "units": 16}
        )
        settings = settings.model_copy(update={"model": model})
    changes = {"ema": 0.9, "glyph_weight": 0.5, "attention_weight": 0.5, "short_first": 0.5}
    learner, batches = begin(packed, vocab, settings, steps=12, **changes)
    losses, saved = [], None
    for report in fit(learner, batches):
        losses.append((report.loss, report.smoothed, report.grad_norm))
        if report.step == 5:
            tensors, progress = capture(learner)
            saved = {name: value.clone().contiguous() for name, value in tensors.items()}, progress
    assert saved
    torch.rand(99)
    other, _ = begin(packed, vocab, settings, steps=1, seed=5, **changes)
    restore(other, *saved)
    classes = find_classes(packed, min_count=1)
    rest = [(r.loss, r.smoothed, r.grad_norm) for r in fit(other, stream(packed, other, classes))]
    assert rest == losses[5:]
    for name, value in learner.best_network.state_dict().items():
        assert torch.equal(other.best_network.state_dict()[name], value), name


def test_average_trails_the_weights() -> None:
    network = torch.nn.Linear(2, 1)
    average = MovingAverage(network, decay=0.5)
    before = copy.deepcopy(list(network.parameters()))
    with torch.no_grad():
        network.weight += 1.0
        network.bias += 1.0
    average.update(network, step=100)
    for shadow, start in zip(average.network.parameters(), before, strict=True):
        assert torch.allclose(shadow, start + 0.5)


def test_average_follows_fast_in_the_first_steps() -> None:
    network = torch.nn.Linear(2, 1)
    average = MovingAverage(network, decay=0.999)
    with torch.no_grad():
        network.weight += 1.0
    average.update(network, step=0)
    assert torch.allclose(average.network.weight, network.weight - 0.1)


def test_a_step_without_a_finite_loss_changes_no_weight(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings)
    with torch.no_grad():
        next(learner.network.parameters()).fill_(float("nan"))
    before = {n: v.clone() for n, v in learner.network.named_parameters()}
    (report,) = islice(fit(learner, batches), 1)
    assert not report.finite
    for name, value in learner.network.named_parameters():
        assert torch.equal(value.nan_to_num(), before[name].nan_to_num())


def test_rates_come_from_the_clock(packed: PackedSplit, vocab: Vocab, settings: Settings) -> None:
    learner, batches = begin(packed, vocab, settings)
    ticks = iter(range(1000))
    report = next(fit(learner, batches, clock=lambda: float(next(ticks))))
    # began, fetching, got the batch, fetching again, done
    assert (report.seconds, report.waited) == (4.0, 1.0)
    assert report.row()["pictures_per_second"] == round(report.pictures / 4, 1)
    assert report.row()["loader_share"] == 25.0


def test_the_time_of_a_step_is_the_median_of_those_after_two(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings)
    some = [batch for batch, _ in zip(batches, range(5), strict=False)]
    ticks = iter(range(1000))
    rate = seconds_per_work(learner, some, budget=9.0, clock=lambda: float(next(ticks)))
    rates = sorted(4.0 / batch_work(batch) for batch in some[2:])
    assert rate == pytest.approx(rates[1])


def test_calibration_leaves_the_learner_as_it_was(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    changes = {"ema": 0.9, "glyph_weight": 0.5, "attention_weight": 0.5, "optimizer": "muon"}
    learner, batches = begin(packed, vocab, settings, steps=1000, **changes)
    list(islice(fit(learner, batches), 2))
    before, progress = capture(learner)
    before = {name: value.clone() for name, value in before.items()}
    plan = first_guess(learner, batches, minutes=0.05)
    after, progress_after = capture(learner)
    assert plan.steps > learner.step
    assert plan.speed
    assert progress_after == progress
    assert after.keys() == before.keys()
    for name, value in before.items():
        assert torch.equal(after[name], value), name


def test_calibration_ends_with_its_batches_on_a_fast_machine(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings, steps=1000)
    some = [batch for batch, _ in zip(batches, range(6), strict=False)]
    ticks = iter(range(1000))
    assert seconds_per_work(learner, some, budget=1e9, clock=lambda: float(next(ticks))) > 0
    assert learner.step == 6


def test_biases_and_norms_do_not_decay(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, _ = begin(packed, vocab, settings, weight_decay=0.1)
    matrices, rest = learner.optimizer.param_groups
    assert (matrices["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim >= 2 for p in matrices["params"])
    assert all(p.ndim < 2 for p in rest["params"])


def test_pace_corrects_the_steps_early_and_then_leaves_them(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings, steps=1000)
    work = sum(batch_work(batch) for batch, _ in zip(batches, range(30), strict=False)) // 30
    pace, counts = Pace(), []
    for second in range(1, 61):
        learner.step, learner.seconds = second, float(second)
        pace.work, pace.seconds = work * second, float(second)
        if pace.correct(learner, batches, minutes=2.0):
            counts.append(learner.steps)
    assert len(counts) == len(CORRECTIONS)
    # One step a second: nine tenths of two minutes.
    assert counts == pytest.approx([108] * 3, rel=0.2)


def taught(
    packed: PackedSplit, vocab: Vocab, settings: Settings, *, interval: int
) -> list[StepReport]:
    changes = {"ema": 0.9, "glyph_weight": 0.5, "attention_weight": 0.5, "batch_size": 8}
    learner, batches = begin(packed, vocab, settings, steps=24, **changes)
    learner.interval = interval
    return list(fit(learner, batches))


def test_reading_the_losses_seldom_changes_what_is_learnt_and_gives_their_means(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    each, seldom = (taught(packed, vocab, settings, interval=n) for n in (1, 10))
    assert [report.step for report in seldom if report.covers] == [1, 10, 20, 24]
    assert [report.covers for report in seldom if report.covers] == [1, 9, 10, 4]
    assert all(report.covers == 1 for report in each)
    for report in seldom:
        if report.covers:
            some = each[report.step - report.covers : report.step]
            assert report.loss == pytest.approx(sum(one.loss for one in some) / len(some))
            assert report.grad_norm == pytest.approx(sum(o.grad_norm for o in some) / len(some))
            assert report.parts.keys() == some[0].parts.keys() == {"glyph", "attention"}
    assert seldom[14].loss == seldom[9].loss, "between two readings the last one stands"
    assert seldom[-1].smoothed == pytest.approx(each[-1].smoothed, rel=0.2)


def test_a_run_that_goes_on_between_two_readings_reads_its_first_step(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings, steps=24)
    learner.interval = 10  # as on a GPU
    saved = next(capture(learner) for report in fit(learner, batches) if report.step == 13)
    other, _ = begin(packed, vocab, settings, steps=1)
    other.interval = 10
    restore(other, *saved)
    rest = list(fit(other, stream(packed, other)))
    assert [report.step for report in rest] == list(range(14, 25))
    read = [(report.step, report.covers) for report in rest if report.covers]
    assert read == [(14, 1), (20, 6), (24, 4)]


def test_smoothing_many_steps_at_once_is_smoothing_each() -> None:
    one = 3.0
    for _ in range(10):
        one = smooth(one, 2.0, 1)
    assert smooth(3.0, 2.0, 10) == pytest.approx(one)
    assert smooth(float("nan"), 2.0, 1) == 2.0
    assert smooth(2.0, float("nan"), 1) == 2.0


def test_bytes_become_the_same_ink_on_the_way_to_the_device(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    _, batches = begin(packed, vocab, settings)
    (indices, cursor), *_ = islice(batches.order(), 1)
    built = batches.build(indices, cursor)
    grey, sizes = stack([packed.picture(index) for index in indices])
    assert grey.dtype == torch.uint8
    sent = Batch(grey, sizes, built.ids, None, cursor).to(CPU)
    assert torch.equal(sent.images, built.images)
    assert torch.equal(sent.sizes, built.sizes)
    assert built.to(CPU) is built


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch deprecates what its own compiler imports
def test_a_compiled_step_learns_the_same(
    packed: PackedSplit, vocab: Vocab, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of the compiler but the C++ that it would write, which takes minutes to build.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    model = settings.model.model_copy(update={"dropout": 0.0})
    settings = settings.model_copy(update={"model": model})
    curves = []
    for wanted in (False, True):
        learner, batches = begin(packed, vocab, settings, steps=6, compile=wanted)
        curves.append([report.loss for report in fit(learner, batches)])
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_a_step_on_a_gpu_never_waits_and_learns_the_same(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    model = settings.model.model_copy(update={"dropout": 0.0})
    settings = settings.model_copy(update={"model": model})
    changes = {"ema": 0.9, "glyph_weight": 0.5, "attention_weight": 0.5, "precision": "float32"}
    curves = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        wanted = settings.train.model_copy(update=changes)
        network = Network(settings.model, len(vocab))
        classes = find_classes(packed, min_count=1)
        assert classes is not None
        head = GlyphHead(network.glyph_channels, len(classes))
        learner = Learner(network, wanted, steps=20, device=torch.device(device), head=head)
        learner.interval = 10
        batches = BatchStream(
            packed, wanted, seed=1, steps=20, classes=classes, device=device, workers=2
        )
        reports = []
        for report in fit(learner, batches):
            reports.append(report)
            if device == "cuda":  # an error in the nine steps between two readings
                silent = (report.step + 1) % 10 != 0
                torch.cuda.set_sync_debug_mode("error" if silent else "default")
        torch.cuda.set_sync_debug_mode("default")
        curves.append([report.loss for report in reports if report.covers])
    assert curves[1] == pytest.approx(curves[0], rel=1e-2)


def normalisations(learner: Learner) -> list[torch.nn.BatchNorm2d]:
    return [m for m in learner.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("changes", "moving"),
    [
        ({"frozen_norm": 0.5}, [1, 2, 3]),
        ({"frozen_norm": 0.0}, [1, 2, 3, 4, 5, 6]),
        ({"frozen_norm": 0.0, "init": "pretrained"}, []),
    ],
    ids=["last half", "never", "from a model"],
)
def test_running_statistics_are_frozen_as_set(
    changes: dict, moving: list[int], packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    learner, batches = begin(packed, vocab, settings, steps=6, **changes)
    before, moved = [norm.running_mean.clone() for norm in normalisations(learner)], []
    for report in fit(learner, batches):
        after = [norm.running_mean.clone() for norm in normalisations(learner)]
        if not all(map(torch.equal, before, after)):
            moved.append(report.step)
        before = after
    assert moved == moving


def test_a_frozen_step_sees_what_reading_sees(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    """Pictures of one size have other statistics than all pictures."""
    model = settings.model.model_copy(update={"dropout": 0.0})
    settings = settings.model_copy(update={"model": model})
    learner, batches = begin(packed, vocab, settings, steps=8, batch_size=2)
    list(fit(learner, batches))
    smallest = int(packed.sizes.prod(axis=1).argmin())
    one = stream(packed, learner).build(np.array([smallest]), learner.cursor)

    def logits() -> torch.Tensor:
        memory = learner.network.encode(one.images, one.sizes)
        return learner.network.decode(memory, one.ids[:, :-1]).logits

    learner.prepare_step()
    trained = logits()
    learner.network.eval()
    torch.testing.assert_close(trained, logits())
    for norm in normalisations(learner):
        norm.train()
    assert not torch.allclose(trained, logits(), atol=1e-3)
