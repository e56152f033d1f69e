r"""Pages of real LaTeX documents as a data set: every display and equation number boxed by TeX.

    python tests/bench/mark_displays.py OUTPUT testmath.tex.gz amsldoc.tex.gz ...
    im2latex pages eval --data OUTPUT

Each document is typeset again by `latex` with marks around its displays (`\[`, and the
environments of LaTeX and amsmath) and frames in place of figures;
`dvipdfmx` and PDFium draw the pages at 150 dpi. A display
that is broken over two pages has a box on the first only.

Debian has documents full of displays, with their sources:

    apt-get download texlive-latex-base-doc texlive-publishers-doc texlive-science-doc
    dpkg -x FILE.deb FOLDER
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray

from im2latex_cli import files
from im2latex_cli.data.text_files import Row
from im2latex_cli.errors import Im2LatexError
from im2latex_cli.pages import store
from im2latex_cli.pages.document import RegionLabel, owners
from im2latex_cli.pages.regions import Region, RegionKind
from im2latex_cli.pages.typeset import LINE_GAP, regions_of
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.render.tex import dvi
from im2latex_cli.render.tex.fonts import FontFinder
from im2latex_cli.render.tex.rasterizer import SP_PER_INCH, Compositor, FontCache
from im2latex_cli.vision.finish import encode_png

DPI = 150
PAPER = "im2latex-paper"
TIMEOUT = 120.0
FAULTS = (OSError, ValueError, RuntimeError, subprocess.TimeoutExpired, Im2LatexError)
"""What a document that cannot be typeset or drawn raises."""
STARRED = ("equation", "align", "alignat", "flalign", "gather", "multline", "eqnarray")
ENVIRONMENTS = ("displaymath", *STARRED, *(f"{name}*" for name in STARRED))

NO_FIGURES = "".join(
    f"\\PassOptionsToPackage{{draft}}{{{name}}}\n" for name in ("graphics", "graphicx")
)
"""Frames in place of figures, which are often missing or of a format that needs more programs."""
MARKS = (
    r"""
\makeatletter
\newcount\i@display \def\i@now{0}
\def\i@open{\if@inlabel\leavevmode\fi\if@noskipsec\leavevmode\fi
  \global\advance\i@display2 \xdef\i@now{\the\i@display}%
  \special{i2p \i@now}}
\def\i@close{\gdef\i@now{0}\special{i2p 0}}
\def\i@numbered#1{\ifnum\i@now=\z@ #1\else
  \hbox{\special{i2p \the\numexpr\i@now+1}#1\special{i2p \i@now}}\fi}
\AtBeginDocument{%
  \@ifundefined{LineNumber}{}{\let\i@line\LineNumber
    \def\LineNumber{\special{i2p 0}\i@line\special{i2p back}}}%
  \immediate\write16{PAPER \number\paperwidth\space\number\paperheight}%
  \@ifundefined{maketag@@@}{%
    \let\i@left\[\let\i@right\]\def\[{\i@open\i@left}\def\]{\i@right\i@close}%
    \let\i@eqnnum\@eqnnum\def\@eqnnum{\i@numbered{\i@eqnnum}}}%
   {\let\i@tag\maketag@@@\def\maketag@@@#1{\i@numbered{\i@tag{#1}}}%
    \let\i@eqnnum\@eqnnum\def\@eqnnum{\i@numbered{\i@eqnnum}}}}
\g@addto@macro\@makecol{\setbox\@outputbox\vbox to\ht\@outputbox{\unvbox\@outputbox
  \special{i2p 0}}}
\makeatother
""".replace("PAPER", PAPER)
    + "".join(
        f"\\AddToHook{{env/{name}/before}}{{\\csname i@open\\endcsname}}"
        f"\\AddToHook{{env/{name}/after}}{{\\csname i@close\\endcsname}}\n"
        for name in ENVIRONMENTS
    )
)
"""LaTeX for the preamble; displays have even numbers, their equation numbers the next odd ones."""


def main() -> None:
    """Read the command line, and make the data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("documents", type=Path, nargs="+")
    options = parser.parse_args()
    folder = options.output / "test"
    folder.mkdir(parents=True)
    rows: list[Row] = []
    for document in options.documents:
        try:
            rows += _pages(document, folder, len(rows))
        except (
            OSError,
            ValueError,
            subprocess.TimeoutExpired,
            RuntimeError,
            Im2LatexError,
        ) as error:
            print(f"{document.name}: left out ({error})", file=sys.stderr)
        store.write_rows(folder, rows)


def _pages(document: Path, folder: Path, first: int) -> list[Row]:
    """Write the pages of one document; their metadata."""
    rows: list[Row] = []
    for ink, regions in list(_typeset(document)):
        name = f"{first + len(rows):06d}.png"
        files.write_bytes(folder / name, encode_png(ink))
        size = ink.shape[1], ink.shape[0]
        rows.append(
            store.to_row(
                name, size, regions, dpi=DPI, layout=document.name.split(".")[0], typeface=""
            )
        )
    shown = sum(region["kind"] == RegionKind.DISPLAY for row in rows for region in row["regions"])
    print(f"{document.name}: {len(rows)} pages, {shown} displays")
    return rows


def marked(source: str) -> str:
    r"""A document's source with the marks, and with `\[` instead of `$$`."""
    parts = re.split(r"(?<!\\)\$\$", source)
    if len(parts) % 2:
        source = "".join(
            part + ("" if at == len(parts) - 1 else ("\\[", "\\]")[at % 2])
            for at, part in enumerate(parts)
        )
    source = re.sub(r"(?m)^(?=[^%\n]*\\begin\{document\})", lambda _: MARKS, source, count=1)
    return NO_FIGURES + source


def _typeset(document: Path) -> Iterator[tuple[NDArray[np.uint8], Sequence[Region]]]:
    """Picture and regions of each page."""
    opened = gzip.open if document.suffix == ".gz" else open
    with opened(document, "rt", encoding="latin-1") as file:
        source = marked(file.read())
    with tempfile.TemporaryDirectory() as name:
        log = _run_latex(source, document.parent, Path(name))
        size = re.search(rf"{PAPER} (\d+) (\d+)", log)
        pages = Path(name) / "batch.dvi"
        if size is None or not pages.is_file():
            print(f"{document.name}: LaTeX fails\n{log[-400:]}", file=sys.stderr)
            return
        pdf = Path(name) / "batch.pdf"
        width, height = (int(side) / SP_PER_INCH for side in size.groups())
        paper = f"{width:.4f}in,{height:.4f}in"
        _call("dvipdfmx", "-q", "-p", paper, "-o", str(pdf), str(pages), folder=Path(name))
        yield from zip(_drawn(pdf), _regions(pages.read_bytes(), (width, height)), strict=True)


def _run_latex(source: str, beside: Path, folder: Path) -> str:
    """Two runs of LaTeX; what they say."""
    (folder / "batch.tex").write_text(source, encoding="latin-1")
    for _ in range(2):
        log = _call("latex", "-interaction=nonstopmode", "batch.tex", folder=folder, beside=beside)
    return log


def _call(*words: str, folder: Path, beside: Path | None = None) -> str:
    inputs = f".:{(beside or folder).resolve()}:{os.environ.get('TEXINPUTS', '')}"
    environment = {**os.environ, "TEXINPUTS": inputs, "max_print_line": "1000"}
    done = subprocess.run(
        [shutil.which(words[0]) or words[0], *words[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.stdout.decode("latin-1") + done.stderr.decode("latin-1")


def _drawn(pdf: Path) -> Iterator[NDArray[np.uint8]]:
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        bitmap = page.render(scale=DPI / 72, grayscale=True)
        yield np.array(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)


def _regions(pages: bytes, inches: tuple[float, float]) -> Iterator[Sequence[Region]]:
    finder = FontFinder(shutil.which("kpsewhich") or "kpsewhich")
    shelf = FontCache(finder, DPI)
    shelf.expect(dvi.font_names(pages))
    compositor = Compositor(shelf, DPI)
    fonts: list[dvi.FontUse] = []
    width, height = (round(side * DPI) for side in inches)
    for page in dvi.read(pages, fonts, shelf.widths):
        before = [count for count, _ in page.specials]
        sheet = compositor.sheet(
            page,
            fonts,
            size=(width, height),
            characters=owners(page.specials, before, len(page.codes)),
            rules=owners(page.specials, page.special_rules, len(page.rules)),
        )
        if isinstance(sheet, RenderFailure):
            raise Im2LatexError(f"a page cannot be drawn: {sheet}")
        numbers = {mark.owner for mark in sheet.marks if mark.owner > 0}
        labels = {
            number: RegionLabel(RegionKind.NUMBER if number % 2 else RegionKind.DISPLAY)
            for number in numbers
        }
        yield list(regions_of(sheet.marks, labels, LINE_GAP * DPI))


if __name__ == "__main__":
    main()
