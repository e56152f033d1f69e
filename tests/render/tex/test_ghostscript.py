"""Our painting against Ghostscript's: the same document as PDF, at four alpha bits, 200 dpi.

The pictures of im2latex-100k were made so. A margin of one inch (200 pixels) keeps Ghostscript from
clipping what reaches past the page.
"""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from im2latex_cli.render.renderer import Page
from im2latex_cli.render.tex import typesetter
from im2latex_cli.render.tex.sandbox import screen
from im2latex_cli.vision.finish import finish, ink_box

pytestmark = [
    pytest.mark.tex,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript (gs) is not on PATH"),
]
MARGINS = (
    r"\pdfpagewidth\dimexpr\wd\i@box+2in\relax"
    r"\pdfpageheight\dimexpr\ht\i@box+\dp\i@box+2in\relax\pdfhorigin1in\pdfvorigin1in\shipout"
)
FORMULAS = [
    r"\int_0^\infty e^{-x^2}\,dx=\frac{\sqrt{\pi}}{2}",
    r"\sum_{n=1}^{\infty}\frac{1}{n^2}=\frac{\pi^2}{6}",
    r"\left(\begin{array}{cc} a & b \\ c & d \end{array}\right)",
    r"\mathbf{F}=m\mathbf{a},\quad \mathfrak{g}\subset\mathbb{R}^n",
    r"\hat{H}\left|\psi\right\rangle=E\left|\psi\right\rangle",
    r"\overbrace{a+b}^{n}+\sqrt[3]{\frac{x}{1+\frac{1}{y}}}",
]


def ghostscript(formulas, folder):
    """The ink of each page as Ghostscript paints it."""
    jobs = [typesetter.Job(n, screen(formula).text) for n, formula in enumerate(formulas)]
    source = typesetter.write_document(jobs, size=12, nonce="NONCE").replace(r"\shipout", MARGINS)
    (folder / "d.tex").write_text(source)
    quiet = {"cwd": folder, "stdin": subprocess.DEVNULL, "capture_output": True}
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "d.tex"], check=False, **quiet)
    calm = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-dAlignToPixels=0"]
    alpha = ["-dTextAlphaBits=4", "-dGraphicsAlphaBits=4"]
    output = ["-sDEVICE=pgmraw", "-r200", "-sOutputFile=p%05d.pgm", "d.pdf"]
    subprocess.run(["gs", *calm, *alpha, *output], check=True, **quiet)
    for path in sorted(folder.glob("p*.pgm")):
        page = np.asarray(Image.open(path).convert("L"))
        top, bottom, left, right = ink_box(page)
        yield page[top:bottom, left:right]


def compare(formulas, tex, folder):
    """Differences in size, and mean absolute differences of finished pictures of equal size."""
    pages = dict(zip(formulas, tex.render(formulas), strict=True))
    drawn = [formula for formula in formulas if isinstance(pages[formula], Page)]
    sizes, grey_levels = [], []
    for formula, theirs in zip(drawn, ghostscript(drawn, folder), strict=True):
        ours = pages[formula].ink
        sizes.append(max(abs(a - b) for a, b in zip(ours.shape, theirs.shape, strict=True)))
        if sizes[-1] == 0:
            pair = [finish(ink, buckets=False)[0].astype(int) for ink in (ours, theirs)]
            grey_levels.append(np.abs(pair[0] - pair[1]).mean())
    return np.array(sizes), np.array(grey_levels)


def test_sizes_and_greys_are_those_of_ghostscript(tex, tmp_path):
    sizes, greys = compare(FORMULAS, tex, tmp_path)
    assert sizes.max() <= 1
    assert (sizes == 0).mean() > 0.8
    assert greys.mean() < 1


def test_real_formulas_look_as_ghostscript_draws_them(tex, tmp_path, real_data):
    lines = (real_data / "im2latex100k/train.norm.txt").read_text().splitlines()[:7000:35]
    sizes, greys = compare(list(dict.fromkeys(lines)), tex, tmp_path)
    assert (sizes <= 1).mean() > 0.99
    assert (sizes == 0).mean() > 0.9
    assert greys.mean() < 1
