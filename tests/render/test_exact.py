"""--exact: pixels of one pdflatex and one Ghostscript run a formula."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.errors import RendererError
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.finish import finish

pytestmark = pytest.mark.tex
needs_gs = pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not on PATH")
FORMULAS = [
    r"x",
    r"\int_0^\infty e^{-x^2}\,dx=\frac{\sqrt{\pi}}{2}",
    r"\sum_{n=1}^{\infty}\frac{1}{n^2}",
    r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
    r"\left\{\begin{array}{ll} x, & x\ge 0 \\ -x, & x<0 \end{array}\right.",
    r"\mathbf{F}=m\mathbf{a},\quad \mathfrak{g}\subset\mathbb{R}",
    r"\overbrace{a+b}^{n}\underbrace{c+d}_{m}",
    r"\widehat{abc}\xrightarrow[f]{g}\binom{n}{k}",
    r"\hat{H}\left|\psi\right\rangle=E\left|\psi\right\rangle",
    r"\def\twice#1{#1#1}\twice{f}",
]
ALONE = r"""\documentclass[12pt]{article}
\usepackage{amsmath,amssymb}
\DeclareFontShape{OMX}{cmex}{m}{n}{<->sfixed*cmex10}{}
\begin{document}
\setbox0\vbox{\hsize\textwidth\parindent0pt\parskip0pt\belowdisplayskip0pt
\belowdisplayshortskip0pt\indent$$%s$$}
\pdfpagewidth\wd0 \pdfpageheight\dimexpr\ht0+\dp0\relax \pdfhorigin0pt\pdfvorigin0pt
\shipout\box0
\end{document}
"""


def one_by_one(formula, folder):
    """The ink of a formula, black or white, from a document of its own."""
    (folder / "f.tex").write_text(ALONE % formula)
    quiet = {"cwd": folder, "stdin": subprocess.DEVNULL, "capture_output": True}
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "f.tex"], check=True, **quiet)
    calm = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-dAlignToPixels=0", "-dGridFitTT=2"]
    alpha = ["-dTextAlphaBits=4", "-dGraphicsAlphaBits=4"]
    device = ["-sDEVICE=pngalpha", "-r200", "-sOutputFile=f.png", "f.pdf"]
    subprocess.run(["gs", *calm, *alpha, *device], check=True, **quiet)
    opacity = np.asarray(Image.open(folder / "f.png").getchannel("A"))
    return np.where(opacity > 0, 0, 255).astype(np.uint8)


@needs_gs
def test_pictures_are_those_of_one_document_a_formula(tmp_path):
    renderer = TexRenderer(RenderSettings(exact=True))
    bad = [r"\nosuchword", "{", r"\phantom{x}"]
    pages = list(renderer.render([*FORMULAS[:5], *bad, *FORMULAS[5:]]))
    assert all(isinstance(page, RenderFailure) for page in pages[5:8])
    for formula, page in zip(FORMULAS, [*pages[:5], *pages[8:]], strict=True):
        assert isinstance(page, Page), formula
        alone = finish(one_by_one(formula, tmp_path))[0]
        assert np.array_equal(finish(page.ink)[0], alone), formula


@needs_gs
def test_a_formula_wider_than_its_line_is_not_cut():
    long = "+".join(rf"\mathrm{{abcdefgh}}_{{{n}}}" for n in range(30)).join(("{", "}"))
    (ours,) = TexRenderer(RenderSettings()).render([long])
    (exact,) = TexRenderer(RenderSettings(exact=True)).render([long])
    assert ours.ink.shape[1] > 1100  # a line has 1083 pixels
    assert exact.ink.shape[1] == pytest.approx(ours.ink.shape[1], abs=2)


@needs_gs
def test_the_version_names_ghostscript():
    assert "Ghostscript" in TexRenderer(RenderSettings(exact=True)).version
    assert "Ghostscript" not in TexRenderer(RenderSettings()).version
    assert "painting" in TexRenderer(RenderSettings()).version


@needs_gs
def test_a_ghostscript_that_fails_fails_only_its_formulas(tmp_path, monkeypatch):
    broken = tmp_path / "gs"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    renderer = TexRenderer(RenderSettings(exact=True))
    monkeypatch.setattr(renderer._exact, "_gs", str(broken))
    results = list(renderer.render(["x", "{"]))
    assert [result.reason for result in results] == ["crash", "refused"]


def test_without_ghostscript_it_says_how_to_install_it(monkeypatch):
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "gs" else real(name))
    with pytest.raises(RendererError, match="apt-get install texlive-latex-base ghostscript"):
        TexRenderer(RenderSettings(exact=True))


@pytest.mark.parametrize("given", [{"exact": True}, {"fonts": 0.5}])
def test_the_embedded_renderer_refuses_it(given):
    with pytest.raises(RendererError, match="TeX renderer"):
        choose(RenderSettings(renderer="embedded", **given))
