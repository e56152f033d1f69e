from __future__ import annotations

import math

import torch

from im2latex_cli.network.transformer import grid_sinusoids, sinusoids


def test_sinusoids_follow_the_formula():
    table = sinusoids(torch.arange(6), 8)
    for position in range(6):
        for pair in range(4):
            angle = position / 1e4 ** (2 * pair / 8)
            assert math.isclose(table[position, 2 * pair], math.sin(angle), abs_tol=1e-6)
            assert math.isclose(table[position, 2 * pair + 1], math.cos(angle), abs_tol=1e-6)


def test_no_two_cells_share_a_position():
    table = grid_sinusoids(12, 40, 16, device=torch.device("cpu"))
    distances = torch.cdist(table, table) + 9 * torch.eye(len(table))
    assert table.shape == (480, 16)
    assert distances.min() > 1e-3


def test_cells_of_a_row_share_the_first_half():
    table = grid_sinusoids(3, 4, 8, device=torch.device("cpu")).view(3, 4, 8)
    assert torch.equal(table[1, 0, :4], table[1, 3, :4])
    assert torch.equal(table[0, 2, 4:], table[2, 2, 4:])
