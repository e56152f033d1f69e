from __future__ import annotations

import numpy as np
import pytest
import torch

from im2latex_cli.errors import SettingsError
from im2latex_cli.network.network import Network
from im2latex_cli.network.torch_engine import to_batch
from im2latex_cli.settings.sections import PRESETS, ModelSettings


def forced(network: Network, pictures: list[np.ndarray], ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network.decode(network.encode(*to_batch(pictures)), ids).logits.log_softmax(-1)


def ids_for(pictures: list[np.ndarray], steps: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(4, 19, (len(pictures), steps), generator=generator)


def test_a_batch_gives_what_each_picture_gives_alone(network, pictures):
    ids = ids_for(pictures)
    together = forced(network, pictures, ids)
    for index, picture in enumerate(pictures):
        alone = forced(network, [picture], ids[index : index + 1])
        assert torch.allclose(together[index], alone[0], atol=1e-4)


def test_paper_around_the_batch_changes_nothing(network, pictures):
    images, sizes = to_batch(pictures[:2])
    ids = ids_for(pictures[:2])
    wide = torch.nn.functional.pad(images, (0, 48, 0, 32))
    with torch.no_grad():
        tight = network.decode(network.encode(images, sizes), ids).logits
        loose = network.decode(network.encode(wide, sizes), ids).logits
    assert torch.allclose(tight, loose, atol=1e-4)


def test_dirt_in_the_padding_does_not_reach_the_memory(network, pictures):
    images, sizes = to_batch([pictures[0], pictures[2]])
    dirty = images.clone()
    dirty[0, :, :, 112:] = 1.0
    with torch.no_grad():
        clean, soiled = network.encode(images, sizes), network.encode(dirty, sizes)
    mask = clean.mask[0]
    assert torch.allclose(clean.features[0, mask], soiled.features[0, mask], atol=1e-5)


def test_another_picture_gives_other_words(network, pictures):
    ids = ids_for(pictures)
    scores = forced(network, [pictures[0], pictures[2]], ids[:1].repeat(2, 1))
    assert (scores[0] - scores[1]).abs().max() > 1e-3


def test_steps_say_what_teacher_forcing_says(network, pictures):
    ids = ids_for(pictures)
    expected = forced(network, pictures, ids)
    with torch.no_grad():
        state = network.start(network.encode(*to_batch(pictures)))
        for position in range(ids.shape[1]):
            scores, state = network.step(ids[:, position], state)
            assert torch.allclose(scores, expected[:, position], atol=1e-4)


def test_repeat_reorder_and_select_move_whole_rows(network, pictures):
    ids = ids_for(pictures, 6)
    other = ids.flip(1)
    both = torch.stack([ids, other], dim=1).flatten(0, 1)  # rows: picture 0 ids, picture 0 other
    twice = [picture for picture in pictures for _ in range(2)]
    expected = forced(network, twice, torch.cat([ids[:, :1].repeat_interleave(2, 0), both], 1))
    kept = torch.tensor([0, 2, 3])
    rows = torch.tensor([1, 0, 3, 2, 5, 4])
    with torch.no_grad():
        state = network.start(network.encode(*to_batch(pictures)))
        _, state = network.step(ids[:, 0], state)
        state = state.repeat(2)
        _, state = network.step(both[:, 0], state)
        state = state.select(kept).reorder(rows)
        mine = both.view(len(pictures), 2, -1)[kept].flatten(0, 1)[rows]
        for position in range(1, 6):
            scores, state = network.step(mine[:, position], state)
            wanted = expected.view(len(pictures), 2, 7, -1)[kept].flatten(0, 1)[rows, position + 1]
            assert torch.allclose(scores, wanted, atol=1e-4)


def test_attention_stays_on_the_picture(network, pictures):
    ids = ids_for(pictures)
    with torch.no_grad():
        memory = network.encode(*to_batch(pictures))
        weights = network.decode(memory, ids).attention.softmax(-1)
    assert weights.shape == (len(pictures), ids.shape[1], memory.grid[0] * memory.grid[1])
    assert torch.allclose(weights.sum(-1), torch.ones(1))
    assert weights.masked_select(~memory.mask[:, None].expand_as(weights)).max() == 0


def test_the_grid_fits_the_pixels(network, pictures):
    images, sizes = to_batch(pictures)
    with torch.no_grad():
        memory = network.encode(images, sizes)
    rows, columns = network.stride
    assert memory.grid == (images.shape[2] // rows, images.shape[3] // columns)
    expected = [-(-height // rows) * -(-width // columns) for height, width in sizes.tolist()]
    assert memory.mask.sum(1).tolist() == expected
    assert memory.glyphs.shape[1:] == (
        network.glyph_channels,
        images.shape[2] // 8,
        images.shape[3] // 8,
    )


def test_only_real_padding_costs_masks(network, pictures):
    with torch.no_grad():
        assert not network.encode(*to_batch([pictures[1]])).padded
        assert not network.encode(*to_batch([pictures[2]] * 2)).padded
        assert network.encode(*to_batch(pictures)).padded


def test_every_parameter_learns(network, pictures):
    network.train()
    ids = ids_for(pictures)
    memory = network.encode(*to_batch(pictures))
    network.decode(memory, ids).logits.log_softmax(-1)[..., 3].sum().backward()
    silent = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all()
    ]
    assert not silent


def test_variance_survives_the_encoder(network, pictures):
    network.train()
    with torch.no_grad():
        memory = network.encode(*to_batch(pictures[:4]))
    real = memory.features[memory.mask]
    assert 0.1 < real.var() < 10
    assert real.var(dim=0).mean() > 0.05, "all cells look alike"


@pytest.mark.parametrize(
    ("preset", "least", "most"),
    [("seed", 7, 11), ("small", 0.1, 3), ("fast", 3, 8), ("base", 10, 25)],
)
def test_presets_have_the_promised_size(preset, least, most):
    network = Network(ModelSettings(**PRESETS[preset]["model"]), 500)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert least <= millions <= most


def test_channels_that_do_not_fit_the_encoder_are_refused():
    with pytest.raises(SettingsError, match=r"model\.channels.*6 stages, not 2"):
        Network(ModelSettings(channels=(8, 8)), 10)
    with pytest.raises(SettingsError, match=r"model\.channels.*3 stages, not 6"):
        Network(ModelSettings(encoder="residual"), 10)
