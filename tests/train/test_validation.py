from types import SimpleNamespace

import numpy as np
import pytest
import torch

from im2latex_cli.latex.vocab import EOS, Vocab
from im2latex_cli.network.encoder_output import Decoded
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.pack import PackedSplit
from im2latex_cli.train.validation import (
    MAX_TOKENS_SHOWN,
    Evaluation,
    attention_map,
    calibrate,
    choose,
    commonest,
    evaluate,
    label_losses,
)

CPU = torch.device("cpu")


def evaluated(network: Network, packed: PackedSplit, vocab: Vocab, **changes) -> Evaluation:
    wanted = {
        "vocab": vocab,
        "pixels": 100_000,
        "max_tokens": 20,
        "device": torch.device("cpu"),
        **changes,
    }
    return evaluate(network, packed, np.arange(len(packed)), **wanted)


@pytest.fixture
def network(vocab: Vocab, settings: Settings) -> Network:
    torch.manual_seed(0)
    return Network(settings.model, len(vocab)).eval()


def test_figures_do_not_depend_on_batches(
    network: Network, packed: PackedSplit, vocab: Vocab
) -> None:
    together = evaluated(network, packed, vocab)
    apart = evaluated(network, packed, vocab, pixels=1)
    assert apart.loss == pytest.approx(together.loss, rel=1e-4)
    assert apart.entropy == pytest.approx(together.entropy, rel=1e-4)
    assert apart.edit_similarity == pytest.approx(together.edit_similarity)
    assert together.pictures == 8
    assert together.distinct_references == 8


def test_the_losses_of_labels_are_those_of_the_whole(
    network: Network, packed: PackedSplit, vocab: Vocab
) -> None:
    chosen = np.array([5, 0, 3])
    losses = label_losses(network, packed, chosen, pixels=100_000, device=torch.device("cpu"))
    apart = [
        label_losses(network, packed, at, pixels=1, device=torch.device("cpu"))[0]
        for at in chosen[:, None]
    ]
    assert losses == pytest.approx(apart, rel=1e-4)
    every = label_losses(network, packed, np.arange(8), pixels=100_000, device=torch.device("cpu"))
    tokens = packed.lengths + 1
    whole = evaluated(network, packed, vocab).loss
    assert (every * tokens).sum() / tokens.sum() == pytest.approx(whole, rel=1e-4)


def test_a_network_that_knows_nothing_has_the_loss_of_chance(
    network: Network, packed: PackedSplit, vocab: Vocab
) -> None:
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.zero_()
    figures = evaluated(network, packed, vocab)
    assert figures.loss == pytest.approx(np.log(len(vocab)), rel=1e-4)
    assert figures.entropy == pytest.approx(np.log(len(vocab)), rel=1e-4)
    assert figures.identical == 100.0


def test_examples_belong_to_their_pictures(
    network: Network, packed: PackedSplit, vocab: Vocab
) -> None:
    figures = evaluated(network, packed, vocab, examples=3)
    assert len(figures.examples) == 3
    for index, reference, _ in figures.examples:
        assert reference.split() == vocab.decode([*packed.formula(index), EOS])


def test_choice_is_stable_and_limited(packed: PackedSplit) -> None:
    first = choose(packed, 5, seed=3)
    assert list(first) == list(choose(packed, 5, seed=3))
    assert len(set(first)) == 5
    assert list(choose(packed, 99, seed=3)) == list(range(8))


def test_commonest_counts_equal_readings() -> None:
    assert commonest([["a"], ["b"], ["a"], []]) == 2


def test_rank_prefers_edit_then_exact_then_loss() -> None:
    made = {
        "entropy": 0.0,
        "bleu4": 0.0,
        "identical": 0.0,
        "distinct_references": 1,
        "well_formed": 0.0,
        "pictures": 1,
        "examples": (),
    }
    worst = Evaluation(loss=2.0, edit_similarity=50.0, exact_match=1.0, **made)
    lower = Evaluation(loss=1.0, edit_similarity=50.0, exact_match=1.0, **made)
    exact = Evaluation(loss=3.0, edit_similarity=50.0, exact_match=2.0, **made)
    closer = Evaluation(loss=9.0, edit_similarity=51.0, exact_match=0.0, **made)
    ranked = sorted([closer, worst, exact, lower], key=lambda e: e.rank)
    assert ranked == [worst, lower, exact, closer]


def drawn(count: int, seed: int) -> tuple[list[SimpleNamespace], list[bool]]:
    """Readings that are right exactly as often as the logistic function of their score says."""
    random = np.random.default_rng(seed)
    scores = -random.exponential(2.0, count)
    right = random.random(count) < 1 / (1 + np.exp(-(1.0 + scores)))
    return [SimpleNamespace(score=float(s), steps=10) for s in scores], [bool(r) for r in right]


def test_calibration_finds_how_often_a_score_is_right() -> None:
    fitted, error = calibrate(*drawn(4000, 0))
    assert fitted is not None
    assert error is not None
    assert error < 0.03
    assert fitted(-1.0, 10) == pytest.approx(0.5, abs=0.05)
    assert fitted(-5.0, 10) < 0.05


def test_calibration_error_is_measured_on_readings_that_were_not_fitted() -> None:
    readings, _ = drawn(40, 1)
    right = [bool(place % 2) for place in range(40)]  # one half all right, the other all wrong
    assert calibrate(readings, right)[1] is None
    coin = [bool(place // 2 % 2) for place in range(40)]
    assert calibrate(readings, coin)[1] is not None


def test_nothing_to_learn_gives_no_calibration() -> None:
    readings, _ = drawn(10, 2)
    assert calibrate(readings, [True] * 10) == (None, None)
    assert calibrate(readings, [False] * 10) == (None, None)


def test_one_row_for_each_token_and_the_end(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    network = Network(settings.model, len(vocab))
    height, width = packed.picture(0).shape
    shown = attention_map(network, packed.picture(0), packed.formula(0), device=CPU)
    assert shown.shape == (3, (len(packed.formula(0)) + 1) * (height + 2), width)
    assert np.array_equal(shown[0, :height], packed.picture(0)), "red is the picture itself"
    long = attention_map(network, packed.picture(0), packed.formula(0) * 9, device=CPU)
    assert long.shape[1] == MAX_TOKENS_SHOWN * (height + 2)


def test_red_stands_where_the_head_looks(
    packed: PackedSplit, vocab: Vocab, settings: Settings
) -> None:
    network = Network(settings.model, len(vocab))

    def decode(memory, ids):
        logits = torch.full((1, ids.shape[1], memory.features.shape[1]), -1e4)
        logits[0, :, 1] = 0.0
        return Decoded(logits, logits)

    network.decode = decode
    paper = np.full((32, 40), 255, np.uint8)
    shown = attention_map(network, paper, [4], device=CPU)
    cell_height, cell_width = network.stride
    red = shown[0].astype(int) - shown[1]
    assert (red[:cell_height, cell_width : 2 * cell_width] == 255).all()
    red[:cell_height, cell_width : 2 * cell_width] = 0
    assert not red[:32].any()
