from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.decoding.beam import BeamHypothesis, search
from im2latex_cli.decoding.grammar_constraint import DEPTH, GrammarConstraint, needs, without
from im2latex_cli.latex.commands import BEGIN, COMMANDS, END, LEFT, MIDDLE, RIGHT
from im2latex_cli.latex.grammar.automaton import automaton
from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.repetition import LONG, MOST, cut, repetition_end
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.latex.vocab import BOS, EOS, SPECIALS

STRUCTURE = ["{", "}", "_", "^", "&", "\\\\", "[", "]", "\\space", r"\hspace{1cm}"]
EVERYTHING = (
    *SPECIALS,
    *dict.fromkeys(
        (*COMMANDS, *STRUCTURE, *BEGIN, *END, *sorted(LEFT), *sorted(RIGHT), *sorted(MIDDLE), "'")
    ),
    "\\nonsense",
)


WIDTH = 3


class Nothing:
    """The state of a decoder that has none."""

    def repeat(self, _):
        return self

    reorder = select = repeat


class Noise:
    """A decoder that knows nothing; what it proposes depends on the row's own past only."""

    def __init__(self, seeds: torch.Tensor, scale: float) -> None:
        self.seeds = seeds
        self.scale = scale

    def repeat(self, times: int) -> Noise:
        return Noise(self.seeds.repeat_interleave(times), self.scale)

    def reorder(self, rows: torch.Tensor) -> Noise:
        return Noise(self.seeds[rows], self.scale)

    def select(self, pictures: torch.Tensor) -> Noise:
        return Noise(self.seeds.view(self.pictures, -1)[pictures].flatten(), self.scale)

    @property
    def pictures(self) -> int:
        return len(self.seeds) // WIDTH


@lru_cache
def grammar_of(tokens: tuple[str, ...], *, walks: bool = True) -> GrammarConstraint:
    tables = automaton(tokens, specials=4, eos=EOS)
    return GrammarConstraint(tables, torch.device("cpu"), walks=walks)


def noisy(size: int, *, likes: torch.Tensor):
    def step(ids: torch.Tensor, state: Noise) -> tuple[torch.Tensor, Noise]:
        seeds = (state.seeds * 31 + ids) % 1_000_003
        rows = [np.random.default_rng(int(seed)).normal(size=size) for seed in seeds]
        scores = torch.from_numpy(np.array(rows)).float() * state.scale + likes
        return scores.log_softmax(-1), Noise(seeds, state.scale)

    return step


def find(tokens, seeds, *, max_steps, scale=2.0, seed=0, walks=True) -> list[list[BeamHypothesis]]:
    grammar = grammar_of(tokens, walks=walks)
    likes = torch.from_numpy(np.random.default_rng(seed).normal(size=len(tokens))).float() * scale
    likes[EOS] -= 4
    start = torch.full((len(seeds),), BOS)
    placed = grammar.start(Noise(torch.tensor(seeds), scale), [max_steps] * len(seeds))
    step = grammar.step(noisy(len(tokens), likes=likes))
    return search(start, placed, step, width=WIDTH, max_steps=max_steps, eos=EOS, nbest=WIDTH)


def words(tokens, found: BeamHypothesis) -> list[str]:
    return [tokens[at] for at in found.ids]


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 10**6),
    st.sampled_from([2, 3, 9, 30, 90]),
    st.sampled_from([0.3, 2.0, 6.0]),
    st.booleans(),
)
def test_whatever_the_network_says_the_formula_is_sound(seed, max_steps, scale, few):
    tokens = EVERYTHING
    if few:  # a vocabulary with holes: closers, arguments, whole environments are missing
        some = random.Random(seed).sample(EVERYTHING[4:], 60)
        tokens = (*SPECIALS, "x", *(token for token in some if token != "x"))
    for rows in find(tokens, range(6), max_steps=max_steps, scale=scale, seed=seed):
        assert rows
        for found in rows:
            formula = words(tokens, found)
            assert check(formula) is None
            assert not found.truncated
            assert len(formula) < max_steps
            assert tokenize(join(formula)) == formula
            assert normalize(join(formula)).problem is None


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 10**6), st.sampled_from([2, 9, 30, 70]), st.sampled_from([0.3, 2.0]),
    st.sampled_from([4, 12, 60, None]),
)  # fmt: skip
def test_rows_that_walk_alone_find_what_arrays_find(seed, max_steps, scale, few):
    some = random.Random(seed).sample(EVERYTHING[4:], few or len(EVERYTHING) - 4)
    tokens = (*SPECIALS, "x", *(token for token in some if token != "x"))
    alone, arrays = (
        find(tokens, range(4), max_steps=max_steps, scale=scale, seed=seed, walks=walks)
        for walks in (True, False)
    )
    assert alone == arrays


@pytest.mark.parametrize(
    "likes", [["x"], ["x", "y"], [r"\phantom", "{", "x", "}"], ["{"], [r"\widehat", "{", "}"]]
)
def test_both_count_circles_levels_and_ink_alike(likes):
    tokens = (*SPECIALS, "{", "}", "x", "y", "^", r"\phantom", r"\hat", r"\widehat", r"\,", "&")
    tables = automaton(tokens, specials=4, eos=EOS)
    grammars = [GrammarConstraint(tables, None, walks=walks) for walks in (True, False)]
    alone, arrays = (one.start(Nothing(), [90] * 3).places.repeat(2) for one in grammars)
    needed = needs(tables).take(tables.roles, axis=1)
    draw = np.random.default_rng(1)
    for at in range(80):
        rows, slack = alone.room()
        np.testing.assert_array_equal(rows, arrays.room()[0])
        np.testing.assert_array_equal(slack, arrays.room()[1])
        weight = draw.random((len(rows), len(tokens)))
        weight[0, tokens.index(likes[at % len(likes)])] = 2
        last = np.where(needed[rows] <= slack[:, None], weight, -1).argmax(1)
        alone, arrays = alone.read(last), arrays.read(last)
        if at == 40:
            alone, arrays = (some.reorder(np.array([1, 0, 3, 3, 4, 4])) for some in (alone, arrays))
            alone, arrays = (some.select(np.array([0, 2])) for some in (alone, arrays))


def test_a_batch_is_as_many_batches_of_one():
    together = find(EVERYTHING, [5, 6, 7, 8], max_steps=30)
    for index, seed in enumerate([5, 6, 7, 8]):
        (alone,) = find(EVERYTHING, [seed], max_steps=30)
        assert [one.ids for one in together[index]] == [one.ids for one in alone]


def test_each_picture_has_its_own_limit():
    limits = [2, 5, 9, 30]
    grammar = grammar_of(EVERYTHING)
    likes = torch.zeros(len(EVERYTHING))
    likes[EOS] = -50
    found = search(
        torch.full((4,), BOS),
        grammar.start(Noise(torch.tensor([1, 2, 3, 4]), 3.0), limits),
        grammar.step(noisy(len(EVERYTHING), likes=likes)),
        width=WIDTH,
        max_steps=30,
        eos=EOS,
    )
    assert [len(rows[0].ids) for rows in found] == [limit - 1 for limit in limits]
    assert all(check(words(EVERYTHING, rows[0])) is None for rows in found)


def test_scores_stay_the_networks_own():
    tokens = (*SPECIALS, "x", "^", "{", "}")
    grammar = grammar_of(tokens)
    flat = torch.full((1, len(tokens)), 1 / len(tokens)).log()

    found = search(
        torch.tensor([BOS]),
        grammar.start(Nothing(), [4]),
        grammar.step(lambda ids, state: (flat.expand(len(ids), -1), state)),
        width=1,
        max_steps=4,
        eos=EOS,
    )[0][0]
    assert found.score == pytest.approx(len(found.token_scores) * flat[0, 0].item())


def test_a_vocabulary_that_spells_nothing_is_known():
    def possible(*tokens: str) -> bool:
        tables = automaton((*SPECIALS, *tokens), specials=4, eos=EOS)
        return GrammarConstraint(tables, torch.device("cpu")).possible

    assert possible("x")
    assert not possible("}", "^", r"\frac", r"\nonsense")
    assert not possible("{", "}", r"\phantom")
    assert possible("{", "}", r"\sqrt")


def test_levels_do_not_pile_up():
    tokens = (*SPECIALS, "{", "}", "x")
    grammar = grammar_of(tokens)
    likes = torch.tensor([[0.0, 0.0, -9.0, 0.0, 9.0, -5.0, -9.0]]).log_softmax(-1)

    (rows,) = search(
        torch.tensor([BOS]),
        grammar.start(Nothing(), [400]),
        grammar.step(lambda ids, state: (likes.expand(len(ids), -1), state)),
        width=1,
        max_steps=400,
        eos=EOS,
    )
    formula = words(tokens, rows[0])
    depth = max(formula[:n].count("{") - formula[:n].count("}") for n in range(len(formula)))
    assert depth < DEPTH
    assert check(formula) is None


def constant(tokens, likes: dict[str, float], *, limit: int) -> list[str]:
    """What a decoder writes that always likes the same tokens."""
    grammar = grammar_of(tokens)
    scores = torch.full((1, len(tokens)), -20.0)
    for token, score in likes.items():
        scores[0, tokens.index(token)] = score

    (rows,) = search(
        torch.tensor([BOS]),
        grammar.start(Nothing(), [limit]),
        grammar.step(lambda ids, state: (scores.expand(len(ids), -1), state)),
        width=1,
        max_steps=limit,
        eos=EOS,
    )
    return words(tokens, rows[0])


def test_a_formula_does_not_end_before_it_leaves_ink():
    tokens = (*SPECIALS, "{", "}", "x", r"\phantom", r"\,")
    likes = {tokens[EOS]: -1.0, "}": -0.5, "x": -3.0}
    assert constant(tokens, {**likes, "{": -2.0}, limit=90) == ["{", "}"] * 23 + ["x"]
    assert constant(tokens, {**likes, r"\,": -2.0}, limit=90)[-1] == "x"
    unseen = constant(tokens, {**likes, r"\phantom": -2.0}, limit=90)
    assert unseen[:3] == [r"\phantom", "{", "}"]
    assert unseen[-1] == "x"
    assert constant(tokens, {**likes, r"\,": -2.0}, limit=2) == ["x"]


def test_ink_inside_of_what_is_unseen_does_not_count():
    tokens = (*SPECIALS, "{", "}", "x", r"\phantom", r"\smash")
    wishes = [r"\phantom", "{", "x", r"\smash", "{", "x", "}", "}", tokens[EOS], "x"]
    grammar = grammar_of(tokens)

    def step(ids, state):
        scores = torch.full((len(ids), len(tokens)), -9.0)
        scores[:, tokens.index(wishes[state.at])] = 0.0
        return scores, replace(state, at=state.at + 1)

    @dataclass(frozen=True)
    class At(Nothing):
        at: int = 0

    (rows,) = search(
        torch.tensor([BOS]), grammar.start(At(), [9]), grammar.step(step), width=1, max_steps=9,
        eos=EOS,
    )  # fmt: skip
    assert words(tokens, rows[0])[:8] != wishes[:8]
    wishes[6:] = ["}", "}", "x", tokens[EOS]]
    (rows,) = search(
        torch.tensor([BOS]), grammar.start(At(), [10]), grammar.step(step), width=1, max_steps=10,
        eos=EOS,
    )  # fmt: skip
    assert words(tokens, rows[0]) == wishes[:-1]


def test_circles_end_as_soon_as_they_can():
    tokens = (*SPECIALS, "{", "}", "x", "y", r"\frac", "^")
    turn = {"x": "y", "y": "x"}
    grammar = grammar_of(tokens)

    def step(ids, state):
        scores = torch.full((len(ids), len(tokens)), -9.0)
        for row, at in enumerate(ids.tolist()):
            after = {BOS: r"\frac", tokens.index(r"\frac"): "{", tokens.index("{"): "x"}
            wish = after.get(at) or turn.get(tokens[at])
            if wish:
                scores[row, tokens.index(wish)] = 0.0
        return scores, state

    def find(width: int) -> list[str]:
        start, placed = torch.tensor([BOS]), grammar.start(Nothing(), [200])
        (rows,) = search(start, placed, grammar.step(step), width=width, max_steps=200, eos=EOS)
        return words(tokens, rows[0])

    formula = find(1)
    circle = (["x", "y"] * LONG)[: 2 + LONG + MOST - 1]
    assert formula == [r"\frac", "{", *circle, "}", "{", "}"]
    assert repetition_end(formula) == 2 + len(circle)
    assert cut(formula, full=False) == (r"\frac", *"{xyx}{}")
    found = repetition_end(find(WIDTH))
    assert found is None or len(find(WIDTH)) - found < 4


def test_without_some_ids_they_never_come():
    def step(ids, state):
        return torch.zeros(len(ids), 5).log_softmax(-1), state

    scores, _ = without(step, [0, 3])(torch.tensor([1, 1]), None)
    assert scores.isneginf().tolist() == [[True, False, False, True, False]] * 2


@pytest.mark.tex
@pytest.mark.slow
def test_whatever_the_network_says_tex_draws_it(tmp_path: Path):
    from im2latex_cli.render.choose import choose
    from im2latex_cli.render.renderer import RenderFailure
    from im2latex_cli.settings.sections import RenderSettings

    formulas = [
        join(words(EVERYTHING, one))
        for seed in range(10)
        for rows in find(EVERYTHING, range(20), max_steps=40, scale=3.0, seed=seed)
        for one in rows
    ]
    drawn = choose(RenderSettings(renderer="tex")).render(formulas)
    failed = [
        (formula, page.message)
        for formula, page in zip(formulas, drawn, strict=True)
        if isinstance(page, RenderFailure)
    ]
    assert not failed
