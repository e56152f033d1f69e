"""The TeX renderer: many formulas in one LaTeX run, each as if it were alone.

The slow, exact way goes through pdfTeX and Ghostscript, a thousand pages at a time. Its pixels are
those of one pdflatex and one Ghostscript run for each formula, which is how the pictures of
im2latex-100k and of the projects after it were made.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import RendererError
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.tex import typesetter
from im2latex_cli.render.tex.fonts import FontFinder
from im2latex_cli.render.tex.rasterizer import SP_PER_INCH, Compositor, FontCache
from im2latex_cli.render.tex.sandbox import run_latex, screen
from im2latex_cli.render.tex.token_marks import carry, tag
from im2latex_cli.render.tex.typefaces import Style, Stylist, installed
from im2latex_cli.render.tex.typesetter import (
    INSTALL,
    AcceptedPage,
    Job,
    Outcome,
    Typesetter,
    new_nonce,
)
from im2latex_cli.settings.sections import RenderSettings

INSTALL_GHOSTSCRIPT = (
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
                f"`render.exact` needs {absent} on PATH, and it is not.", hint=INSTALL_GHOSTSCRIPT
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
        source = typesetter.write_document(
            jobs, size=settings.font_size, nonce=nonce, face=face, paper=paper
        )
        transcript = run_latex(
            self._pdflatex, source, mark=nonce, timeout=settings.timeout, output="batch.pdf"
        )
        account = typesetter.read_log(transcript.lines, nonce=nonce)
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


BATCH = 1000
PAINTING = 1
"""Counts the changes of our painting; to be raised with every one that changes a pixel."""
_ROUNDING = 4
Result = Page | RenderFailure
Tokens = Sequence[str]


class TexRenderer:
    """Formulas to pages with the LaTeX of this machine.

    Attributes:
        name: always "tex".
        preamble: LaTeX to load before the first formula, for comparisons; empty for data sets.
    """

    name: Literal["tex", "embedded"] = "tex"

    def __init__(self, settings: RenderSettings) -> None:
        """Find LaTeX, and what the settings need beside it.

        Args:
            settings: font size, resolution, typefaces, exactness and time limit.

        Raises:
            RendererError: LaTeX, Ghostscript or a typeface of the settings is missing.
        """
        latex, kpsewhich = shutil.which("latex"), shutil.which("kpsewhich")
        if latex is None or kpsewhich is None:
            raise RendererError("LaTeX is not on PATH.", hint=INSTALL)
        finder = FontFinder(kpsewhich)
        font_cache = FontCache(finder, settings.dpi)
        self._latex = latex
        self._typesetter = Typesetter(latex, font_cache, settings)
        self._compositor = Compositor(font_cache, settings.dpi)
        self._exact = Ghostscript(settings) if settings.exact else None
        self._typefaces = installed(finder, settings.typefaces) if settings.fonts else ()
        self._mixed = settings.fonts > 0
        self._looks = bool(settings.looks)
        self._stylist = Stylist(settings, self._typefaces)
        self.preamble = ""

    @cached_property
    def version(self) -> str:
        """TeX's version line, and all else that pictures may change with."""
        answer = subprocess.run(
            [self._latex, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        first = (answer.stdout.splitlines() or ["unknown"])[0]
        parts = [first, f"painting {PAINTING}"]
        if self._exact:
            parts.append(self._exact.version)
        if self._typefaces:
            parts.append(f"typefaces {'+'.join(self._typefaces)}")
        return ", ".join(part.strip() for part in parts)

    def render(self, formulas: Sequence[str]) -> Iterator[Result]:
        """Yield one page or failure for each formula, in order.

        Raises:
            RendererError: LaTeX cannot typeset even an empty document.
        """
        size = self._batch_size
        for start in range(0, len(formulas), size):
            yield from self._styled(formulas[start : start + size], None)

    def render_tokens(self, formulas: Sequence[Tokens]) -> Iterator[Result]:
        """Yield one page or failure for each formula, whose glyphs know their tokens.

        The pictures are those of the joined tokens, pixel for pixel.

        Args:
            formulas: tokens of normal forms.
        """
        size = self._batch_size // 2
        for start in range(0, len(formulas), size):
            batch = formulas[start : start + size]
            yield from self._styled([join(tokens) for tokens in batch], batch)

    def _styled(self, formulas: Sequence[str], tokens: Sequence[Tokens] | None) -> list[Result]:
        """Render each formula in its own typeface; in the usual one if that lacks a glyph."""
        plain = self._stylist.plain
        if not self._mixed:
            return self._batch(formulas, tokens, [plain] * len(formulas))
        results: list[Result] = [RenderFailure("crash", "not rendered")] * len(formulas)
        groups: dict[str, dict[int, Style]] = {}
        for index, formula in enumerate(formulas):
            style = self._stylist.style(formula)
            groups.setdefault(style.typeface, {})[index] = style
        retries: dict[int, Style] = {}
        for group in (*groups.values(), retries):
            batch_tokens = [tokens[index] for index in group] if tokens is not None else None
            pages = self._batch([formulas[i] for i in group], batch_tokens, list(group.values()))
            for (index, style), page in zip(list(group.items()), pages, strict=True):
                if isinstance(page, Page):
                    font = f"{style} {style.look}" if self._looks else str(style)
                    results[index] = replace(page, font=font, look=style.look)
                    continue
                results[index] = page
                if style.typeface != plain.typeface:
                    retries[index] = style._replace(typeface=plain.typeface)
        return results

    @property
    def _batch_size(self) -> int:
        """Formulas taken together: each typeface of a mixed batch needs a LaTeX run of its own."""
        return BATCH * max(1, len(self._typefaces) // 4) if self._mixed else BATCH

    def _batch(
        self, formulas: Sequence[str], tokens: Sequence[Tokens] | None, styles: Sequence[Style]
    ) -> list[Result]:
        """Render formulas of one typeface; tagged copies get odd numbers."""
        if not formulas:
            return []
        refusals: dict[int, Outcome] = {}
        shared: list[Job] = []
        isolated: list[Job] = []
        for index, (formula, style) in enumerate(zip(formulas, styles, strict=True)):
            screening = screen(formula)
            if screening.lane == "refused":
                refusals[2 * index] = RenderFailure("refused", screening.problem)
                continue
            lane = shared if screening.lane == "shared" else isolated
            job = Job(2 * index, screening.text, screening.doubtful, style.size)
            lane.append(job)
            if tokens is not None:
                lane.append(replace(job, index=2 * index + 1, text=tag(tokens[index])))
        face = styles[0].latex + self.preamble
        outcomes, lonely = self._typesetter.typeset(shared, isolated, face=face)
        outcomes |= refusals
        pages = [
            self._paint(outcomes[2 * index], outcomes.get(2 * index + 1))
            for index in range(len(formulas))
        ]
        if self._exact is None:
            return pages
        originals = [job for job in (*shared, *isolated) if job.index % 2 == 0]
        jobs = [job for job in originals if isinstance(pages[job.index // 2], Page)]
        return self._repaint(pages, jobs, lonely, face)

    def _repaint(
        self, pages: Sequence[Result], jobs: Sequence[Job], lonely: set[int], face: str
    ) -> list[Result]:
        """Let Ghostscript paint the pages anew; with margins if the paper's edge cuts ink."""
        if self._exact is None:
            raise AssertionError
        results = list(pages)
        cut: list[Job] = []
        for margins in (False, True):
            batch = cut if margins else jobs
            inks = self._exact.paint(
                [job for job in batch if job.index not in lonely], face=face, margins=margins
            )
            for job in batch:
                if job.index in lonely:
                    single = [replace(job, doubtful=())]
                    inks |= self._exact.paint(single, face=face, margins=margins)
            for job in batch:
                index = job.index // 2
                page = pages[index]
                if isinstance(page, Page):
                    results[index] = _with_ink(page, inks.get(job.index))
                    if not margins and _is_cut(page, results[index]):
                        cut.append(job)
        return results

    def _paint(self, clean: Outcome, tagged: Outcome | None) -> Result:
        """Typeset pages to ink; the copy says which token painted what."""
        if isinstance(clean, RenderFailure):
            return clean
        if not isinstance(tagged, AcceptedPage):
            return self._compositor.paint(clean.page, clean.fonts, bottom=clean.bottom)
        marks = typesetter.tags(tagged.page.specials, len(tagged.page.codes))
        tokens = carry(clean.characters(), tagged.characters(), marks)
        return self._compositor.paint(clean.page, clean.fonts, bottom=clean.bottom, tokens=tokens)


def _with_ink(page: Page, ink: Ink | None) -> Result:
    """The page as Ghostscript painted it, cropped; glyphs keep their places."""
    if ink is None:
        return RenderFailure("crash", "pdfTeX and Ghostscript left no page")
    inked = ink < 255
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        return RenderFailure("blank", "nothing lies on the page")
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return replace(page, ink=np.ascontiguousarray(ink[box]))


def _is_cut(page: Page, exact: Result) -> bool:
    """Whether the exact page lacks more ink than rounding explains."""
    if not isinstance(exact, Page):
        return exact.reason == "blank"
    sides = zip(page.ink.shape, exact.ink.shape, strict=True)
    return any(ours > theirs + _ROUNDING for ours, theirs in sides)
