import numpy as np
import pytest
import torch

from im2latex_cli.latex.vocab import EOS, Vocab
from im2latex_cli.model.network import Network
from im2latex_cli.settings.tree import Settings
from im2latex_cli.train.packed import Packed
from im2latex_cli.train.validate import Evaluation, choose, commonest, evaluate


def evaluated(network: Network, packed: Packed, vocab: Vocab, **changes) -> Evaluation:
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


def test_figures_do_not_depend_on_batches(network: Network, packed: Packed, vocab: Vocab) -> None:
    together = evaluated(network, packed, vocab)
    apart = evaluated(network, packed, vocab, pixels=1)
    assert apart.loss == pytest.approx(together.loss, rel=1e-4)
    assert apart.entropy == pytest.approx(together.entropy, rel=1e-4)
    assert apart.edit_similarity == pytest.approx(together.edit_similarity)
    assert together.pictures == 8
    assert together.distinct_references == 8


def test_a_network_that_knows_nothing_has_the_loss_of_chance(
    network: Network, packed: Packed, vocab: Vocab
) -> None:
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.zero_()
    figures = evaluated(network, packed, vocab)
    assert figures.loss == pytest.approx(np.log(len(vocab)), rel=1e-4)
    assert figures.entropy == pytest.approx(np.log(len(vocab)), rel=1e-4)
    assert figures.identical == 100.0


def test_examples_belong_to_their_pictures(network: Network, packed: Packed, vocab: Vocab) -> None:
    figures = evaluated(network, packed, vocab, examples=3)
    assert len(figures.examples) == 3
    for index, reference, _ in figures.examples:
        assert reference.split() == vocab.decode([*packed.formula(index), EOS])


def test_choice_is_stable_and_limited(packed: Packed) -> None:
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
