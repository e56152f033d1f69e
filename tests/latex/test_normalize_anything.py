"""What holds of the normal form of any string."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join, tokenize

LINES = Path(__file__).with_name("normal_forms.tsv").read_text(encoding="utf-8").splitlines()[1:]
PIECES = st.sampled_from(
    [piece for line in LINES for piece in tokenize(line.split("\t")[1])]
    + list(r"{}{}{}[]()^_&$~'+-=,ab12 ")
)

REAL = r"""
\int _ { - \epsilon } ^ { \infty } d l \: \mathrm { e } ^ { - l \zeta } { \frac { l ^ { \prime } } { l - 1 } }
{ \cal D } ( g ) = \left( \begin{array} { c c } { z _ { 1 } ^ { \prime } } & { 2 } \\ \end{array} \right) \, ,
\mathop{\mathrm{Spec}}\nolimits(A) \to \{x \in X \mid f'(x) = 0 \text{ for all } i \in I\}
\left.\frac{\partial f}{\partial x}\right|_{x=0}^2 \quad\mbox{if} \sum\limits_{i=1}^n {a \over b} \le \dots
\begin{aligned} a &= b \\[2pt] &{}= \sqrt[3]{c} \hspace{1cm} \begin{cases} 1 & x > 0 \\ 0 \end{cases}
"""  # noqa: E501


def _holds(formula):
    for spacing in ("keep", "drop"):
        found = normalize(formula, spacing=spacing)
        again = normalize(join(found.tokens), spacing=spacing)
        assert again.tokens == found.tokens
        assert (again.problem is None) == (found.problem is None)
        assert " ".join(found.tokens).split() == list(found.tokens)
        if found.problem is None:
            assert check(found.tokens) is None
        else:
            assert "\n" not in found.problem


@given(st.text(max_size=80))
def test_any_text_is_normalized_once_and_for_all(formula):
    _holds(formula)


@given(st.lists(PIECES, max_size=16))
def test_any_token_soup_is_normalized_once_and_for_all(pieces):
    _holds(" ".join(pieces))


@given(
    st.sampled_from([tokenize(line) for line in REAL.strip().splitlines()]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), PIECES), max_size=4),
)
@settings(max_examples=200)
def test_any_mutated_formula_is_normalized_once_and_for_all(tokens, mutations):
    tokens = list(tokens)
    for place, drop, piece in mutations:
        at = place % (len(tokens) + 1)
        tokens[at : at + drop] = [piece]
    _holds(" ".join(tokens))
