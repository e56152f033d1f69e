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

from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings

pytestmark = [
    pytest.mark.tex,
    pytest.mark.skipif(shutil.which("latex") is None, reason="needs latex on PATH"),
]

CLOSE_UP = 1000
"""Dots an inch at which pictures are compared run by run of ink columns."""

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
    r"a\quad\quad b\hskip 1cm c\mkern3mu d\;\Longrightarrow\;e",
]


def _runs(ink):
    """Runs of columns with ink; gaps of up to 4 columns do not part them."""
    columns = ink.any(axis=0).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], columns, [0]))))
    runs = []
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        if runs and left - runs[-1][1] <= 4:
            runs[-1] = (runs[-1][0], right)
        else:
            runs.append((left, right))
    return runs


def _grown(ink):
    padded = np.pad(ink, 2)
    height, width = ink.shape
    grown = np.zeros_like(ink)
    for row in range(5):
        for column in range(5):
            grown |= padded[row : row + height, column : column + width]
    return grown


def _same_but_for_blank_columns(one, other):
    """Whether two close-up pictures differ only in the width of blank columns."""
    one, other = one.ink < 128, other.ink < 128
    if abs(one.shape[0] - other.shape[0]) > 1:
        return False
    height = min(one.shape[0], other.shape[0])
    ours, theirs = _runs(one), _runs(other)
    if len(ours) != len(theirs):
        return False
    for (left, right), (start, end) in zip(ours, theirs, strict=True):
        width = min(right - left, end - start)
        if abs((right - left) - (end - start)) > 3:
            return False
        a = one[:height, left : left + width]
        b = other[:height, start : start + width]
        stray = max((a & ~_grown(b)).sum(), (b & ~_grown(a)).sum())
        if stray > 0.01 * a.sum() + 2:
            return False
    return True


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
        if all(isinstance(page, Page) for page in pages) and _same_but_for_blank_columns(*pages):
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
        assert not _same_but_for_blank_columns(*renderer.render([one, other]))
    assert _same_but_for_blank_columns(*renderer.render([r"a b", r"a\quad b"]))


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
