"""The TeX renderer: many formulas in one LaTeX run, each as if it were alone."""

from __future__ import annotations

import secrets
import shutil
import string
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal

from im2latex_cli.errors import RendererError
from im2latex_cli.render import document, dvi
from im2latex_cli.render.compositor import Compositor
from im2latex_cli.render.document import Account, Job
from im2latex_cli.render.dvi import DviPage, FontUse
from im2latex_cli.render.fonts import FontFinder, FontMissingError
from im2latex_cli.render.process import Transcript, run_latex
from im2latex_cli.render.rasterizer import FontShelf
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.screen import screen
from im2latex_cli.settings.sections import RenderSettings

BATCH = 1000
INSTALL = (
    "Install it: `apt-get install texlive-latex-base` (Debian, Ubuntu), "
    "`dnf install texlive-latex texlive-amsfonts texlive-amsmath` (Fedora) or "
    "`brew install --cask basictex` (macOS)."
)
Result = Page | RenderFailure


class TexRenderer:
    """Formulas to pages with the LaTeX of this machine.

    Attributes:
        name: always "tex".
    """

    name: Literal["tex", "embedded"] = "tex"

    def __init__(self, settings: RenderSettings, *, glyphs: bool = True) -> None:
        """Find LaTeX.

        Args:
            settings: font size, resolution and time limit.
            glyphs: say where the characters stand; costs a little time.

        Raises:
            RendererError: LaTeX is not on PATH.
        """
        latex, kpsewhich = shutil.which("latex"), shutil.which("kpsewhich")
        if latex is None or kpsewhich is None:
            raise RendererError("LaTeX is not on PATH.", hint=INSTALL)
        self._latex = latex
        self._settings = settings
        self._glyphs = glyphs
        self._shelf = FontShelf(FontFinder(kpsewhich), settings.dpi)
        self._compositor = Compositor(self._shelf, settings.dpi)

    @cached_property
    def version(self) -> str:
        """The first line of `latex --version`."""
        answer = subprocess.run(
            [self._latex, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = answer.stdout.splitlines()
        return lines[0].strip() if lines else "unknown"

    def render(self, formulas: Sequence[str]) -> Iterator[Result]:
        """Yield one page or failure for each formula, in order.

        Raises:
            RendererError: LaTeX cannot typeset even an empty document.
        """
        for start in range(0, len(formulas), BATCH):
            yield from self._batch(formulas[start : start + BATCH])

    def _batch(self, formulas: Sequence[str]) -> list[Result]:
        """Render formulas that may share one document."""
        results: dict[int, Result] = {}
        shared: list[Job] = []
        alone: list[Job] = []
        for index, formula in enumerate(formulas):
            screened = screen(formula)
            if screened.lane == "refused":
                results[index] = RenderFailure("refused", screened.problem)
                continue
            lane = shared if screened.lane == "shared" else alone
            lane.append(Job(index, screened.text, screened.doubtful))
        passed = self._settle(shared, results)
        for job in [*alone, *passed]:
            self._settle([Job(job.index, job.text)], results)
        return [results[index] for index in range(len(formulas))]

    def _settle(self, jobs: list[Job], results: dict[int, Result]) -> list[Job]:
        """Fill in the results of `jobs`; return those that must not share a document.

        Each turn settles at least one formula or halves the group, so it ends.
        """
        passed: list[Job] = []
        groups = [jobs] if jobs else []
        while groups:
            group = groups.pop()
            settled, account = self._run(group)
            results.update(settled)
            passed += [job for job in group if job.index in account.passed]
            done = settled.keys() | account.passed
            left = [job for job in group if job.index not in done]
            if not left:
                continue
            if len(left) < len(group):
                groups.append(left)
            elif len(group) > 1:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
            else:
                results[group[0].index] = RenderFailure("crash", "TeX left no page and no message")
        return passed

    def _run(self, jobs: list[Job]) -> tuple[dict[int, Result], Account]:
        """Typeset `jobs` in one document; results of those that are beyond doubt."""
        nonce = "".join(secrets.choice(string.ascii_letters) for _ in range(20))
        source = document.write(jobs, size=self._settings.font_size, nonce=nonce)
        transcript = run_latex(self._latex, source, mark=nonce, timeout=self._settings.timeout)
        account = document.read(transcript.lines, nonce=nonce)
        fonts: list[FontUse] = []
        pages = self._pages(transcript.pages, fonts)
        if not _agree(pages, account):
            return {}, Account()
        results: dict[int, Result] = {}
        for page in pages:
            index = page.counts[0]
            problem = account.errors.get(index)
            if problem:
                results[index] = RenderFailure("tex-error", problem)
            else:
                results[index] = self._compositor.paint(page, fonts, glyphs=self._glyphs)
        if account.open is not None:
            results[account.open] = self._blame(transcript, account)
        elif not account.ended and not account.passed and not transcript.hung:
            self._check_preamble(transcript)
        return results, account

    def _pages(self, data: bytes, fonts: list[FontUse]) -> list[DviPage]:
        """The pages of a run; none where the file makes no sense."""
        try:
            return dvi.read(data, fonts, self._shelf.widths)
        except (dvi.DviError, FontMissingError):
            return []

    def _blame(self, transcript: Transcript, account: Account) -> RenderFailure:
        """The failure of the formula under way when the run broke off."""
        message = account.errors.get(account.open if account.open is not None else -1)
        if transcript.hung:
            seconds = self._settings.timeout
            return RenderFailure("timeout", f"TeX was still busy after {seconds:g} s")
        if message:
            return RenderFailure("tex-error", message)
        return RenderFailure("crash", "TeX ended inside the formula without a message")

    def _check_preamble(self, transcript: Transcript) -> None:
        """Tell a LaTeX that cannot work at all from a hostile formula."""
        if not transcript.lines:
            raise RendererError(
                f"LaTeX ({self._latex}) ended with status {transcript.status} before any formula; "
                "amsmath or amssymb may be missing.",
                hint=INSTALL,
            )


def _agree(pages: Sequence[DviPage], account: Account) -> bool:
    """Whether the pages are those of the marks: same order, numbers and sizes.

    A run that was killed may lack its last pages, never one in between.
    """
    sizes = [(index, *size) for index, size in account.ended.items()]
    return [page.counts[:4] for page in pages] == sizes[: len(pages)]
