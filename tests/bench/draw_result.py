"""Draw docs/result.svg: pictures of formulas, and the LaTeX that the bundled model reads from them.

    python tests/bench/draw_result.py

Needs TeX, which draws the pictures. A picture that is read wrongly ends the script.
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from im2latex_cli import Recognizer
from im2latex_cli.latex.tokenizer import join, tokenize
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.finish import encode_png, finish

OUTPUT = Path(__file__).parents[2] / "docs" / "result.svg"
FORMULAS = (
    (
        r"\rho\left(\frac{\partial\mathbf{u}}{\partial t}+\mathbf{u}\cdot\nabla\mathbf{u}\right)"
        r"=-\nabla p+\mu\nabla^{2}\mathbf{u}"
    ),
    r"\begin{pmatrix}a&b\\c&d\end{pmatrix}^{-1}=\frac{1}{ad-bc}\begin{pmatrix}d&-b\\-c&a\end{pmatrix}",
    r"\begin{aligned}(a+b)^{2}&=a^{2}+2ab+b^{2}\\(a-b)^{2}&=a^{2}-2ab+b^{2}\end{aligned}",
)
DARK = 1
"""The formula that is drawn light on dark."""
DPI = 250
WIDTH, ROW, LEFT, TEXT = 900, 104, 372, 440
"""Pixels: the whole, a row, the card of the picture, where the LaTeX begins."""
CHARACTERS, LINE = 50, 19
"""Characters in a line of LaTeX, and pixels between two lines."""


def pictures() -> list[bytes]:
    """Draw the formulas as PNG files."""
    drawn = []
    renderer = choose(RenderSettings(renderer="tex", dpi=DPI))
    for number, page in enumerate(renderer.render(FORMULAS)):
        if not isinstance(page, Page):
            sys.exit(f"TeX could not draw {FORMULAS[number]}: {page.message}")
        grey, _ = finish(page.ink, look="smooth", padding=16, buckets=False)
        drawn.append(encode_png(255 - grey if number == DARK else grey))
    return drawn


def lines(latex: str) -> list[str]:
    """Break LaTeX between tokens."""
    broken = [""]
    for token in tokenize(latex):
        if len(join([*tokenize(broken[-1]), token])) > CHARACTERS:
            broken.append("")
        broken[-1] = join([*tokenize(broken[-1]), token])
    return broken


def row(number: int, png: bytes, latex: str) -> str:
    """One picture with its LaTeX."""
    top = 12 + number * (ROW + 12)
    width, height = (side / 1.1 for side in Image.open(io.BytesIO(png)).size)
    paper = "#000" if number == DARK else "#fff"
    text = lines(latex)
    first = top + ROW / 2 - (len(text) - 1) * LINE / 2 + 5
    spans = "".join(
        f'<tspan x="{TEXT}" y="{first + at * LINE:g}">{escape(line)}</tspan>'
        for at, line in enumerate(text)
    )
    data = base64.b64encode(png).decode()
    middle = top + ROW / 2
    return (
        f'<rect x="12" y="{top}" width="{LEFT}" height="{ROW}" rx="8" '
        f'fill="{paper}" stroke="#d0d7de"/>\n'
        f'<image x="{12 + (LEFT - width) / 2:g}" y="{top + (ROW - height) / 2:g}" '
        f'width="{width:g}" height="{height:g}" href="data:image/png;base64,{data}"/>\n'
        f'<path d="M396 {middle} h24 m-7 -6 l7 6 l-7 6" '
        f'fill="none" stroke="#57606a" stroke-width="2"/>\n'
        f'<text xml:space="preserve">{spans}</text>'
    )


def draw() -> str:
    """The whole picture as SVG."""
    drawn = pictures()
    read = [best.latex for best in map(Recognizer.load(), map(io.BytesIO, drawn))]
    for formula, latex in zip(FORMULAS, read, strict=True):
        if formula != latex:
            sys.exit(f"Read wrongly:\n  {formula}\n  {latex}")
    height = 12 + len(drawn) * (ROW + 12)
    rows = "\n".join(
        row(n, png, latex) for n, (png, latex) in enumerate(zip(drawn, read, strict=True))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" '
        f'font-size="14" fill="#1f2328">\n'
        f"<title>Three pictures of formulas and the LaTeX read from each</title>\n"
        f'<rect width="{WIDTH}" height="{height}" rx="12" fill="#f6f8fa"/>\n{rows}\n</svg>\n'
    )


if __name__ == "__main__":
    OUTPUT.write_text(draw(), encoding="utf-8", newline="\n")
