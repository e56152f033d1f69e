"""What decoding on a GPU makes the host wait for."""

from __future__ import annotations

import pytest
import torch

from im2latex_cli.decoding import beam
from im2latex_cli.decoding.beam import NONE, Diversity, search
from im2latex_cli.decoding.grammar_constraint import GrammarConstraint, without
from im2latex_cli.latex.grammar.automaton import automaton
from im2latex_cli.latex.vocab import BOS, EOS, SPECIALS
from im2latex_cli.network.torch_engine import to_batch

WIDTH = 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("kind", ["grammar", "without", "diverse"])
def test_reading_on_a_gpu_waits_once_in_eight_tokens(network, pictures, kind):
    device = torch.device("cuda")
    network.to(device)
    grammar = GrammarConstraint(
        automaton((*SPECIALS, *"abcdefghijklmno"), specials=4, eos=EOS), device
    )
    look, best, calls = beam._sorted_out, beam._best, 0

    def watched(ids, state):
        nonlocal calls
        torch.cuda.set_sync_debug_mode("error")
        calls += 1
        return network.step(ids, state)

    def looked(going):
        assert calls % beam.LOOK == 0
        torch.cuda.set_sync_debug_mode("default")
        found = look(going)
        torch.cuda.set_sync_debug_mode("error")
        return found

    def read_out(part, rank):
        torch.cuda.set_sync_debug_mode("default")
        return best(part, rank)

    images, sizes = to_batch(pictures)
    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(beam, "_sorted_out", looked)
        patch.setattr(beam, "_best", read_out)
        state = network.start(network.encode(images.to(device), sizes))
        start = torch.full((len(pictures),), BOS, device=device)
        options = {"width": WIDTH, "max_steps": 40, "eos": EOS, "nbest": WIDTH}
        try:
            if kind == "grammar":
                placed = grammar.start(state, [40] * len(pictures))
                search(start, placed, grammar.step(watched), **options)
            else:
                diversity = Diversity(0.5) if kind == "diverse" else NONE
                step = without(watched, [0, 1, 3])
                search(start, state, step, diversity=diversity, **options)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert calls >= beam.LOOK
