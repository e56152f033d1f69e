import numpy as np
import torch

from im2latex_cli.latex.vocab import Vocab
from im2latex_cli.network.encoder_output import Decoded
from im2latex_cli.network.network import Network
from im2latex_cli.settings.sections import Settings
from im2latex_cli.train.input.pack import Packed
from im2latex_cli.train.monitor.attention_map import MOST, attention_map

CPU = torch.device("cpu")


def test_one_row_for_each_token_and_the_end(
    packed: Packed, vocab: Vocab, settings: Settings
) -> None:
    network = Network(settings.model, len(vocab))
    height, width = packed.picture(0).shape
    shown = attention_map(network, packed.picture(0), packed.formula(0), device=CPU)
    assert shown.shape == (3, (len(packed.formula(0)) + 1) * (height + 2), width)
    assert np.array_equal(shown[0, :height], packed.picture(0)), "red is the picture itself"
    long = attention_map(network, packed.picture(0), packed.formula(0) * 9, device=CPU)
    assert long.shape[1] == MOST * (height + 2)


def test_red_stands_where_the_head_looks(packed: Packed, vocab: Vocab, settings: Settings) -> None:
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
