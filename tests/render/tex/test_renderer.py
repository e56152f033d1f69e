import gzip
import shutil

import numpy as np
import pytest

from im2latex_cli.errors import RendererError
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure, TokenRenderer
from im2latex_cli.render.tex import typesetter as typesetter_module
from im2latex_cli.render.tex.fonts import FontFinder
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings

pytestmark = pytest.mark.tex

GOOD = [
    r"x",
    r"\int_0^\infty e^{-x^2}\,dx=\frac{\sqrt{\pi}}{2}",
    r"\sum_{n=1}^{\infty}\frac{1}{n^2}",
    r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
    r"\left\{\begin{array}{ll} x, & x\ge 0 \\ -x, & x<0 \end{array}\right.",
    r"\mathbf{F}=m\mathbf{a},\quad \mathfrak{g}\subset\mathbb{R}",
    r"\boldsymbol{\alpha}\cdot\nabla\times\vec{B}",
    r"\text{for all }x\in\mathcal{H}",
    r"\overbrace{a+b}^{n}\underbrace{c+d}_{m}",
    r"\widehat{abc}\xrightarrow[f]{g}\binom{n}{k}",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}",
    r"\hat{H}\left|\psi\right\rangle=E\left|\psi\right\rangle",
    r"\mathscr{L}=\mathsf{T}-\mathtt{V}",
]


def same(one, other):
    if not isinstance(one, Page) or not isinstance(other, Page):
        return one == other
    return np.array_equal(one.ink, other.ink) and one.glyphs == other.glyphs


def test_it_keeps_the_renderers_door(tex):
    assert isinstance(tex, TokenRenderer)
    renderer: Renderer = tex
    assert renderer.name == "tex"
    assert "TeX" in renderer.version


def test_pages_are_cropped_grey_ink(tex):
    for page in tex.render(GOOD):
        assert isinstance(page, Page)
        assert page.ink.dtype == np.uint8
        inked = page.ink < 255
        assert all(edge.any() for edge in (inked[0], inked[-1], inked[:, 0], inked[:, -1]))
        assert page.ink.min() == 0
        assert len(np.unique(page.ink)) > 4


def test_size_follows_font_size_and_resolution():
    (twelve,) = TexRenderer(RenderSettings()).render([r"\frac{a}{b}+c"])
    (ten,) = TexRenderer(RenderSettings(font_size=10)).render([r"\frac{a}{b}+c"])
    (fine,) = TexRenderer(RenderSettings(dpi=400)).render([r"\frac{a}{b}+c"])
    assert ten.ink.shape[1] / twelve.ink.shape[1] == pytest.approx(10 / 12, rel=0.05)
    assert fine.ink.shape[1] / twelve.ink.shape[1] == pytest.approx(2, rel=0.03)


def test_each_picture_is_that_of_the_formula_alone(tex):
    together = list(tex.render(GOOD))
    alone = [next(iter(tex.render([formula]))) for formula in GOOD]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))


def test_failures_in_the_middle_shift_nothing(tex):
    bad = [r"\frac{a}", r"\nosuchword x", "{", "", r"x^a^b", r"\left( x", r"a \] b"]
    mixed = [formula for pair in zip(GOOD, bad, strict=False) for formula in pair] + GOOD[
        len(bad) :
    ]
    results = list(tex.render(mixed))
    assert len(results) == len(mixed)
    expected = dict(zip(GOOD, tex.render(GOOD), strict=True))
    for formula, result in zip(mixed, results, strict=True):
        if formula in expected:
            assert same(result, expected[formula]), formula
        else:
            assert isinstance(result, RenderFailure), formula


@pytest.mark.parametrize(
    ("formula", "reason", "message"),
    [
        (r"\foo x", "tex-error", r"Undefined control sequence \foo."),
        (r"x^a^b", "tex-error", "Double superscript."),
        (r"\begin{array}{c} a \end{matrix}", "tex-error", "ended by"),
        ("", "blank", "paints nothing"),
        (r"\phantom{x}", "blank", "paints nothing"),
        (r"\rule{1pt}{16000pt}", "too-large", "pixels"),
        (r"x\hspace{16000pt}y", "too-large", "pixels"),
        (r"\def\x{\x}\x", "timeout", "busy after 0.5 s"),
        (r"\input{x}", "refused", r"\input"),
        ("x}", "refused", "unbalanced"),
        ("$x", "refused", "dollar"),
        pytest.param(
            r"\text{\textbullet é}",
            "tex-error",
            "font",
            marks=pytest.mark.skipif(
                bool(shutil.which("kpsewhich") and FontFinder("kpsewhich").find("sfrm1200.pfb")[0]),
                reason="cm-super has the font",
            ),
        ),
    ],
)
def test_failures_say_why(formula, reason, message):
    (result,) = TexRenderer(RenderSettings(timeout=0.5)).render([formula])
    assert isinstance(result, RenderFailure)
    assert result.reason == reason
    assert message in result.message
    assert "\n" not in result.message


def test_a_definition_works_but_only_for_itself(tex):
    before, own, after = tex.render([r"\frac12", r"\gdef\frac#1#2{#1}\frac12", r"\frac12"])
    assert same(before, after)
    assert own.ink.shape != before.ink.shape


def test_a_space_follows_so_that_a_lone_backslash_is_one(tex):
    spaced, lone = tex.render(["x\\ {}", "x\\"])
    assert np.array_equal(spaced.ink, lone.ink)


def test_hostile_formulas_leave_their_neighbours_alone(tex, hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picked = hostile[::3]  # all of them run in the slow test
    assert len(picked) >= 60
    clean = list(tex.render(GOOD))
    mixed, good_at = [], {}
    for number, formula in enumerate(picked):
        good_at[len(mixed)] = number % len(GOOD)
        mixed += [GOOD[number % len(GOOD)], formula]
    results = list(tex.render(mixed))
    assert len(results) == len(mixed)
    changed = [mixed[at + 1] for at, good in good_at.items() if not same(results[at], clean[good])]
    assert changed == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_all_hostile_formulas_in_another_order(tex, hostile):
    clean = list(tex.render(GOOD))
    mixed = [formula for line in reversed(hostile) for formula in (line, *GOOD)]
    results = list(tex.render(mixed))
    step = len(GOOD) + 1
    for start in range(0, len(mixed), step):
        neighbours = results[start + 1 : start + step]
        assert all(same(a, b) for a, b in zip(neighbours, clean, strict=True)), mixed[start]


def test_a_batch_without_any_page_ends(tex):
    results = list(tex.render([r"\nosuch"] * 3 + ["}"] * 3))
    assert {type(result) for result in results} == {RenderFailure}
    assert list(tex.render([])) == []


def test_pages_that_contradict_the_marks_are_not_believed(tex, monkeypatch):
    """A group is halved until each formula stands alone, and then given up: no endless loop."""
    monkeypatch.setattr(typesetter_module, "_agree", lambda *_: False)
    results = list(tex.render(["x", "y", "z"]))
    assert [result.reason for result in results] == ["crash"] * 3


def test_without_latex_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RendererError, match="texlive-latex-base"):
        TexRenderer(RenderSettings())


def test_a_latex_that_cannot_run_is_an_error_not_many_failures(tmp_path, monkeypatch):
    broken = tmp_path / "latex"
    broken.write_text("#!/bin/sh\necho 'I cannot find amsmath.sty'\nexit 1\n")
    broken.chmod(0o755)
    renderer = TexRenderer(RenderSettings())
    monkeypatch.setattr(renderer._typesetter, "_latex", str(broken))
    with pytest.raises(RendererError, match="before any formula"):
        list(renderer.render(["x", "y"]))


def test_glyphs_lie_on_their_ink(tex):
    ruled = ("frac", "brace")
    formulas = [formula for formula in GOOD if not any(word in formula for word in ruled)]
    for page in tex.render(formulas):
        unexplained = page.ink < 255
        for glyph in page.glyphs:
            x0, x1 = glyph.x - glyph.width / 2, glyph.x + glyph.width / 2
            y0, y1 = glyph.y - glyph.height / 2, glyph.y + glyph.height / 2
            box = np.s_[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
            ink = page.ink[box] < 255
            assert ink.shape == (int(np.ceil(y1)) - int(y0), int(np.ceil(x1)) - int(x0))
            assert all(edge.any() for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
            unexplained[box] = False
        assert not unexplained.any()


@pytest.mark.slow
def test_500_real_formulas_alone_and_together(tex, real_data):
    papers = (real_data / "im2latex100k/train.norm.txt").read_text().splitlines()[:7000:28]
    with gzip.open(real_data / "formulas/train.tsv.gz", "rt", encoding="utf-8") as table:
        books = [line.rstrip("\n").split("\t")[-1] for line in table][1:80001:320]
    lines = [*papers, *books]
    assert len(lines) == 500
    together = list(tex.render(lines))
    alone = [next(iter(tex.render([line]))) for line in lines]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert sum(isinstance(page, Page) for page in together) > 0.95 * len(lines)
