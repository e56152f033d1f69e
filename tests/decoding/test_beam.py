from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from im2latex_cli.decoding import beam
from im2latex_cli.decoding.beam import BeamHypothesis, search
from im2latex_cli.errors import UsageError

EOS = 0
# Rows: last id; columns: next id (0 ends). Known by hand: from 1 the greedy path is
# 2 (.6), 3 (.5), end (.5) = .15; the best one is 4 (.4), end (.9) = .36.
KNOWN = torch.tensor(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.6, 0.0, 0.4],
        [0.2, 0.0, 0.0, 0.5, 0.3],
        [0.5, 0.0, 0.3, 0.0, 0.2],
        [0.9, 0.0, 0.0, 0.1, 0.0],
    ]
).log()


@dataclass(frozen=True)
class Table:
    """A decoder whose next id depends on the last one only, through a table by picture.

    Rows carry the history, so that a wrong reorder or select shows.
    """

    tables: Tensor  # (B, V, V) log-probabilities
    owner: Tensor  # (R,)
    history: Tensor  # (R, steps)

    @classmethod
    def of(cls, tables: Tensor) -> Table:
        batch = tables.shape[0]
        return cls(tables, torch.arange(batch), torch.zeros(batch, 0, dtype=torch.int64))

    def repeat(self, times: int) -> Table:
        return Table(
            self.tables,
            self.owner.repeat_interleave(times),
            self.history.repeat_interleave(times, dim=0),
        )

    def reorder(self, rows: Tensor) -> Table:
        assert torch.equal(self.owner[rows], self.owner), "a row left its picture"
        return Table(self.tables, self.owner, self.history[rows])

    def select(self, pictures: Tensor) -> Table:
        batch = len(self.owner.unique())
        owner = self.owner.view(batch, -1)[pictures].flatten()
        history = self.history.view(batch, -1, self.history.shape[1])[pictures].flatten(0, 1)
        return Table(self.tables, owner, history)


def table_step(ids: Tensor, state: Table) -> tuple[Tensor, Table]:
    """Log-probabilities after `ids`, nudged by the whole history."""
    history = torch.cat([state.history, ids[:, None]], dim=1)
    nudge = (history * torch.arange(1, history.shape[1] + 1)).sum(1) % 7
    scores = state.tables[state.owner, ids] * (1 + nudge[:, None] / 10)
    return scores.log_softmax(-1), Table(state.tables, state.owner, history)


def plain_step(ids: Tensor, state: Table) -> tuple[Tensor, Table]:
    """Log-probabilities straight from the table."""
    return state.tables[state.owner, ids], state


def find(
    tables: torch.Tensor, *, step=plain_step, first: int = 1, **options
) -> list[list[BeamHypothesis]]:
    options = {"width": 1, "max_steps": 6, "eos": EOS, "length_penalty": 0.0, **options}
    start = torch.full((len(tables),), first)
    return search(start, Table.of(tables), step, **options)


def test_greedy_follows_the_likeliest_id():
    (only,) = find(KNOWN[None])[0]
    assert only.ids == (2, 3)
    assert math.isclose(math.exp(only.score), 0.15, rel_tol=1e-5)
    assert [round(math.exp(score), 5) for score in only.token_scores] == [0.6, 0.5, 0.5]
    assert not only.truncated


def test_a_beam_finds_what_greedy_misses():
    found = find(KNOWN[None], width=3, nbest=3)[0]
    assert [one.ids for one in found] == [(4,), (2, 4), (2, 3)]
    expected = [0.4 * 0.9, 0.6 * 0.3 * 0.9, 0.6 * 0.5 * 0.5]
    assert [math.exp(one.score) for one in found] == pytest.approx(expected)


def test_the_length_penalty_favours_more_ids():
    table = torch.tensor([[1.0, 0, 0, 0], [0.0, 0, 0.4, 0.6], [0.5, 0, 0, 0.5], [0.05, 0, 0, 0.95]])
    tables = table.log()[None]
    assert find(tables, width=2, length_penalty=0.0, max_steps=4)[0][0].ids == (2,)
    long = find(tables, width=2, length_penalty=1.0, max_steps=40)[0][0]
    assert long.ids == (3,) * 39


def test_an_end_at_the_first_step_is_an_empty_hypothesis():
    table = torch.tensor([[1.0, 0, 0], [0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]).log()
    (only,) = find(table[None])[0]
    assert only.ids == ()
    assert math.isclose(math.exp(only.score), 0.7, rel_tol=1e-5)
    assert len(only.token_scores) == 1
    best = find(table[None], width=2, nbest=2)[0]
    assert best[0].ids == ()


def test_a_search_cut_off_says_so():
    table = torch.tensor([[1.0, 0, 0], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]]).log()
    (only,) = find(table[None], max_steps=5)[0]
    assert only.truncated
    assert only.ids == (2, 1, 2, 1, 2)
    assert len(only.token_scores) == 5


def test_one_step_is_a_search_too():
    (only,) = find(KNOWN[None], max_steps=1)[0]
    assert only.ids == (2,)
    assert only.truncated


def test_ended_hypotheses_come_before_truncated_ones():
    table = torch.tensor([[1.0, 0, 0], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]]).log()
    found = find(table[None], width=3, nbest=3, max_steps=3)[0]
    assert [one.truncated for one in found] == sorted(one.truncated for one in found)


def test_forbidden_ids_never_appear():
    impossible = find(KNOWN[None], width=5, nbest=5, first=4)[0]
    assert all(one.score > -math.inf for one in impossible)
    assert {one.ids[0] for one in impossible if one.ids} <= {3}


def test_a_beam_wider_than_the_vocabulary_is_refused():
    with pytest.raises(UsageError, match="wider than the vocabulary of 5"):
        find(KNOWN[None], width=6)


def test_more_results_than_hypotheses_are_refused():
    with pytest.raises(UsageError, match="3 hypotheses"):
        find(KNOWN[None], width=2, nbest=3)


def test_no_pictures_give_no_results():
    assert (
        search(torch.zeros(0, dtype=torch.int64), None, plain_step, width=1, max_steps=3, eos=0)
        == []
    )


def reference(table: torch.Tensor, *, width, max_steps, penalty, nbest) -> list[BeamHypothesis]:
    """The same search for one picture, candidate by candidate."""

    def scores(history: tuple[int, ...]) -> list[float]:
        state = Table(
            table[None],
            torch.zeros(1, dtype=torch.int64),
            torch.tensor([history[:-1]], dtype=torch.int64),
        )
        return table_step(torch.tensor([history[-1]]), state)[0][0].tolist()

    def value(one) -> float:
        return one[1] / len(one[2]) ** penalty

    alive = [((1,), 0.0, (), False)]
    for _ in range(max_steps):
        candidates = []
        for ids, score, tokens, ended in alive:
            if ended:
                candidates.append((ids, score, tokens, True))
                continue
            for token, more in enumerate(scores(ids)):
                candidates.append(((*ids, token), score + more, (*tokens, more), token == EOS))
        alive = sorted(candidates, key=value, reverse=True)[:width]
    alive.sort(key=lambda one: (not one[3], -value(one)))
    return [
        BeamHypothesis(ids[1 : len(tokens) + (not ended)], score, tokens, not ended)
        for ids, score, tokens, ended in alive[:nbest]
    ]


def same(found: list[BeamHypothesis], expected: list[BeamHypothesis]) -> None:
    assert [one.ids for one in found] == [one.ids for one in expected]
    assert [one.truncated for one in found] == [one.truncated for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert one.token_scores == pytest.approx(other.token_scores, abs=1e-4)
        assert sum(one.token_scores) == pytest.approx(one.score, abs=1e-4)


@st.composite
def problems(draw):
    size = draw(st.integers(3, 7))
    width = draw(st.integers(1, size))
    tables = torch.randn(
        (draw(st.integers(1, 5)), size, size),
        generator=torch.Generator().manual_seed(draw(st.integers(0, 10**6))),
    )
    tables = tables * draw(st.sampled_from([0.3, 1.0, 3.0]))
    tables[:, :, EOS] += draw(st.sampled_from([-2.0, 0.0, 2.0]))
    options = {
        "width": width,
        "nbest": draw(st.integers(1, width)),
        "max_steps": draw(st.integers(1, 12)),
        "length_penalty": draw(st.sampled_from([0.0, 0.5, 1.0])),
    }
    return tables.log_softmax(-1), options


@settings(deadline=None, max_examples=120)
@given(problems())
def test_the_search_is_the_one_written_candidate_by_candidate(problem):
    tables, options = problem
    found = find(tables, step=table_step, **options)
    for table, mine in zip(tables, found, strict=True):
        penalty = options["length_penalty"]
        rest = {name: options[name] for name in ("width", "max_steps", "nbest")}
        same(mine, reference(table, penalty=penalty, **rest))


@settings(deadline=None, max_examples=60)
@given(problems())
def test_a_batch_is_as_many_batches_of_one(problem):
    tables, options = problem
    together = find(tables, step=table_step, **options)
    for index in range(len(tables)):
        same(together[index], find(tables[index : index + 1], step=table_step, **options)[0])


@settings(deadline=None, max_examples=60)
@given(problems(), st.integers(2, 9), st.sampled_from([0.0, 0.5, 1.0]))
def test_looking_seldom_and_keeping_ended_pictures_changes_nothing(problem, look, crowded):
    tables, options = problem
    expected = find(tables, step=table_step, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beam, "_interval", lambda _device: look)
        patch.setattr(beam, "CROWDED", crowded)
        found = find(tables, step=table_step, **options)
    for mine, other in zip(found, expected, strict=True):
        same(mine, other)


@settings(deadline=None, max_examples=40)
@given(problems())
def test_a_beam_as_wide_as_the_vocabulary_is_exhaustive_over_two_ids(problem):
    tables, _ = problem
    size = tables.shape[1]
    (best,) = find(tables[:1], width=size, max_steps=2)[0]
    ends = {(): tables[0, 1, EOS].item()}
    ends |= {(i,): (tables[0, 1, i] + tables[0, i, EOS]).item() for i in range(1, size)}
    if not best.truncated:
        assert best.score == pytest.approx(max(ends.values()), abs=1e-5)
        assert best.ids == max(ends, key=ends.__getitem__)
