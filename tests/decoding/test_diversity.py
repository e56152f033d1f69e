from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from rapidfuzz.distance import Levenshtein

from im2latex_cli.decoding.beam import BeamHypothesis, Diversity, search

EOS, SIZE, WIDTH = 0, 12, 5


@dataclass(frozen=True)
class Past:
    """A decoder whose scores hang on all ids so far."""

    keys: torch.Tensor

    def repeat(self, times: int) -> Past:
        return Past(self.keys.repeat_interleave(times))

    def reorder(self, rows: torch.Tensor) -> Past:
        return Past(self.keys[rows])

    def select(self, pictures: torch.Tensor) -> Past:
        return Past(self.keys.view(-1, WIDTH)[pictures].flatten())


def step(ids: torch.Tensor, state: Past) -> tuple[torch.Tensor, Past]:
    keys = (state.keys * 31 + ids) % 100_003
    rows = [np.random.default_rng(int(key)).normal(size=SIZE) for key in keys]
    scores = torch.from_numpy(np.array(rows)).float() * 1.5
    scores[:, EOS] -= 1
    return scores.log_softmax(-1), Past(keys)


def find(seeds, diversity: Diversity) -> list[list[BeamHypothesis]]:
    start = torch.full((len(seeds),), 1)
    options = {"width": WIDTH, "max_steps": 25, "eos": EOS, "nbest": WIDTH}
    return search(start, Past(torch.tensor(seeds)), step, **options, diversity=diversity)


def spread(found: list[list[BeamHypothesis]]) -> float:
    """Mean edit distance of two hypotheses of one picture, over the longer one's length."""
    return float(
        np.mean(
            [
                Levenshtein.normalized_distance(one.ids, other.ids)
                for rows in found
                for one, other in combinations(rows, 2)
            ]
        )
    )


def test_hypotheses_differ_more_the_stronger_the_penalty():
    seeds = list(range(40))
    plain, some, much = (
        spread(find(seeds, Diversity(gamma, share)))
        for gamma, share in ((1, 1), (0.6, 1), (0.2, 1))
    )
    assert plain < some < much
    assert much > 1.15 * plain
    assert plain < spread(find(seeds, Diversity(0.2, 0.5)))


@pytest.mark.parametrize("off", [Diversity(1.0, 1.0), Diversity(0.3, 0.0)])
def test_without_a_penalty_it_is_the_plain_search_bit_for_bit(off):
    assert not off.active
    seeds = list(range(20))
    assert find(seeds, off) == find(seeds, Diversity())


def test_scores_stay_the_networks_own():
    for seed, rows in zip((3, 4), find([3, 4], Diversity(0.3)), strict=True):
        for one in rows:
            past, total = Past(torch.tensor([seed])), 0.0
            for before, after in pairwise((1, *one.ids, EOS)[: len(one.token_scores) + 1]):
                scores, past = step(torch.tensor([before]), past)
                total += float(scores[0, after])
            assert one.score == pytest.approx(total, abs=1e-4)


def test_the_draw_hangs_on_the_seed_alone():
    seeds = [5, 6, 7]
    first = find(seeds, Diversity(0.3, 0.5, seed=1))
    assert first == find(seeds, Diversity(0.3, 0.5, seed=1))
    assert first != find(seeds, Diversity(0.3, 0.5, seed=2))
    for index, seed in enumerate(seeds):
        (single,) = find([seed], Diversity(0.3, 0.5, seed=1))
        assert [one.ids for one in single] == [one.ids for one in first[index]]


def test_a_penalty_grows_with_the_likelier_siblings():
    scores = torch.tensor([[[0.5, 0.1, 0.4]]]).log()
    found = Diversity(0.5).penalty(scores, 3)
    assert found[0, 0].tolist() == pytest.approx([0.0, 2 * np.log(0.5), np.log(0.5)])
    same = Diversity(0.5).penalty(scores.numpy(), 3)
    assert same.dtype == np.float32
    assert same == pytest.approx(found.numpy())
