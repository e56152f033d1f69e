from collections import Counter
from random import Random

from im2latex_cli.data.generated.synthetic import synthetic_formula
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.recombination.assemble import Pool
from im2latex_cli.recombination.maker import Rare, examples

REAL = [normalize(synthetic_formula(6, number)).tokens for number in range(400)]
ODD = [
    normalize(formula).tokens
    for formula in (
        r"\underbrace{a + b}_{n} = c", r"x = \underbrace{p q}_{k}", r"x \curlyvee y = z",
        r"a \curlyvee b", r"\mho = 1",
    )
]  # fmt: skip


def supply() -> Rare:
    forms = [*REAL, *ODD]
    return Rare(forms, examples(forms), Pool(forms, most=1000), floor=20)


def test_examples_are_formulas_not_occurrences() -> None:
    assert examples([("x", "x", "y"), ("y",)]) == Counter(x=1, y=2)


def test_tokens_of_one_formula_only_get_none() -> None:
    tokens = supply().tokens
    assert {"\\curlyvee", "\\underbrace"} <= set(tokens)
    assert "\\mho" not in tokens
    assert "=" not in tokens
    assert tokens == sorted(tokens)


def test_a_symbol_is_written_where_its_like_stands() -> None:
    rare, rng = supply(), Random(1)
    made = [rare.attempt("\\curlyvee", 20, rng) for _ in range(60)]
    holding = [tokens for tokens in made if tokens is not None and "\\curlyvee" in tokens]
    assert len(holding) > 40
    assert len({tuple(tokens) for tokens in holding} - {*ODD}) > 20
    bases = {tuple("\\times" if t == "\\curlyvee" else t for t in tokens) for tokens in holding}
    assert len(bases) > 20


def test_a_construct_is_brought_along_whole() -> None:
    rare, rng = supply(), Random(2)
    made = [rare.attempt("\\underbrace", 20, rng) for _ in range(60)]
    holding = [tokens for tokens in made if tokens is not None and "\\underbrace" in tokens]
    assert len(holding) > 30
    for tokens in holding:
        assert tokens[tokens.index("\\underbrace") + 1] == "{"
