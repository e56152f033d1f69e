"""The normal form: a table of every rule, and what holds for any string."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from im2latex_cli.latex.grammar import check
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join, tokenize

NORMAL_FORMS = {
    "scripts": [
        (r"x^2_i", r"x_{i}^{2}"),
        (r"x_i^2", r"x_{i}^{2}"),
        (r"x_{i}^{2}", r"x_{i}^{2}"),
        (r"x^{}", r"x"),
        (r"x_{}^{}", r"x"),
        (r"x_a^{}", r"x_{a}^{}"),
        (r"{}^2", r"{}^{2}"),
        (r"^2", r"{}^{2}"),
        (r"a{}_b", r"a{}_{b}"),
        (r"x\,^2", r"x\,{}^{2}"),
        (r"x_1^{a_2}", r"x_{1}^{a_{2}}"),
        (r"x^\frac12", r"x^{\frac{1}{2}}"),
        (r"x^\mathrm{T}", r"x^{\mathrm{T}}"),
        (r"x_\text{max}", r"x_{\mathrm{max}}"),
        (r"\sum_{i=1}^n i", r"\sum_{i=1}^{n}i"),
        (r"x\sp2\sb3", r"x_{3}^{2}"),
    ],
    "primes": [
        (r"f'", r"f^{\prime}"),
        (r"f''", r"f^{\prime\prime}"),
        (r"f'^2", r"f^{\prime2}"),
        (r"f'_a", r"f_{a}^{\prime}"),
        (r"f_a'", r"f_{a}^{\prime}"),
        (r"{f'}^2", r"{f^{\prime}}^{2}"),
        (r"f^{'}", r"f^{{}^{\prime}}"),
        (r"f^\prime", r"f^{\prime}"),
    ],
    "braces": [
        (r"{x}", r"x"),
        (r"{x}^2", r"x^{2}"),
        (r"{ab}", r"ab"),
        (r"{ab}^2", r"{ab}^{2}"),
        (r"{{x}}", r"x"),
        (r"{\bar{K}}_a", r"{\bar{K}}_{a}"),
        (r"\frac{{a}}{{b}}", r"\frac{a}{b}"),
        (r"a{=}b", r"a{=}b"),
        (r"a{,}b", r"a{,}b"),
        (r"a{+}b", r"a{+}b"),
        (r"{+}b", r"+b"),
        (r"={-1}", r"=-1"),
        (r"a{-1}", r"a{-1}"),
        (r"({x})", r"(x)"),
        (r"{\sin x}", r"\sin x"),
        (r"a{\sin x}", r"a{\sin x}"),
        (r"{\left(a\right)}b", r"{\left(a\right)}b"),
        (r"{\left(a\right)}=b", r"\left(a\right)=b"),
        (r"a{}b", r"ab"),
        (r"a={}-b", r"a={}-b"),
        (r"x{}", r"x"),
        (r"{\cal L}_{int}", r"\mathcal{L}_{int}"),
        (r"{=}", r"="),
    ],
    "arguments": [
        (r"\frac12", r"\frac{1}{2}"),
        (r"\frac ab", r"\frac{a}{b}"),
        (r"\sqrt2", r"\sqrt{2}"),
        (r"\sqrt[3]{x}", r"\sqrt[3]{x}"),
        (r"\sqrt[]{x}", r"\sqrt{x}"),
        (r"\sqrt[{]}]{x}", r"\sqrt[{]}]{x}"),
        (r"\hat x", r"\hat{x}"),
        (r"\bar\alpha", r"\bar{\alpha}"),
        (r"\vec{\mathbf x}", r"\vec{\mathbf{x}}"),
        (r"\overline{AB}", r"\overline{AB}"),
        (r"\binom nk", r"\binom{n}{k}"),
    ],
    "old fonts": [
        (r"{\bf x}", r"\mathbf{x}"),
        (r"{\bf x+y}", r"\mathbf{x+y}"),
        (r"{\rm Tr} A", r"\mathrm{Tr}A"),
        (r"\bf a=b", r"\mathbf{a=b}"),
        (r"a\bf =b", r"a=\mathbf{b}"),
        (r"{\cal H}", r"\mathcal{H}"),
        (r"{\it word}", r"\mathit{word}"),
        (r"{\sf A}{\tt B}", r"\mathsf{A}\mathtt{B}"),
        (r"{\bf \alpha}", r"\alpha"),
        (r"\mathbf{\alpha}", r"\alpha"),
        (r"{\rm a\bf b}", r"\mathrm{a}\mathbf{b}"),
        (r"a\mathrm{~and~}b", r"a\ \mathrm{and}\ b"),
        (r"\mathrm{for~all}", r"\text{for all}"),
        (r"{\rm for~all}", r"\text{for all}"),
        (r"\Bbb R", r"\mathbb{R}"),
        (r"\frak g", r"\mathfrak{g}"),
        (r"\bold x", r"\mathbf{x}"),
        (r"\bm{x}", r"\boldsymbol{x}"),
        (r"\boldsymbol\alpha", r"\boldsymbol{\alpha}"),
        (r"\mathrm d x", r"\mathrm{d}x"),
        (r"\mathbf{W}\mathbf{x}", r"\mathbf{Wx}"),
        (r"{\bf W}{\bf x}_i", r"\mathbf{W}\mathbf{x}_{i}"),
        (r"\mathbf{W}_i\mathbf{x}", r"\mathbf{W}_{i}\mathbf{x}"),
    ],
    "infix": [
        (r"{a\over b}", r"\frac{a}{b}"),
        (r"a+b\over c", r"\frac{a+b}{c}"),
        (r"{n\choose k}", r"\binom{n}{k}"),
        (r"{a\atop b}", r"\genfrac{}{}{0pt}{}{a}{b}"),
        (r"{a\brack b}", r"\genfrac{[}{]}{0pt}{}{a}{b}"),
        (r"\left(a\over b\right)", r"\left(\frac{a}{b}\right)"),
        (r"\begin{array}{c}a\over b\end{array}", r"\begin{array}{c}\frac{a}{b}\end{array}"),
    ],
    "functions": [
        (r"\operatorname{sin}x", r"\sin x"),
        (r"\operatorname { s i n } x", r"\sin x"),
        (r"\operatorname{foo}x", r"\operatorname{foo}x"),
        (r"\operatorname*{foo}_x", r"\operatorname*{foo}_{x}"),
        (r"\operatorname*{foo}x", r"\operatorname{foo}x"),
        (r"\mathop{\rm Tr}A", r"\operatorname{Tr}A"),
        (r"\mathop{\mathrm{ln}}\nolimits x", r"\ln x"),
        (r"\mathop{\mathrm{lim}}_{x\to0}", r"\lim_{x\to0}"),
        (r"\mathop{\mathrm{Spec}}(A)", r"\operatorname{Spec}(A)"),
        (r"\mathop{\mathrm{Ker}}\nolimits_A", r"\operatorname{Ker}_{A}"),
        (r"\mathop{X}_a", r"\mathop{X}_{a}"),
        (r"\operatorname{max}_x", r"\max\nolimits_{x}"),
        (r"\operatorname*{max}_x", r"\max_{x}"),
        (r"\frac{\max_x}{2}", r"\frac{\max_{x}}{2}"),
    ],
    "limits": [
        (r"\sum\limits_i", r"\sum_{i}"),
        (r"\sum\nolimits_i", r"\sum\nolimits_{i}"),
        (r"\int\limits_0^1", r"\int\limits_{0}^{1}"),
        (r"\int\nolimits_0^1", r"\int_{0}^{1}"),
        (r"\textstyle\sum\limits_i", r"\textstyle\sum\limits_{i}"),
        (r"\lim\limits_{x}", r"\lim_{x}"),
        (r"\sum\limits", r"\sum"),
        (r"\int\displaylimits_0^1", r"\int\limits_{0}^{1}"),
        (r"\cfrac{a}{\sum\limits_i}", r"\cfrac{a}{\sum\limits_{i}}"),
    ],
    "styles": [
        (r"\displaystyle x", r"x"),
        (r"\textstyle x", r"\textstyle x"),
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"\tfrac12", r"\tfrac{1}{2}"),
        (r"\frac{\dfrac12}{\tfrac34}", r"\frac{\dfrac{1}{2}}{\frac{3}{4}}"),
        (r"x^{\tfrac12}", r"x^{\tfrac{1}{2}}"),
        (r"{\displaystyle x}", r"x"),
        (r"{\textstyle\sum} x", r"{\textstyle\sum}x"),
        (r"\dbinom nk", r"\binom{n}{k}"),
    ],
    "synonyms": [
        (r"a\le b\ge c\ne d", r"a\leq b\geq c\neq d"),
        (r"a\rightarrow b\gets c", r"a\to b\leftarrow c"),
        (r"a\land b\lor\lnot c", r"a\wedge b\vee\neg c"),
        (r"\lbrace a\rbrace", r"\{a\}"),
        (r"\lbrack a\rbrack", r"[a]"),
        (r"\vert a\vert", r"|a|"),
        (r"\Vert a\Vert", r"\|a\|"),
        (r"a\ast b", r"a*b"),
        (r"\dag\ddag", r"\dagger\ddagger"),
        (r"a\not=b", r"a\neq b"),
        (r"a\not\in b", r"a\not\in b"),
        (r"\owns", r"\ni"),
    ],
    "dots": [
        (r"a,\dots,b", r"a,\ldots,b"),
        (r"a+\dots+b", r"a+\cdots+b"),
        (r"(a\dots)", r"(a\dots)"),
        (r"\dotsc a", r"\ldots a"),
        (r"\dotsb", r"\cdots"),
        (r"\bar\dots]", r"\bar{\ldots}]"),
        (r"\int\dots\int", r"\int\!\cdots\int"),
        (r"a\dots<b", r"a\cdots<b"),
    ],
    "big and fences": [
        (r"\big(a\big)", r"\big(a\big)"),
        (r"\bigl\lbrace a\bigr\rbrace", r"\bigl\{a\bigr\}"),
        (r"\Big\vert", r"\Big|"),
        (r"\big{(}", r"\big("),
        (r"\left( a\right )", r"\left(a\right)"),
        (r"\left\lbrack a\right\rbrack", r"\left[a\right]"),
        (r"\left<a\right>", r"\left\langle a\right\rangle"),
        (r"\left.a\right|_b", r"\left.a\right|_{b}"),
        (r"\left\{a\middle|b\right\}", r"\left\{a\middle|b\right\}"),
        (r"\left(a\right)^2", r"\left(a\right)^{2}"),
    ],
    "matrices": [
        (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", r"\begin{pmatrix}a&b\\c&d\end{pmatrix}"),
        (
            r"\left(\begin{matrix}a&b\\c&d\end{matrix}\right)",
            r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
        ),
        (r"\left[\begin{matrix}a\end{matrix}\right]", r"\begin{bmatrix}a\end{bmatrix}"),
        (r"\left|\begin{matrix}a\end{matrix}\right|", r"\begin{vmatrix}a\end{vmatrix}"),
        (r"\matrix{a&b\cr c&d\cr}", r"\begin{matrix}a&b\\c&d\end{matrix}"),
        (r"\pmatrix{a\cr b}", r"\begin{pmatrix}a\\b\end{pmatrix}"),
        (r"\begin{array} { c c } { a } & { b } \\ \end{array}", r"\begin{array}{cc}a&b\end{array}"),
        (r"\begin{array}{*{2}{c}|r}a&b&c\end{array}", r"\begin{array}{cc|r}a&b&c\end{array}"),
        (r"\begin{array}[t]{@{}l@{}}a\end{array}", r"\begin{array}{l}a\end{array}"),
        (r"\begin{array}{c}a\\[2pt]b\end{array}", r"\begin{array}{c}a\\[2pt]b\end{array}"),
        (
            r"\begin{array}{c}\hline a\\\hline\end{array}",
            r"\begin{array}{c}\hline a\\\hline\end{array}",
        ),
        (r"\begin{split}a&=b\\c&=d\end{split}", r"\begin{aligned}a&=b\\c&=d\end{aligned}"),
        (r"\begin{align*}a&=b\end{align*}", r"\begin{aligned}a&=b\end{aligned}"),
        (r"\begin{gather}a\\b\end{gather}", r"\begin{gathered}a\\b\end{gathered}"),
        (r"\begin{eqnarray}a&=&b\\c&=&d\end{eqnarray}", r"\begin{aligned}a&=b\\c&=d\end{aligned}"),
        (r"\begin{equation}a=b\end{equation}", r"a=b"),
        (r"\begin{cases}a&b\\c&d\end{cases}", r"\begin{cases}a&b\\c&d\end{cases}"),
        (r"\begin{aligned}a&{=}b\end{aligned}", r"\begin{aligned}a&{=}b\end{aligned}"),
        (r"\begin{aligned}[a]&=b\end{aligned}", r"\begin{aligned}{}[a]&=b\end{aligned}"),
        (r"\begin{gather}[a\end{gather}", r"\begin{gathered}{}[a\end{gathered}"),
        (r"\begin{aligned}[t]a\end{aligned}", r"\begin{aligned}a\end{aligned}"),
        (r"\begin{matrix}[a\end{matrix}", r"\begin{matrix}[a\end{matrix}"),
        (r"\begin{matrix}a\\{[}b]\end{matrix}", r"\begin{matrix}a\\{[}b]\end{matrix}"),
        (r"\begin{matrix}a\\{}[b]\end{matrix}", r"\begin{matrix}a\\{}[b]\end{matrix}"),
        (r"\begin{matrix}a\\{*}\end{matrix}", r"\begin{matrix}a\\{*}\end{matrix}"),
        (r"\substack{a\\b\\}", r"\substack{a\\b}"),
    ],
    "spaces": [
        (r"a\ b~c", r"a\ b\ c"),
        (r"a~=~-b", r"a\ =\ {}-b"),
        (r"a\>b\:c", r"a\:b\:c"),
        (r"a\thinspace b\negthinspace c\medspace d\thickspace e", r"a\,b\!c\:d\;e"),
        (r"a\quad\quad b", r"a\qquad b"),
        (r"a\quad\qquad b", r"a\qquad\quad b"),
        (r"a\hspace{1em}b", r"a\quad b"),
        (r"b\hspace{ 1 . 50 c m }a", r"b\hspace{1.5cm}a"),
        (r"b\hskip 1cm plus 1fil a", r"b\hspace{1cm}a"),
        (r"b\kern-.5em a", r"b\hspace{-0.5em}a"),
        (r"b\mkern3mu a", r"b\,a"),
        (r"b\hspace{0pt}a", r"ba"),
        (r"b\vspace{1cm}a", r"ba"),
        (r"a\;\Longrightarrow\;b", r"a\implies b"),
        (r"a\;\Longleftrightarrow\;b", r"a\iff b"),
    ],
    "text": [
        (r"\text{if}", r"\text{if}"),
        (r"\text{id}", r"\mathrm{id}"),
        (r"a\text{ and }b", r"a\ \mathrm{and}\ b"),
        (r"\text{for all }x", r"\text{for all}\ x"),
        (r"\mbox{otherwise}", r"\mathrm{otherwise}"),
        (r"x_{\mbox{eff}}", r"x_{\mbox{eff}}"),
        (r"x_{\text{eff}}", r"x_{\text{eff}}"),
        (r"\textrm{Cov}(X)", r"\text{Cov}(X)"),
        (r"\textbf{x}", r"\mathbf{x}"),
        (r"\textit{Sets}", r"\textit{Sets}"),
        (r"\text{a~b}", r"\text{a b}"),
        (r"\text{i.e. }x", r"\text{i.e. }x"),
        (r"a\text{}b", r"ab"),
        (r"\text{a\ b}", r"\text{a b}"),
        (r"\hbox{ for }x", r"\mathrm{for}\ x"),
        (r"\text{50\% of \textit{a b}}", r"\text{50\% of \textit{a b}}"),
    ],
    "dropped": [
        (r"a\label{eq:1}", r"a"),
        (r"a\tag{1}b", r"ab"),
        (r"a\tag*{1}\*b", r"ab"),
        (r"a\nonumber\notag", r"a"),
        (r"a % comment", r"a"),
        (r"a\\", r"a"),
        (r"\color{red}a", r"a"),
        (r"\textcolor{red}{a}b", r"ab"),
        (r"\boldmath a", r"a"),
        (r"\protect a\relax b\allowbreak c", r"abc"),
        (r"a\hfill b", r"ab"),
        (r"$a$", r"a"),
        (r"$$a$$", r"a"),
        (r"\[a\]", r"a"),
        (r"\mathord{a}b", r"ab"),
        (r"a\mathord{=}b", r"a{=}b"),
        (r"\mathrel{=}", r"="),
        (r"\mathrel{R}", r"\mathrel{R}"),
        (r"\mathopen{(}a\mathclose{)}", r"(a)"),
        (r"\ensuremath{a}b", r"ab"),
        (r"\overset{a}{b}", r"\overset{a}{b}"),
        (r"\stackrel ab", r"\stackrel{a}{b}"),
        (r"\xrightarrow[b]{a}", r"\xrightarrow[b]{a}"),
        (r"\pmod n", r"\pmod{n}"),
        (r"\phantom{x}y", r"\phantom{x}y"),
        (r"\rule{1pt}{2.0pt}", r"\rule{1pt}{2pt}"),
        (r"\underbrace{a}_b", r"\underbrace{a}_{b}"),
        (r"\overbrace{a}\limits^b", r"\overbrace{a}^{b}"),
    ],
    "more": [
        (r"{}_a^bX", r"{}_{a}^{b}X"),
        (r"\text{Q}_f", r"\text{Q}_{f}"),
        (r"\mathrm{\ A}^2", r"\mathrm{\ A}^{2}"),
        (r"\sum_{\stackrel{\scriptstyle m}{n}}x", r"\sum_{\stackrel{\scriptstyle m}{n}}x"),
        (r"\left[a,b\right]", r"\left[a,b\right]"),
        (r"x_{\left(a\right)}", r"x_{\left(a\right)}"),
        (r"\operatorname{Tr}{\left(a\right)}", r"\operatorname{Tr}\left(a\right)"),
        (r"e^{\operatorname{ln}{\left(a\right)}}", r"e^{\ln{\left(a\right)}}"),
        (
            r"\begin{alignedat}{2}a&=b&c&=d\end{alignedat}",
            r"\begin{alignedat}{2}a&=b&c&=d\end{alignedat}",
        ),
        (r"\begin{smallmatrix}a&b\end{smallmatrix}", r"\begin{smallmatrix}a&b\end{smallmatrix}"),
        (r"\mathop{\sum\sum}_{i}", r"\mathop{\sum\sum}_{i}"),
        (r"\not<", r"\not<"),
        (r"a\!b", r"a\!b"),
        (r"\mathbf{a}_i", r"\mathbf{a}_{i}"),
        (r"\dot{\bf x}", r"\dot{\mathbf{x}}"),
        (r"{\bf a}_{\rm b}", r"\mathbf{a}_{\mathrm{b}}"),
        (r"\mathbf{(a)}", r"\mathbf{(a)}"),
        (r"\cfrac{a}{b}", r"\cfrac{a}{b}"),
        (r"\smash[b]{a}", r"\smash[b]{a}"),
        (r"\{ a \}", r"\{a\}"),
        (r"\|x\|", r"\|x\|"),
        (r"\# \% \& \_ \$", r"\#\%\&\_\$"),
    ],
}
PAIRS = [
    pytest.param(formula, wanted, id=f"{rule}: {formula}")
    for rule, rows in NORMAL_FORMS.items()
    for formula, wanted in rows
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
    r"\begin{array}{p{1cm}}b\end{array}": "array has the unknown column type p",
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
    r"\input{x}": r"unknown command \input",
    r"\def\a{b}": r"unknown command \def",
    "a$b": "a dollar sign inside the formula",
    "a&b": "& outside an environment",
    r"a\\b": "a line break outside an environment",
    "a#1": "# is a macro parameter; its sign is \\#",
    "é": "character 'é' (U+00E9) has no place in LaTeX math",
    r"\text{a_b}": "_ inside text",
    r"\text{a $b$}": "$ inside text",
    r"\text{a\'}": r"\' lacks its letter",
    r"\text a": r"\text lacks its braces",
    r"\text{a": r"\text is not closed before the end",
    r"\begin{matrix}a\hline\end{matrix}": r"\hline must begin a row",
    r"\middle|": r"\middle| without its beginning",
    r"{a\over b\over c}": r"a second \over in one group",
    "{" * 200 + "a" + "}" * 200: "groups are nested more than 60 deep",
}

REAL = r"""
\int _ { - \epsilon } ^ { \infty } d l \: \mathrm { e } ^ { - l \zeta } { \frac { l ^ { \prime } } { l - 1 } }
{ \cal D } ( g ) = \left( \begin{array} { c c } { z _ { 1 } ^ { \prime } } & { 2 } \\ \end{array} \right) \, ,
\mathop{\mathrm{Spec}}\nolimits(A) \to \{x \in X \mid f'(x) = 0 \text{ for all } i \in I\}
\left.\frac{\partial f}{\partial x}\right|_{x=0}^2 \quad\mbox{if} \sum\limits_{i=1}^n {a \over b} \le \dots
\begin{aligned} a &= b \\[2pt] &{}= \sqrt[3]{c} \hspace{1cm} \begin{cases} 1 & x > 0 \\ 0 \end{cases}
"""  # noqa: E501


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


PIECES = st.sampled_from(
    [
        piece
        for formula in (row[0] for rows in NORMAL_FORMS.values() for row in rows)
        for piece in tokenize(formula)
    ]
    + list(r"{}{}{}[]()^_&$~'+-=,ab12 ")
)


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
