import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.progress import SilentReporter
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.diagnosis import RunStatistics, diagnose, nonfinite
from im2latex_cli.train.pack import PackedSplit, pack
from im2latex_cli.train.training_run import TrainingData, TrainingRun
from im2latex_cli.train.validation import Evaluation
from im2latex_cli.vision.prepare import Preprocessing

SEEN = Evaluation(
    loss=0.4,
    entropy=0.5,
    bleu4=80.0,
    edit_similarity=85.0,
    exact_match=50.0,
    identical=2.0,
    distinct_references=100,
    well_formed=99.0,
    pictures=100,
    examples=(),
)
HEALTHY = RunStatistics(
    done=0.5,
    loss=0.5,
    best_loss=0.48,
    uniform=6.0,
    rate=1e-3,
    clip=1.0,
    grad_norms=[0.5] * 20,
    parts={"encoder": 0.3},
    variances={"encoder stage 1": 1.0, "encoder stage 2": 0.4},
    evaluation=SEEN,
    history=[2.0, 1.0, 0.6, 0.4],
)


def codes(statistics: RunStatistics, **changes: object) -> list[str]:
    return [finding.code for finding in diagnose(replace(statistics, **changes))]


def test_a_healthy_run_is_left_in_peace() -> None:
    assert diagnose(HEALTHY) == []
    assert codes(HEALTHY, done=1.0, evaluation=replace(SEEN, edit_similarity=96.0)) == []


@pytest.mark.parametrize(
    ("changes", "code", "setting"),
    [
        ({"variances": {"encoder stage 2": 1e-9}}, "dead-activations", "learning_rate"),
        ({"variances": {"encoder stage 2": 1e9}}, "huge-activations", "train.warmup"),
        ({"silent": {"encoder stage 1": 0.9}}, "silent-channels", "train.warmup"),
        ({"saturated": 0.8}, "saturated", "train.weight_decay"),
        ({"skew": 70.0}, "skewed-labels", "data set"),
        ({"first_loss": 7.0, "early_peak": 30.0, "warmup": 0.0}, "no-warm-up", "train.warmup=0.05"),
        ({"first_loss": 7.0, "early_peak": 30.0}, "rushed", "train.learning_rate"),
        ({"evaluation": replace(SEEN, gain=0.0)}, "language-only", "do not belong together"),
        (
            {"evaluation": replace(SEEN, gain=-1.0, loss=5.0), "loss": 0.2},
            "mismatched",
            "do not belong together",
        ),
        ({"loss": 2.0, "best_loss": 0.6}, "diverging", "train.learning_rate"),
        ({"grad_norms": [30.0] * 20}, "clipped", "train.learning_rate"),
        ({"history": [1.0, 0.8, 0.9, 1.2], "loss": 0.1}, "over-fitted", "model.dropout"),
        ({"done": 1.0, "history": [2.0, 1.5, 1.0], "loss": 0.9}, "under-fitted", "`resume`"),
    ],
)
def test_trouble_is_named_with_the_setting_to_change(
    changes: dict[str, object], code: str, setting: str
) -> None:
    found = diagnose(replace(HEALTHY, **{"best_loss": changes.get("loss", 0.5), **changes}))
    assert [finding.code for finding in found] == [code]
    assert setting in found[0].message


@pytest.mark.parametrize(
    ("done", "loss", "code"),
    [(0.1, 4.0, "constant-so-far"), (0.6, 4.0, "constant"), (0.6, 1.0, "language-only")],
)
def test_constant_output_is_told_apart_by_when_and_how_it_learnt(
    done: float, loss: float, code: str
) -> None:
    constant = replace(SEEN, identical=97.0, edit_similarity=10.0, exact_match=0.0)
    found = codes(HEALTHY, done=done, loss=loss, best_loss=loss, evaluation=constant)
    assert found == [code]


def test_equal_formulas_are_no_collapse() -> None:
    same = replace(SEEN, identical=100.0, distinct_references=1)
    assert codes(HEALTHY, evaluation=same) == []


def test_nonfinite_names_step_and_rate() -> None:
    assert "step 7" in nonfinite(7, 0.5)
    assert "0.5" in nonfinite(7, 0.5)


def begin(packed: PackedSplit, vocab: Vocab, settings: Settings, **train: object) -> TrainingRun:
    changed = settings.model_copy(update={"train": settings.train.model_copy(update=train)})
    return TrainingRun.begin(changed, TrainingData(packed, packed, vocab, Preprocessing()))


def provoked(run: TrainingRun) -> list[str]:
    """Codes of everything said in a run with four evaluations."""
    said = []
    for report in run.steps():
        if report.step % max(run.learner.steps // 4, 1) == 0:
            evaluation = run.evaluate()
            run.remember(evaluation)
            said += [finding.code for finding in run.examine(evaluation)[1]]
    return said


def test_a_real_healthy_run_is_silent(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    model = settings.model.model_copy(update={"dropout": 0.0})
    settings = settings.model_copy(update={"model": model})
    run = begin(packed, vocab, settings, epochs=200, batch_size=8, learning_rate=3e-3)
    assert [code for code in provoked(run) if code != "constant-so-far"] == []
    assert run.history.best["edit_similarity"] > 90.0


def test_a_huge_learning_rate_is_noticed(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, epochs=10, learning_rate=30.0, warmup=0.0, clip=1e9)
    try:
        said = provoked(run)
    except FloatingPointError as error:
        said = [str(error)]
    assert any(
        "learning rate" in word or word in {"diverging", "huge-activations", "constant", "clipped"}
        for word in said
    ), said


def test_weights_that_let_nothing_through_are_noticed(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, epochs=2, learning_rate=1e-9)
    with torch.no_grad():
        norm = run.learner.network.encoder.get_submodule("stages.0.norm")
        assert isinstance(norm, torch.nn.BatchNorm2d)
        norm.weight.fill_(1e-8)
        norm.bias.zero_()
    assert "dead-activations" in provoked(run)


def test_reports_gradients_of_every_part(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, epochs=1)
    for _ in run.steps():
        pass
    statistics, _ = run.examine(run.evaluate())
    assert {"encoder", "decoder"} <= statistics.parts.keys()
    assert all(math.isfinite(norm) and norm > 0 for norm in statistics.parts.values())
    assert "encoder stage 1" in statistics.variances
    assert statistics.uniform == pytest.approx(math.log(len(vocab)))


Many = Callable[[Sequence[str], Sequence[str]], tuple[PackedSplit, Vocab]]


@pytest.fixture
def many(tmp_path: Path, drawing: Callable[..., None]) -> Many:
    """Return what packs pictures of the second formulas with the first."""
    return partial(packing, tmp_path, drawing)


def packing(
    tmp_path: Path, drawing: Callable[..., None], written: Sequence[str], shown: Sequence[str]
) -> tuple[PackedSplit, Vocab]:
    root = tmp_path / "many"
    drawing(root / "train", tuple(shown), glyphs=False)
    path = root / "train" / "metadata.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row, formula in zip(rows, written, strict=True):
        row["formula"] = row["tokens"] = formula
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts = Counter(token for formula in written for token in formula.split())
    vocab = Vocab.build(counts, min_count=1)
    cache, plain = tmp_path / "cache", Preprocessing()
    packed = pack(
        root, "train", vocab=vocab, preprocessing=plain, cache=cache, reporter=SilentReporter()
    )
    return packed, vocab


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(list("abcx"), size=4)) for _ in range(count)]


def halves(packed: PackedSplit) -> tuple[PackedSplit, PackedSplit]:
    """Return two thirds to learn from and one third to judge by."""
    cut = len(packed) * 2 // 3

    def part(start: int, end: int) -> PackedSplit:
        return replace(
            packed,
            starts=packed.starts[start : end + 1],
            sizes=packed.sizes[start:end],
            id_starts=packed.id_starts[start : end + 1],
            glyph_starts=packed.glyph_starts[start : end + 1],
            names=packed.names[start:end],
        )

    return part(0, cut), part(cut, len(packed))


def codes_of(packed: PackedSplit, vocab: Vocab, settings: Settings, **train: object) -> set[str]:
    """Return what is said in a run on two thirds of the pictures."""
    model = settings.model.model_copy(update={"dropout": 0.0})
    wanted = settings.train.model_copy(update={"batch_size": 16, **train})
    settings = settings.model_copy(update={"model": model, "train": wanted})
    learnt, judged = halves(packed)
    data = TrainingData(learnt, judged, vocab, Preprocessing())
    run = TrainingRun.begin(settings, data)
    return set(provoked(run))


@pytest.mark.slow
@pytest.mark.parametrize("shuffled", [True, False])
def test_pictures_shuffled_against_formulas_are_noticed(
    shuffled: bool, many: Many, settings: Settings
) -> None:
    written = sentences(240, 0)
    shown = sentences(240, 1) if shuffled else written
    said = codes_of(*many(written, shown), settings, epochs=60, learning_rate=5e-3)
    assert bool(said & {"language-only", "mismatched"}) is shuffled, said


@pytest.mark.parametrize("skewed", [True, False])
def test_skewed_labels_are_noticed(skewed: bool, many: Many, settings: Settings) -> None:
    written = sentences(24, 0)
    if skewed:
        written[:18] = ["a b"] * 18
    said = codes_of(*many(written, written), settings, epochs=2)
    assert ("skewed-labels" in said) is skewed


@pytest.mark.parametrize("warmup", [0.0, 0.4])
def test_a_missing_warm_up_is_noticed(warmup: float, many: Many, settings: Settings) -> None:
    written = sentences(48, 0)
    packed, vocab = many(written, written)
    said = codes_of(packed, vocab, settings, epochs=25, learning_rate=0.5, warmup=warmup, clip=1e9)
    assert ("no-warm-up" in said) is (warmup == 0.0), said
    assert "rushed" not in said


@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_saturating_activations_are_noticed(
    factor: float, packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    model = settings.model.model_copy(update={"decoder": "lstm", "units": 16, "output": 16})
    run = begin(packed, vocab, settings.model_copy(update={"model": model}), epochs=2)
    with torch.no_grad():
        run.learner.network.decoder.get_parameter("output.weight").mul_(factor)
    assert ("saturated" in provoked(run)) is (factor > 1)


@pytest.mark.parametrize("factor", [1.0, 30.0])
def test_growth_without_normalisation_is_noticed(
    factor: float, packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, epochs=2, learning_rate=1e-6)
    encoder = run.learner.network.encoder
    for name, module in list(encoder.named_modules()):
        if isinstance(module, torch.nn.BatchNorm2d) and factor > 1:
            where, _, last = name.rpartition(".")
            encoder.get_submodule(where).add_module(last, torch.nn.Identity())
        if isinstance(module, torch.nn.Conv2d):
            with torch.no_grad():
                module.weight.mul_(factor)
    assert ("huge-activations" in provoked(run)) is (factor > 1)


def test_channels_that_died_are_noticed(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, epochs=2, learning_rate=1e-6)
    with torch.no_grad():
        run.learner.network.encoder.get_parameter("stages.0.norm.bias").fill_(-100.0)
        run.learner.network.encoder.get_parameter("stages.0.norm.bias")[0] = 0.0
    assert "silent-channels" in provoked(run)


def test_a_run_that_ends_too_early_says_go_on(many: Many, settings: Settings) -> None:
    written = sentences(48, 0)
    said = codes_of(*many(written, written), settings, epochs=12, learning_rate=5e-4)
    assert "under-fitted" in said
