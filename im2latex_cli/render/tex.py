"""The TeX renderer: many formulas in one LaTeX run, each as if it were alone."""

from __future__ import annotations

import secrets
import shutil
import string
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from im2latex_cli.errors import RendererError
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render import document, dvi
from im2latex_cli.render.compositor import Compositor
from im2latex_cli.render.document import Account, Job
from im2latex_cli.render.dvi import DviPage, FontUse
from im2latex_cli.render.fonts import FontFinder, FontMissingError
from im2latex_cli.render.process import Transcript, run_latex
from im2latex_cli.render.rasterizer import FontShelf
from im2latex_cli.render.renderer import Page, RenderFailure
from im2latex_cli.render.screen import screen
from im2latex_cli.render.tags import carry, tag
from im2latex_cli.settings.sections import RenderSettings

BATCH = 1000
INSTALL = (
    "Install it: `apt-get install texlive-latex-base` (Debian, Ubuntu), "
    "`dnf install texlive-latex texlive-amsfonts texlive-amsmath` (Fedora) or "
    "`brew install --cask basictex` (macOS)."
)
Result = Page | RenderFailure


@dataclass(frozen=True, slots=True)
class _Typeset:
    """A page that TeX typeset without complaint."""

    page: DviPage
    fonts: list[FontUse]

    @property
    def bottom(self) -> int:
        """The lower edge of the page in scaled points; the document numbers pages by their size."""
        return self.page.counts[2] + self.page.counts[3]

    def characters(self) -> list[tuple[FontUse, int]]:
        """Font and code of each character, in order."""
        page = self.page
        return [(self.fonts[n], code) for n, code in zip(page.fonts, page.codes, strict=True)]


_Outcome = _Typeset | RenderFailure


class TexRenderer:
    """Formulas to pages with the LaTeX of this machine.

    Attributes:
        name: always "tex".
    """

    name: Literal["tex", "embedded"] = "tex"

    def __init__(self, settings: RenderSettings) -> None:
        """Find LaTeX.

        Args:
            settings: font size, resolution and time limit.

        Raises:
            RendererError: LaTeX is not on PATH.
        """
        latex, kpsewhich = shutil.which("latex"), shutil.which("kpsewhich")
        if latex is None or kpsewhich is None:
            raise RendererError("LaTeX is not on PATH.", hint=INSTALL)
        self._latex = latex
        self._settings = settings
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
            yield from self._batch(formulas[start : start + BATCH], None)

    def render_tokens(self, formulas: Sequence[Sequence[str]]) -> Iterator[Result]:
        """Yield one page or failure for each formula, whose glyphs know their tokens.

        The pictures are those of the joined tokens, pixel for pixel.

        Args:
            formulas: tokens of normal forms.
        """
        for start in range(0, len(formulas), BATCH // 2):
            batch = formulas[start : start + BATCH // 2]
            yield from self._batch([join(tokens) for tokens in batch], batch)

    def _batch(
        self, formulas: Sequence[str], tokens: Sequence[Sequence[str]] | None
    ) -> list[Result]:
        """Render formulas that may share one document; tagged copies get odd numbers."""
        outcomes: dict[int, _Outcome] = {}
        shared: list[Job] = []
        alone: list[Job] = []
        for index, formula in enumerate(formulas):
            screened = screen(formula)
            if screened.lane == "refused":
                outcomes[2 * index] = RenderFailure("refused", screened.problem)
                continue
            lane = shared if screened.lane == "shared" else alone
            lane.append(Job(2 * index, screened.text, screened.doubtful))
            if tokens is not None:
                lane.append(Job(2 * index + 1, tag(tokens[index]), screened.doubtful))
        passed = self._settle(shared, outcomes)
        for job in [*alone, *passed]:
            self._settle([Job(job.index, job.text)], outcomes)
        return [
            self._paint(outcomes[2 * index], outcomes.get(2 * index + 1))
            for index in range(len(formulas))
        ]

    def _paint(self, clean: _Outcome, tagged: _Outcome | None) -> Result:
        """Typeset pages to ink; the copy says which token painted what."""
        if isinstance(clean, RenderFailure):
            return clean
        if not isinstance(tagged, _Typeset):
            return self._compositor.paint(clean.page, clean.fonts, bottom=clean.bottom)
        marks = document.tags(tagged.page.specials, len(tagged.page.codes))
        tokens = carry(clean.characters(), tagged.characters(), marks)
        return self._compositor.paint(clean.page, clean.fonts, bottom=clean.bottom, tokens=tokens)

    def _settle(self, jobs: list[Job], outcomes: dict[int, _Outcome]) -> list[Job]:
        """Fill in the outcomes of `jobs`; return those that must not share a document.

        Each turn settles at least one formula or halves the group, so it ends.
        """
        passed: list[Job] = []
        groups = [jobs] if jobs else []
        while groups:
            group = groups.pop()
            settled, account = self._run(group)
            outcomes.update(settled)
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
                failure = RenderFailure("crash", "TeX left no page and no message")
                outcomes[group[0].index] = failure
        return passed

    def _run(self, jobs: list[Job]) -> tuple[dict[int, _Outcome], Account]:
        """Typeset `jobs` in one document; outcomes of those that are beyond doubt."""
        nonce = "".join(secrets.choice(string.ascii_letters) for _ in range(20))
        source = document.write(jobs, size=self._settings.font_size, nonce=nonce)
        transcript = run_latex(self._latex, source, mark=nonce, timeout=self._settings.timeout)
        account = document.read(transcript.lines, nonce=nonce)
        fonts: list[FontUse] = []
        pages = self._pages(transcript.pages, fonts)
        if not _agree(pages, account):
            return {}, Account()
        outcomes: dict[int, _Outcome] = {}
        for page in pages:
            index = page.counts[0]
            problem = account.errors.get(index)
            outcomes[index] = (
                RenderFailure("tex-error", problem) if problem else _Typeset(page, fonts)
            )
        if account.open is not None:
            outcomes[account.open] = self._blame(transcript, account)
        elif not transcript.lines and (transcript.hung or transcript.status >= 0):
            raise self._useless(transcript)
        return outcomes, account

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

    def _useless(self, transcript: Transcript) -> RendererError:
        """The error of a LaTeX that does not come to the first formula."""
        what = "did not start in time" if transcript.hung else f"ended with {transcript.status}"
        return RendererError(
            f"LaTeX ({self._latex}) {what}, before any formula; amsmath or amssymb may be missing.",
            hint=INSTALL,
        )


def _agree(pages: Sequence[DviPage], account: Account) -> bool:
    """Whether the pages are those of the marks: same order, numbers and sizes.

    A run that was killed may lack its last pages, never one in between.
    """
    sizes = [(index, *size) for index, size in account.ended.items()]
    return [page.counts[:4] for page in pages] == sizes[: len(pages)]
