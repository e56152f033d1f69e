"""Spaces go where TeX takes them, and change nothing else."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from im2latex_cli.latex.normal.atoms import is_space
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination.alike import Usage
from im2latex_cli.recombination.maker import space_out

SPACES = Usage(Counter({r"\,": 5, r"\;": 2, r"\quad": 1}))
FORMULAS = [
    r"\frac{a}{b}+\sqrt[3]{x_{1}^{2}}=12,",
    r"\left(\begin{array}{cc}a&b\\c&d\end{array}\right)_{i}.",
    r"\operatorname{rank}A\leq\mathrm{min}(m,n)",
    r"\sum_{i=1}^{n}f(x_{i})\text{ where }i",
    r"\hat{x}'=\overline{a b}",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formula_stays_the_same_but_for_its_spaces(formula: str) -> None:
    tokens = list(normalize(formula).tokens)
    bare = [token for token in tokens if not is_space(token)]
    seen = Counter[str]()
    for seed in range(60):
        spaced = space_out(tokens, SPACES, Random(seed))
        seen.update(set(spaced) - set(tokens))
        assert [token for token in spaced if not is_space(token)] == bare
        normal = normalize(join(spaced))
        assert normal.problem is None
        assert [token for token in normal.tokens if not is_space(token)] == bare
    assert set(seen) == {r"\,", r"\;", r"\quad"}


def test_numbers_and_arguments_stay_together() -> None:
    tokens = list(normalize(r"x_{1}^{2}=123").tokens)
    for seed in range(60):
        spaced = " ".join(space_out(tokens, SPACES, Random(seed)))
        assert "_ {" in spaced
        assert "^ {" in spaced
        assert "1 2 3" in spaced


def test_input_without_spaces_gives_none() -> None:
    tokens = ["a", "+", "b", ",", "c", "."]
    assert space_out(tokens, Usage(Counter(tokens)), Random(0)) == tokens
