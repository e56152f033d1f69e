"""The normal form: a table of every rule, and what is refused."""

import os
import time
from pathlib import Path

import pytest

from im2latex_cli.latex.grammar.check import check
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join, tokenize

LINES = Path(__file__).with_name("normal_forms.tsv").read_text(encoding="utf-8").splitlines()[1:]
REFUSALS = Path(__file__).with_name("refusals.tsv").read_text(encoding="utf-8").splitlines()[1:]
PAIRS = [
    pytest.param(formula, wanted, id=f"{rule}: {formula}")
    for rule, formula, wanted in (line.split("\t") for line in LINES)
]

PROBLEMS = {
    "": "the formula is empty",
    "{}": "the formula is empty",
    "{a": "{ is not closed before the end",
    "a}": "} without {",
    r"\left(a": r"\left( is not closed before the end",
    r"a\right)": r"\right) without its beginning",
    r"{\left(a}\right)": r"\left( is not closed before }",
    r"\begin{matrix}a": r"\begin{matrix} is not closed before the end",
    r"\begin{matrix}a\end{pmatrix}": r"\begin{matrix} is not closed before \end{pmatrix}",
    r"a\end{matrix}": r"\end{matrix} without its beginning",
    r"\begin{matrix}{a&b}\end{matrix}": "{ is not closed before &",
    r"\begin{tabular}{c}a\end{tabular}": r"unknown environment \begin{tabular}",
    r"\begin{array}{c}a&b\end{array}": "array has a row of more than 1 columns",
    r"\begin{array}ab\end{array}": "array lacks its column argument",
    r"\begin{array}{}b\end{array}": "array has no column",
    r"\begin{subarray}{cc}a&b\end{subarray}": "subarray has more than 1 column",
    r"\begin{cases}a&b&c\end{cases}": "cases has a row of more than 2 columns",
    "x_1_2": "double subscript",
    "x^1^2": "double superscript",
    "x^2'": "double superscript",
    r"\frac{a}": r"\frac lacks its argument",
    r"\sqrt[3{x}": "[ without ]",
    "x^": "a script lacks its argument",
    r"\left x": r"\left lacks its delimiter",
    r"\big x": r"\big lacks its delimiter",
    r"a\limits_b": r"\limits must follow an operator",
    r"\wurst": r"unknown command \wurst",
    r"\rule[1pt]{1cm}{2pt}": (
        r"\rule needs two lengths, as in \rule{1cm}{2pt}, and cannot be raised"
    ),
    r"\mathbf\mathrm{V}": r"\mathbf needs braces around \mathrm and its letters",
    r"\operatorname{Hom'}": (
        r"a quote in \operatorname is an apostrophe in TeX; a prime is ^\prime there"
    ),
    r"\hspace{\textwidth}": r"\hspace needs a length, as in \hspace{1cm}",
    r"a\kern b": r"\kern needs a length, as in \kern 1cm",
    r"a\mkern 1pb": r"\mkern needs a length, as in \mkern 3mu",
    r"\input{x}": r"unknown command \input",
    r"\def\a{b}": r"unknown command \def",
    "a$b": "a dollar sign inside the formula",
    "a&b": "& outside an environment",
    "a#1": "# is a macro parameter; its sign is \\#",
    "é": "character 'é' (U+00E9) has no place in LaTeX math",
    r"\text{a_b}": "_ inside text",
    r"\text{a $b}": "$ inside text",
    r"\text{a $b$ c": "$ inside text",
    r"\text{a {b $c$}}": "$ inside text",
    r"\fbox{$a$}": "$ inside text",
    r"x_{\text{$a^2$}}": "$ inside text",
    r"\text{a\'}": r"\' lacks its letter",
    r"\text a": r"\text lacks its braces",
    r"\text{a": r"\text is not closed before the end",
    r"\begin{matrix}a\hline\end{matrix}": r"\hline must begin a row",
    r"\middle|": r"\middle| without its beginning",
    r"{a\over b\over c}": r"a second \over in one group",
    r"\begin{aligned}a\\\intertext{so}b\end{aligned}": r"\intertext is prose between two lines; "
    "the lines are formulas of their own",
    r"\mathds{R}": r"\mathds is a font that neither renderer has; \mathbb looks otherwise",
    r"\mathbb{0}": r"the font of \mathbb has no 0",
    r"\mathbb{k}": r"the font of \mathbb has no k",
    r"\mathbb{\Delta}": r"the font of \mathbb has no \Delta",
    r"\mathcal{b}": r"the font of \mathcal has no b",
    r"{\cal O(x)}": r"the font of \mathcal has no x",
    r"\mathscr{e}": r"the font of \mathscr has no e",
    r"\mathfrak{\Pi}": r"the font of \mathfrak has no \Pi",
    r"\color[rgb{1,0,0}x": r"\color has [ without ]",
    r"x=\begin{aligned}[t]a\\b\end{aligned}": "the position [t] moves rows beside what stands "
    "around them",
    r"\begin{array}{c@{=}|c}a&b\end{array}": "array has a rule beside @{}",
    r"\begin{array}{>{a}}b\end{array}": "array has > where no column can take it",
    r"a\mathop=b": r"\mathop needs braces around =: without them TeX moves it up or down",
    r"a\pmod\mathfrak p": r"\pmod needs braces around \mathfrak and its letters",
    r"\hat{\text{$x$}}^2": "$ inside text",
    r"\num[round-mode=places]{1.23}": r"\num is known, but not with what follows it here",
    r"\ce{A <=>> B}": r"\ce is known, but not with what follows it here",
    r"\ce{A <=>[x] B}": r"\ce is known, but not with what follows it here",
    r"\order*{x}": r"\order is known, but not with what follows it here",
    r"\eval[x|_0": r"\eval is known, but not with what follows it here",
    "{" * 200 + "a" + "}" * 200: "groups are nested more than 60 deep",
    **dict(line.split("\t") for line in REFUSALS),
}


@pytest.mark.parametrize(("formula", "wanted"), PAIRS)
def test_a_formula_has_this_normal_form(formula, wanted):
    found = normalize(formula)
    assert (join(found.tokens), found.problem) == (wanted, None)


@pytest.mark.parametrize(("formula", "wanted"), PAIRS)
def test_the_normal_form_is_its_own_and_well_formed(formula, wanted):
    assert join(normalize(wanted).tokens) == wanted
    assert check(normalize(formula).tokens) is None


@pytest.mark.parametrize(("formula", "problem"), PROBLEMS.items())
def test_a_problem_is_one_clear_line(formula, problem):
    found = normalize(formula)
    assert found.problem == problem
    assert list(found.tokens) == tokenize(formula)


def test_spacing_drop_leaves_no_space():
    found = normalize(r"a\,b\ c\quad d~e\hspace{1cm}f\text{ if }g\mkern3mu h", spacing="drop")
    assert join(found.tokens) == r"abcdef\text{if}gh"
    rows = normalize(r"\begin{matrix}a\\[2pt]b\end{matrix}", spacing="drop")
    assert join(rows.tokens) == r"\begin{matrix}a\\b\end{matrix}"


def test_deep_input_of_any_length_ends_without_recursion_error():
    for opening in ("{", r"\left(", r"\frac{", r"\begin{matrix}", "x^{", r"\text{", r"\sqrt["):
        assert normalize(opening * 5000).problem
        assert check(tokenize(opening * 5000))
    assert normalize(r"\text{$" * 5000 + "$}" * 5000).problem


def _real_formulas():
    root = os.environ.get("IM2LATEX_DATA")
    path = Path(root or ".") / "im2latex100k" / "train.norm.txt"
    if not root or not path.exists():
        pytest.skip("IM2LATEX_DATA does not point at a folder with im2latex100k/train.norm.txt")
    return path.read_text(encoding="utf-8").splitlines()


def test_real_formulas_are_sound_and_stay_as_they_are():
    found = [normalize(formula) for formula in _real_formulas()]
    sound = [each for each in found if each.problem is None]
    assert len(sound) > 0.99 * len(found)
    for each in sound[::20]:
        assert normalize(join(each.tokens)).tokens == each.tokens


@pytest.mark.slow
def test_normalizing_is_fast():
    formulas = _real_formulas()
    began = time.process_time()
    for formula in formulas:
        normalize(formula)
    assert len(formulas) / (time.process_time() - began) > 5000
