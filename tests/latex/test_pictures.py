"""The normal form paints the picture of the original.

Run it on real formulas with:

    IM2LATEX_DATA=DIR pytest -m "slow and tex" -s tests/latex/test_pictures.py
"""

import gzip
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from faithful import CLOSE_UP, same_but_for_blank_columns

from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings

pytestmark = [
    pytest.mark.tex,
    pytest.mark.skipif(shutil.which("latex") is None, reason="needs latex on PATH"),
]

RULES = [
    r"x^2_i f' f''_a {\bf x}_1 {\cal H} {\rm Tr}(A)",
    r"\mathop{\mathrm{lim}}_{x\to 0}\mathop{\mathrm{Spec}}\nolimits(A)\operatorname{ln}x",
    r"{a\over b}+{n\choose k}+{a\atop b}+\dfrac12",
    r"a~=~-b,\dots,c{=}d{,}e\ f+\dots+g",
    r"\left(\begin{matrix}{a}&{b}\\c&d\\\end{matrix}\right)=\left\{\begin{array}{l}1\end{array}\right.",
    r"x \text{ and } y \mbox{ for all } z_{\text{eff}}",
    r"a\le b\ne c\rightarrow d\ast e\not=f",
    r"\sum\limits_{i=1}^n\int\nolimits_0^1{\textstyle\sum\limits_i}x",
    r"{\sin x}{\left(a\right)}={-1}{(b)}{\bar K}_a",
    r"\begin{array}{r@{\;=\;}l}a&b\\c&d\end{array}",
    r"\begin{array}{c@{<}c@{}l}a&b&d\\cc&d&e\end{array}\left(\begin{array}{@{}ccc@{}}a&b\end{array}\right)",
    r"\mathrm{\Delta x+2}\mathbf{a+b_1}f\mathopen{}(x)\mathop{\lim}\limits_{x}\mathop{\sum}_1^2 g",
    r"\begin{aligned}a\\ *b\\ [2pt]&=c\end{aligned}\sum_{\begin{subarray}{c}m\\n\end{subarray}}a",
    r"{\rm H2O}\mathrm{f+g}\boldsymbol{12}\mathchoice{a}{b}{c}{d}\genfrac{}{}{0pt}{1}{a}{b}",
    r"a\quad\quad b\hskip 1cm c\mkern3mu d\;\Longrightarrow\;e",
]


def _compare(formulas):
    """Count formulas whose pictures are identical, equal but for blank columns, and others."""
    pairs = [(f, join(n.tokens)) for f in formulas if not (n := normalize(f)).problem]
    renderer = TexRenderer(RenderSettings(renderer="tex"))
    close_up = TexRenderer(RenderSettings(renderer="tex", dpi=CLOSE_UP))
    originals = list(renderer.render([formula for formula, _ in pairs]))
    normals = list(renderer.render([form for _, form in pairs]))
    identical, equal, differ = 0, 0, []
    for pair, one, other in zip(pairs, originals, normals, strict=True):
        if not isinstance(one, Page):
            continue
        if isinstance(other, Page) and np.array_equal(one.ink, other.ink):
            identical += 1
            continue
        pages = list(close_up.render(pair))
        if all(isinstance(page, Page) for page in pages) and same_but_for_blank_columns(
            *(page.ink < 128 for page in pages)
        ):
            equal += 1
        else:
            differ.append(pair)
    return identical, equal, differ


def test_every_rule_keeps_the_picture():
    identical, equal, differ = _compare(RULES)
    assert differ == []
    assert identical + equal == len(RULES)


def test_a_changed_picture_is_seen():
    renderer = TexRenderer(RenderSettings(renderer="tex", dpi=CLOSE_UP))
    for one, other in ((r"x^2", r"x_2"), (r"\bar{K}_a", r"{\bar K}_a^b"), ("a+b", "a-b")):
        pages = renderer.render([one, other])
        assert not same_but_for_blank_columns(*(page.ink < 128 for page in pages))
    pages = renderer.render([r"a b", r"a\quad b"])
    assert same_but_for_blank_columns(*(page.ink < 128 for page in pages))


@pytest.mark.slow
def test_real_formulas_keep_their_pictures():
    root = os.environ.get("IM2LATEX_DATA")
    if not root:
        pytest.skip("IM2LATEX_DATA does not point at a folder of formulas")
    with gzip.open(Path(root) / "formulas" / "train.tsv.gz", "rt", encoding="utf-8") as table:
        rows = [line.rstrip("\n").split("\t")[2] for line in table][1:]
    lines = (Path(root) / "im2latex100k" / "train.norm.txt").read_text("utf-8").splitlines()
    sample = random.Random(7).sample(rows, 3000) + random.Random(7).sample(lines, 2000)
    identical, equal, differ = _compare(sample)
    total = identical + equal + len(differ)
    print(f"identical {identical}, equal but for blank columns {equal}, of {total}; others:")
    for formula, form in differ:
        print(f"  {formula}\n  {form}\n")
    assert total > 0.97 * len(sample)
    assert (identical + equal) / total >= 0.995
