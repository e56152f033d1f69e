"""Networks and the search together."""

import pytest
import torch

from im2latex_cli.decoding.beam import search
from im2latex_cli.decoding.grammar_constraint import GrammarConstraint
from im2latex_cli.latex.grammar.automaton import automaton
from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.vocab import BOS, EOS, SPECIALS
from im2latex_cli.network.torch_engine import to_batch


def test_a_network_decodes_in_a_batch_as_alone(network, pictures):
    options = {"width": 4, "nbest": 2, "max_steps": 12, "eos": 2}

    def read(some):
        with torch.no_grad():
            state = network.start(network.encode(*to_batch(some)))
            return search(torch.ones(len(some), dtype=torch.int64), state, network.step, **options)

    together = read(pictures)
    for index, picture in enumerate(pictures):
        (one, other) = together[index], read([picture])[0]
        assert [found.ids for found in one] == [found.ids for found in other]
        for found, alone in zip(one, other, strict=True):
            assert found.score == pytest.approx(alone.score, abs=1e-4)
            assert found.token_scores == pytest.approx(alone.token_scores, abs=1e-4)


def test_an_untrained_network_writes_sound_formulas(network, pictures):
    tokens = (*SPECIALS, "x", "y", "^", "_", "{", "}", r"\frac", r"\left(", r"\right)", "&",
              "\\\\", r"\begin{cases}", r"\end{cases}", r"\sqrt", "[")  # fmt: skip
    grammar = GrammarConstraint(
        automaton(tokens, specials=len(SPECIALS), eos=EOS), torch.device("cpu")
    )
    with torch.no_grad():
        state = network.start(network.encode(*to_batch(pictures)))
        found = search(
            torch.full((len(pictures),), BOS),
            grammar.start(state, [20] * len(pictures)),
            grammar.step(network.step),
            width=4,
            max_steps=20,
            eos=EOS,
            nbest=4,
        )
    assert all(
        check([tokens[index] for index in one.ids]) is None for rows in found for one in rows
    )
