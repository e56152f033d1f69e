from __future__ import annotations

import csv
import gzip
from collections import Counter
from functools import lru_cache
from importlib import resources

import numpy as np
import pytest

from im2latex_cli.latex.grammar.automaton import (
    NEVER,
    NOTHING,
    Automaton,
    _explore,
    automaton,
    leaves_ink,
    move,
)
from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.grammar.roles import ACCENT, BOX, INSIDES, UNSEEN, Role, role_of
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.vocab import EOS, SPECIALS, Vocab


def refused_at(tables: Automaton, ids: list[int]) -> int | None:
    """Index of the first token that the automaton refuses, the end counted; None if sound."""
    place, stack, ink = tables.start, [], False
    inside = dict.fromkeys(INSIDES, 0)  # height of the stack behind what is open, 0 if nothing
    for at, token in enumerate([*ids, EOS]):
        role = tables.roles[token]
        if tables.after[place, role] >= NEVER or (token == EOS and not ink):
            return at
        opens = dict(zip(INSIDES, tables.inside[role], strict=True))
        if opens[ACCENT] and inside[BOX]:
            return at
        ink |= bool(tables.ink[place, role]) and not inside[UNSEEN]
        opens[BOX] &= inside[ACCENT] > 0
        for one in INSIDES:
            if opens[one] and not inside[one]:
                inside[one] = len(stack) + 1
        if tables.push[place, role] != NOTHING:
            stack.append(tables.push[place, role])
        reach, drop = tables.reach[place, role], tables.drop[place, role]
        place = stack[-reach] if reach else tables.next[place, role]
        del stack[len(stack) - drop :]
        inside = {one: height * (height <= len(stack)) for one, height in inside.items()}
    return None


def build(formulas: list[tuple[str, ...]]) -> tuple[Vocab, Automaton]:
    counts = Counter(token for formula in formulas for token in formula)
    vocab = Vocab.build(counts, min_count=1)
    return vocab, automaton(vocab.tokens, specials=len(SPECIALS), eos=EOS)


def refusals(formulas: list[str]) -> list[str]:
    normal = [tuple(normalize(formula).tokens) for formula in formulas]
    normal = [formula for formula in normal if check(formula) is None]
    assert len(normal) > 0.98 * len(formulas)
    vocab, tables = build(normal)
    refused = []
    for formula in normal:
        at = refused_at(tables, vocab.encode(formula))
        if at is not None:
            refused.append(" ".join((*formula[:at], ">>>", *formula[at:])))
    return refused


def test_every_formula_of_the_small_data_set_can_be_written():
    text = (
        resources.files("im2latex_cli.data.sources")
        .joinpath("small_formulas.tsv")
        .read_text("utf-8")
    )
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    assert refusals([row["formula"] for row in rows]) == []


def test_real_formulas_can_be_written(real_data):
    with gzip.open(real_data / "formulas" / "valid.tsv.gz", "rt", encoding="utf-8") as lines:
        formulas = [line.rstrip("\n").split("\t")[2] for line in lines][1:2001]
    hep = (real_data / "im2latex100k" / "train.norm.txt").read_text("utf-8").splitlines()[:1000]
    assert refusals(formulas + hep) == []


ALPHABET = (
    r"x y 2 + , * [ ] { } _ ^ & \sum \limits \frac \sqrt \text \big ( ) \hline \quad \alpha "
    r"\left( \right] \middle| \begin{array} \end{array} \begin{matrix} \end{matrix} \\ c | l "
    r"\substack \operatorname \' \begin{aligned} \end{aligned} \begin{alignedat} \end{alignedat} "
    r"\phantom \smash \hat \widehat \overline \mathscr \mathbb \mathfrak b A \Omega \, "
    r"\begin{pmatrix} \end{pmatrix} \left. \right. . \strut t r \cfrac "
    r"\begin{subarray} \end{subarray} \begin{gathered} \end{gathered}"
)


@lru_cache
def tables_of(alphabet: str) -> tuple[dict[str, int], Automaton]:
    tokens = tuple(dict.fromkeys([*SPECIALS, *alphabet.split()]))
    number = {token: at for at, token in enumerate(tokens)}
    return number, automaton(tokens, specials=len(SPECIALS), eos=EOS)


def sound(formula: str) -> bool:
    number, tables = tables_of(ALPHABET)
    return refused_at(tables, [number[token] for token in formula.split()]) is None


@pytest.mark.parametrize(
    "formula",
    [
        r"x _ { 2 } ^ { y }",
        r"\sum \limits _ { x } y",
        r"\frac { x } { \sqrt [ x ] { y } }",
        r"\left( x \middle| y \right]",
        r"\big ( x \big ]",
        r"\begin{array} { c | l } \hline x & y \\ \hline [ & \end{array} ^ { 2 }",
        r"\begin{matrix} [ x ] & y \end{matrix}",
        r"\text { x \text { y } \quad \' { x } \' y }",
        r"\sum _ { \substack { x \\ y } }",
        r"\begin{alignedat} { 2 } x & y & x & y \end{alignedat}",
        r"\sqrt [ { ] } ] { x }",
        r"\operatorname { x y } _ { 2 } ( x )",
        r"{ } ^ { 2 } A",
        r"\phantom { x } A",
        r"\hat { } \phantom { \phantom { x } }",
        r"\hat { \hat { x } \smash { x } }",
        r"\hat { \overline { \hat { x } } }",
        r"\smash { \hat { \hat { x } } }",
        r"\widehat { \smash { \hat { x } } }",
        r"\mathscr { A + \, \alpha } \mathbb { A } \mathfrak { b }",
        r"\begin{pmatrix} \end{pmatrix}",
        r"\big ( \left. \right.",
        r"\text { x }",
        r"\begin{aligned} { } [ x ] \end{aligned}",
        r"\smash [ b ] { x } \smash [ t ] { y } ^ { 2 }",
        r"\cfrac [ r ] { x } { y }",
        r"\sqrt [ { \smash [ b ] { x } } ] { y }",
        r"\begin{subarray} { l } x \\ y \end{subarray}",
        rf"\begin{{array}} {{ {'c ' * 24}}} x \end{{array}}",
    ],
)
def test_sound_formulas_pass(formula):
    assert check(formula.split()) is None
    assert sound(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "",
        r"\quad",
        "x }",
        "{ x",
        "x _ y",
        "x _ { y } _ { y }",
        "x ^ { y } ^ { y }",
        "^ { x }",
        r"\quad _ { x }",
        r"x \limits _ { y }",
        r"\sum \limits x",
        r"\frac { x } y",
        r"\left( x",
        r"x \right]",
        r"\left( { x \right] }",
        r"{ x \middle| y }",
        r"\big x",
        r"x \hline",
        r"x \\ y",
        "x & y",
        r"\begin{matrix} x",
        r"\begin{matrix} x \end{array}",
        r"\begin{array} x \end{array}",
        r"\begin{array} { x } y \end{array}",
        r"\begin{array} { } y \end{array}",
        r"\begin{array} { c c } x & y & x \end{array}",
        r"\begin{matrix} x \hline \end{matrix}",
        r"\begin{matrix} x \\ [ y \end{matrix}",
        r"\begin{matrix} x \\ * y \end{matrix}",
        r"\begin{aligned} [ x \end{aligned}",
        r"\begin{gathered} [ x \end{gathered}",
        r"\begin{subarray} { c c } x & y \end{subarray}",
        r"\begin{subarray} { c | } x \end{subarray}",
        r"\smash [ x ] { y }",
        r"\smash [ t b ] { y }",
        r"\smash [ ] { y }",
        r"\smash [ t ] x",
        r"\cfrac [ t ] { x } { y }",
        r"\sqrt [ \smash [ t ] { x } ] { y }",
        r"\smash [ t ] { }",
        r"\begin{alignedat} { 2 } x & y & x & y & x \end{alignedat}",
        r"\text { x _ { y } }",
        r"\text { \alpha }",
        r"\text { \' }",
        r"\sqrt [ \left( x \right] ] { y }",
        r"\sqrt [ x { y }",
        r"{ }",
        r"{ { } _ { } } \,",
        r"\phantom { x }",
        r"\phantom { \hat { \frac { x } { y } } } \frac { } { }",
        r"\begin{array} { c | c } & \\ \end{array}",
        r"\left. \right. \big . \strut",
        r"\text { \quad \text { } }",
        r"\hat { \smash { \hat { x } } }",
        r"\hat { \frac { x } { \smash { x } \hat { \widehat { { \hat { x } } } } } }",
        r"\mathscr { x }",
        r"\mathscr { \Omega }",
        r"\mathscr { A _ { 2 } }",
        r"\mathscr { { A } }",
        r"\mathbb { b }",
        r"\mathfrak { \Omega }",
    ],
)
def test_unsound_formulas_do_not(formula):
    assert not sound(formula)


def test_unknown_tokens_have_no_place():
    tokens = (*SPECIALS, "x", "\\nonsense", "é")
    tables = automaton(tokens, specials=len(SPECIALS), eos=EOS)
    reachable = tables.after[:, tables.roles].min(axis=0) < NEVER
    assert reachable.tolist() == [False, False, True, False, True, False, False]


def test_costs_are_the_shortest_ways_out():
    number, tables = tables_of(ALPHABET)
    role = {token: tables.roles[at] for token, at in number.items()}
    after = tables.after[tables.start]
    assert tables.cost[tables.start] == 2  # one symbol and the end
    assert after[role["x"]] == 1
    assert after[role["{"]] == 1 + 1
    assert after[role[r"\frac"]] == 4 + 1
    assert after[role[r"\big"]] == 1 + 1
    assert after[role[r"\begin{array}"]] == len("{c}") + 1 + 1
    assert np.all(tables.cost < NEVER)


def test_what_a_formula_without_ink_still_needs_is_known():
    def reserve(*tokens: str) -> int:
        return automaton((*SPECIALS, *tokens), specials=len(SPECIALS), eos=EOS).reserve

    assert reserve("x", "{", "}", r"\sqrt") == 1
    assert reserve("{", "}", r"\sqrt", r"\phantom") == len("s{}")
    assert reserve("{", "}", r"\phantom", r"\,") == NEVER


def test_tables_hold_the_move_of_every_token_in_every_state() -> None:
    """Though most moves are looked up once for all states that are alike."""
    tokens = [*"ab2*[]{}_^&|lr", r"\,", r"\limits", r"\sum", r"\big", r"\frac", r"\sqrt", r"\hat"]
    tokens += [r"\text", r"\mathbb", r"\substack", r"\cfrac", r"\left(", r"\middle|", r"\right)"]
    tokens += [
        r"\begin{array}",
        r"\end{array}",
        r"\begin{matrix}",
        r"\end{matrix}",
        "\\\\",
        r"\hline",
    ]
    tables = automaton([*SPECIALS, *tokens], specials=len(SPECIALS), eos=EOS)
    named = [Role("over") if at == EOS else Role("never") for at in range(len(SPECIALS))]
    kinds = tuple(dict.fromkeys([*named, *map(role_of, tokens)]))
    states, number, _ = _explore(kinds)
    assert tables.after.shape == (len(states), len(kinds))
    for at, state in enumerate(states):
        for role, kind in enumerate(kinds):
            step, found = move(state, kind), (at, role)
            assert tables.ink[found] == leaves_ink(state, kind)
            if step is None:
                assert tables.after[found] == NEVER
                continue
            assert tables.next[found] == number[step.state]
            assert tables.push[found] == (NOTHING if step.push is None else number[step.push])
            assert (tables.reach[found], tables.drop[found]) == (step.reach, step.drop)
            assert tables.opens[found] == step.opens
