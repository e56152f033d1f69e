"""The slow, exact way from formulas to ink: pdfTeX and Ghostscript, a thousand pages at a time.

The pixels are those of one pdflatex and one Ghostscript run for each formula, which is how the
pictures of im2latex-100k and of the projects after it were made.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import RendererError
from im2latex_cli.render.tex import document
from im2latex_cli.render.tex.document import Job
from im2latex_cli.render.tex.process import run_latex
from im2latex_cli.render.tex.rasterizer import SP_PER_INCH
from im2latex_cli.render.tex.typesetter import new_nonce
from im2latex_cli.settings.sections import RenderSettings

INSTALL = (
    "Install them: `apt-get install texlive-latex-base ghostscript` (Debian, Ubuntu), "
    "`dnf install texlive-latex texlive-amsfonts texlive-amsmath ghostscript` (Fedora) or "
    "`brew install ghostscript` and `brew install --cask basictex` (macOS); or leave out "
    "`render.exact`."
)
_PAPER = (
    r"\pdfpagewidth\dimexpr\wd\i@box+%(left)din+%(right)din\relax \pdfhorigin%(left)din"
    r"\pdfpageheight\dimexpr\ht\i@box+\dp\i@box+%(high)din*2\relax \pdfvorigin%(high)din"
    r"\pdfcompresslevel\z@ "
)
_NO_MARGINS = (0, 0, 0)
_MARGINS = (5, 40, 2)
"""Inches left, right, above and below: whole pixels at any resolution, so no pixel changes."""
_CALM = ("-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-dNOINTERPOLATE")
_ALPHA = ("-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", "-dAlignToPixels=0", "-dGridFitTT=2")
_DEVICE = ("-sDEVICE=pgmraw", "-dMaxBitmap=500000000", "-sOutputFile=-")
_SLACK = 2  # pixels between TeX's size of a page and Ghostscript's
_MOST_PIXELS = 100_000_000
_START = 60.0
_PAGE = 5.0

Ink = NDArray[np.uint8]


class Ghostscript:
    """Formulas that TeX is known to typeset to ink, exactly."""

    def __init__(self, settings: RenderSettings) -> None:
        """Find pdflatex and gs.

        Args:
            settings: font size, resolution and time limit.

        Raises:
            RendererError: one of them is not on PATH.
        """
        pdflatex, gs = shutil.which("pdflatex"), shutil.which("gs")
        if pdflatex is None or gs is None:
            absent = "Ghostscript (gs)" if gs is None else "pdflatex"
            raise RendererError(
                f"`render.exact` needs {absent} on PATH, and it is not.", hint=INSTALL
            )
        self._pdflatex = pdflatex
        self._gs = gs
        self._settings = settings

    @cached_property
    def version(self) -> str:
        """Ghostscript and its version."""
        answer = subprocess.run(
            [self._gs, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return f"Ghostscript {answer.stdout.decode('ascii', 'replace').strip() or 'unknown'}"

    def paint(
        self, jobs: Sequence[Job], *, face: str = "", margins: bool = False
    ) -> dict[int, Ink]:
        """Paint formulas that may share a document.

        A group whose pages do not fit its marks is halved until each formula is alone.

        Args:
            jobs: the formulas.
            face: LaTeX that loads their typeface.
            margins: leave room for ink beyond the edges of the page, which is cut off else.

        Returns:
            Index -> whole page, (H, W) uint8 with 255 as paper; lacks what cannot be painted.
        """
        pages: dict[int, Ink] = {}
        groups = [list(jobs)] if jobs else []
        while groups:
            group = groups.pop()
            batch = self._run(group, face, _MARGINS if margins else _NO_MARGINS)
            if batch is not None:
                pages.update(batch)
            elif len(group) > 1:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
        return pages

    def _run(
        self, jobs: Sequence[Job], face: str, margins: tuple[int, int, int]
    ) -> dict[int, Ink] | None:
        """Paint one document; None if marks and pages do not agree."""
        nonce = new_nonce()
        settings = self._settings
        left, right, high = margins
        paper = _PAPER % {"left": left, "right": right, "high": high}
        source = document.write(jobs, size=settings.font_size, nonce=nonce, face=face, paper=paper)
        transcript = run_latex(
            self._pdflatex, source, mark=nonce, timeout=settings.timeout, output="batch.pdf"
        )
        account = document.read(transcript.lines, nonce=nonce)
        if account.errors or list(account.sizes) != [job.index for job in jobs]:
            return None
        sizes = [
            (
                self._pixels(height + depth) + 2 * high * settings.dpi,
                self._pixels(width) + (left + right) * settings.dpi,
            )
            for width, height, depth in account.sizes.values()
        ]
        if any(rows * columns > _MOST_PIXELS for rows, columns in sizes):
            return None
        pages = self._rasterise(transcript.pages, len(jobs))
        if not _fit(pages, sizes):
            return None
        return {job.index: page for job, page in zip(jobs, pages, strict=True)}

    def _pixels(self, length: int) -> int:
        """Scaled points to pixels."""
        return round(length / SP_PER_INCH * self._settings.dpi)

    def _rasterise(self, pdf: bytes, count: int) -> list[Ink]:
        """The pages of a PDF file; fewer if Ghostscript fails or takes too long."""
        with tempfile.TemporaryDirectory(prefix="im2latex-") as name:
            path = Path(name) / "batch.pdf"
            path.write_bytes(pdf)
            command = [self._gs, *_CALM, *_ALPHA, *_DEVICE, f"-r{self._settings.dpi}", path.name]
            process = subprocess.Popen(
                command,
                cwd=name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            watch = threading.Timer(_START + _PAGE * count, process.kill)
            watch.start()
            try:
                with process:
                    return list(_read(process.stdout)) if process.stdout else []
            finally:
                watch.cancel()
                if process.poll() is None:
                    process.kill()


def _fit(pages: Sequence[Ink], sizes: Sequence[tuple[int, int]]) -> bool:
    """Whether these are the pages: as many as expected, each of its size."""
    return len(pages) == len(sizes) and all(
        abs(page.shape[0] - rows) <= _SLACK and abs(page.shape[1] - columns) <= _SLACK
        for page, (rows, columns) in zip(pages, sizes, strict=True)
    )


def _read(stream: IO[bytes]) -> Iterator[Ink]:
    """The pictures of a stream of PGM files; ends at the first that is malformed."""
    while stream.readline() == b"P5\n":
        numbers: list[int] = []
        while len(numbers) < 3:
            line = stream.readline()
            if not line:
                return
            if not line.startswith(b"#"):
                numbers += map(int, line.split())
        width, height, _ = numbers
        body = stream.read(width * height)
        if len(body) < width * height:
            return
        yield np.frombuffer(body, np.uint8).reshape(height, width)
