import os
import subprocess
import sys
from collections import Counter
from functools import cache
from statistics import quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.data.sources.tables import small_source
from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination import maker as room

Tokens = tuple[str, ...]


@cache
def real() -> tuple[Tokens, ...]:
    entries = [entry.formula for entry in small_source().read()]  # type: ignore[union-attr]
    made = [synthetic_formula(7, number) for number in range(1500)]
    return tuple(dict.fromkeys(normalize(formula).tokens for formula in entries + made))


def recombine(count: int, seed: int = 0, **options: object) -> list[Tokens]:
    return list(room.recombine(real(), count, seed=seed, **options))  # type: ignore[arg-type]


@given(st.integers(0, 2**40))
@settings(max_examples=8, deadline=None)
def test_what_comes_out_is_new_sound_and_in_normal_form(seed: int) -> None:
    made = recombine(60, seed)
    known = {token for form in real() for token in form}
    assert len(set(made)) == 60
    assert not set(made) & set(real())
    for form in made:
        again = normalize(join(form))
        assert (again.tokens, again.problem) == (form, None)
        assert check(form) is None
        assert known.issuperset(form)


def test_without_spaces_the_form_without_them_comes_out() -> None:
    bare = [normalize(join(form), spacing="drop").tokens for form in real()]
    for form in room.recombine(bare, 100, seed=2, spacing="drop"):
        assert normalize(join(form), spacing="drop").tokens == form


def test_a_seed_decides_and_more_begin_with_fewer() -> None:
    first = recombine(80, seed=4)
    assert recombine(80, seed=4) == first
    assert recombine(120, seed=4)[:80] == first
    assert len(set(recombine(80, seed=5)) & set(first)) < 10


def test_hash_seeds_change_nothing() -> None:
    code = (
        "from im2latex_cli.recombination.maker import recombine\n"
        "from im2latex_cli.data.generated.synthetic import synthetic_formula\n"
        "from im2latex_cli.latex.normalize import normalize\n"
        "forms = [normalize(synthetic_formula(1, n)).tokens for n in range(150)]\n"
        "print(list(recombine(forms, 40, seed=3, min_examples=8)))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().count(b"(") > 40


def test_held_out_forms_never_come_out_whatever_their_spacing() -> None:
    free = recombine(150, seed=6)
    held = [normalize(join(form)).tokens for form in free[::2]]
    spaced = [
        (form[0], "\\,", *form[1:]) for form in held if check((form[0], "\\,", *form[1:])) is None
    ]
    assert len(spaced) > 30
    made = recombine(150, seed=6, held_out=[*held, *spaced])
    bare = {normalize(join(form), spacing="drop").tokens for form in held}
    assert not bare & {normalize(join(form), spacing="drop").tokens for form in made}
    assert len(made) == 150


@given(st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_the_mark_of_a_formula_does_not_hang_on_its_spacing(number: int) -> None:
    formula = synthetic_formula(9, number)
    kept, dropped = normalize(formula).tokens, normalize(formula, spacing="drop").tokens
    assert room._mark(kept) == room._mark(dropped)


def test_lengths_follow_the_real_ones_or_are_shifted() -> None:
    def middle(forms: list[Tokens] | tuple[Tokens, ...]) -> list[float]:
        return quantiles([len(form) for form in forms], n=4)

    for wanted, got in zip(middle(real()), middle(recombine(500, seed=1)), strict=True):
        assert got == pytest.approx(wanted, rel=0.2, abs=2)
    twice = middle(recombine(900, seed=1, longer=2.0))
    for wanted, got in zip(middle(real()), twice, strict=True):
        assert got == pytest.approx(2 * wanted, rel=0.2)


def test_a_formula_that_comes_twice_counts_twice() -> None:
    lower, upper = [("a", "+", c) for c in "bcdefghi"], [("A", "-", c) for c in "BCDEFGHI"]
    pairs = [*lower * 8, *upper]
    made = list(room.recombine(pairs, 60, seed=0))
    assert sum(form[0].islower() for form in made) > 2 * sum(form[0].isupper() for form in made)


def test_rare_tokens_get_their_examples() -> None:
    counts = Counter(token for form in real() for token in set(form))
    rare = [token for token, count in counts.items() if 2 <= count < 25]
    assert len(rare) > 100
    made = recombine(20, seed=1, min_examples=25)
    total = counts + Counter(token for form in made for token in set(form))
    assert {token: total[token] for token in rare if total[token] < 25} == {}
    assert len(set(made)) == len(made)
    assert all(normalize(join(form)).tokens == form for form in made)


def test_an_input_without_room_ends() -> None:
    assert len(list(room.recombine([("x",)], 50, seed=0))) < 50
    assert list(room.recombine([], 50, seed=0)) == []
    assert list(room.recombine(real(), 0, seed=0)) == []
