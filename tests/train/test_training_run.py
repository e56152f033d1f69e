from functools import partial
from itertools import islice

import pytest

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train import training_run
from im2latex_cli.train.folder import RunFolder
from im2latex_cli.train.losses import find_classes
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.training_run import TrainingData, TrainingRun
from im2latex_cli.vision.prepare import Preprocessing

TAUGHT = {"glyph_weight": 0.5, "attention_weight": 0.5, "augment": True}


def begin(
    packed: PackedSplit, vocab: Vocab, settings: Settings, state=None, **train
) -> TrainingRun:
    changed = settings.model_copy(update={"train": settings.train.model_copy(update=train)})
    data = TrainingData(packed, packed, vocab, Preprocessing())
    if state:
        return TrainingRun.resume(changed, data, *state)
    return TrainingRun.begin(changed, data)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a glyph be a class from its second time on: eight pictures hold few."""
    monkeypatch.setattr(training_run, "find_classes", partial(find_classes, min_count=2))


@pytest.mark.usefixtures("often")
def test_glyph_classes_are_stored_and_kept(
    packed: PackedSplit, vocab: Vocab, settings: Settings, tmp_path
) -> None:
    first = begin(packed, vocab, settings, **TAUGHT)
    list(islice(first.steps(), 3))
    folder = RunFolder(tmp_path)
    folder.save_state(*first.state())
    wanted = [report.loss for report in first.steps()]
    second = begin(packed, vocab, settings, folder.load_state(), **TAUGHT)
    assert second.classes == first.classes
    assert second.classes is not None
    assert [report.loss for report in second.steps()] == wanted


def test_without_glyphs_in_the_data_attention_is_simply_not_taught(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    bare = PackedSplit(
        **{
            name: getattr(packed, name)
            for name in PackedSplit.__slots__
            if name not in {"glyphs", "glyph_starts"}
        },
        glyphs=packed.glyphs[:0],
        glyph_starts=packed.glyph_starts * 0,
    )
    run = begin(bare, vocab, settings, **TAUGHT)
    assert run.classes is None
    (report,) = islice(run.steps(), 1)
    assert report.finite
    assert report.parts == {}


def test_glyphs_are_not_named_where_that_has_no_weight(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, **{**TAUGHT, "glyph_weight": 0.0})
    assert run.classes is not None
    assert run.learner.head is None
    (report,) = islice(run.steps(), 1)
    assert set(report.parts) == {"attention"}


def test_bfloat16_trains_on_the_cpu_too(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    run = begin(packed, vocab, settings, precision="bfloat16", epochs=2)
    assert all(report.finite for report in run.steps())


def test_best_is_what_the_evaluations_say_or_the_last(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    for choose, wanted in (("best", False), ("last", True)):
        run = begin(packed, vocab, settings, choose=choose)
        evaluation = run.evaluate()
        assert run.remember(evaluation)
        assert run.remember(evaluation) is wanted
        assert run.history.since_best == (0 if wanted else 1)


def test_evaluations_come_ten_times_a_run_or_once_an_epoch(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    long, short = (begin(packed, vocab, settings, epochs=epochs) for epochs in (100, 3))
    assert long.learner.steps == 100 * long.epoch_steps
    assert long.every == 10 * long.epoch_steps
    assert short.every == short.epoch_steps
    assert begin(packed, vocab, settings, evaluate_every=7).every == 7
