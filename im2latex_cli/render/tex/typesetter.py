"""Many formulas through LaTeX, each as if alone: what the marks do not prove runs again."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass

from im2latex_cli.errors import RendererError
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.render.tex import document, dvi
from im2latex_cli.render.tex.document import Account, Job
from im2latex_cli.render.tex.dvi import DviPage, FontUse
from im2latex_cli.render.tex.fonts import FontMissingError
from im2latex_cli.render.tex.process import RunOutput, run_latex
from im2latex_cli.render.tex.rasterizer import FontCache
from im2latex_cli.settings.sections import RenderSettings

INSTALL = (
    "Install it: `apt-get install texlive-latex-base` (Debian, Ubuntu), "
    "`dnf install texlive-latex texlive-amsfonts texlive-amsmath` (Fedora) or "
    "`brew install --cask basictex` (macOS)."
)


@dataclass(frozen=True, slots=True)
class AcceptedPage:
    """A page that TeX typeset without complaint."""

    page: DviPage
    fonts: list[FontUse]

    @property
    def size(self) -> tuple[int, int, int]:
        """Width, height and depth in scaled points; the document numbers pages by them."""
        width, height, depth = self.page.counts[1:4]
        return width, height, depth

    @property
    def bottom(self) -> int:
        """The lower edge of the page in scaled points."""
        return self.size[1] + self.size[2]

    def characters(self) -> list[tuple[FontUse, int]]:
        """Font and code of each character, in order."""
        page = self.page
        return [(self.fonts[n], code) for n, code in zip(page.fonts, page.codes, strict=True)]


Outcome = AcceptedPage | RenderFailure


def new_nonce() -> str:
    """Letters that no formula can guess."""
    return "".join(secrets.choice(string.ascii_letters) for _ in range(20))


class Typesetter:
    """Drives LaTeX over documents of many formulas."""

    def __init__(self, latex: str, font_cache: FontCache, settings: RenderSettings) -> None:
        """Remember what to run.

        Args:
            latex: path of `latex`.
            font_cache: gives the widths of characters.
            settings: font size and time limit.
        """
        self._latex = latex
        self._font_cache = font_cache
        self._settings = settings

    def typeset(
        self, shared: Sequence[Job], alone: Sequence[Job], *, face: str = ""
    ) -> tuple[dict[int, Outcome], set[int]]:
        """Typeset formulas that may share documents, and others that must not.

        Args:
            shared: those that may.
            alone: those that must not.
            face: LaTeX that loads the typeface; empty for Computer Modern.

        Returns:
            What became of each formula, by index; and which went alone in the end.

        Raises:
            RendererError: LaTeX cannot typeset even an empty document.
        """
        outcomes: dict[int, Outcome] = {}
        skipped = self._settle(list(shared), outcomes, face)
        lonely = [*alone, *skipped]
        for job in lonely:
            self._settle([Job(job.index, job.text, size=job.size)], outcomes, face)
        return outcomes, {job.index for job in lonely}

    def _settle(self, jobs: list[Job], outcomes: dict[int, Outcome], face: str) -> list[Job]:
        """Fill in the outcomes of `jobs`; return those that must not share a document.

        Each turn settles at least one formula or halves the group, so it ends.
        """
        skipped: list[Job] = []
        groups = [jobs] if jobs else []
        while groups:
            group = groups.pop()
            results, account = self._run(group, face)
            outcomes.update(results)
            skipped += [job for job in group if job.index in account.skipped]
            done = results.keys() | account.skipped
            remaining = [job for job in group if job.index not in done]
            if not remaining:
                continue
            if len(remaining) < len(group):
                groups.append(remaining)
            elif len(group) > 1:
                groups += [group[: len(group) // 2], group[len(group) // 2 :]]
            else:
                failure = RenderFailure("crash", "TeX left no page and no message")
                outcomes[group[0].index] = failure
        return skipped

    def _run(self, jobs: list[Job], face: str) -> tuple[dict[int, Outcome], Account]:
        """Typeset `jobs` in one document; outcomes of those that are beyond doubt."""
        nonce = new_nonce()
        source = document.write(jobs, size=self._settings.font_size, nonce=nonce, face=face)
        transcript = run_latex(self._latex, source, mark=nonce, timeout=self._settings.timeout)
        account = document.read(transcript.lines, nonce=nonce)
        fonts: list[FontUse] = []
        pages = self._pages(transcript.pages, fonts)
        if not _agree(pages, account):
            return {}, Account()
        outcomes: dict[int, Outcome] = {}
        for page in pages:
            index = page.counts[0]
            problem = account.errors.get(index)
            outcomes[index] = (
                RenderFailure("tex-error", problem) if problem else AcceptedPage(page, fonts)
            )
        if account.open is not None:
            outcomes[account.open] = self._blame(transcript, account)
        elif not transcript.lines and (transcript.hung or transcript.status >= 0):
            raise self._useless(transcript)
        return outcomes, account

    def _pages(self, data: bytes, fonts: list[FontUse]) -> list[DviPage]:
        """The pages of a run; none if the file is malformed."""
        try:
            self._font_cache.expect(dvi.font_names(data))
            return dvi.read(data, fonts, self._font_cache.widths)
        except (dvi.DviError, FontMissingError):
            return []

    def _blame(self, transcript: RunOutput, account: Account) -> RenderFailure:
        """The failure of the formula under way when the run broke off."""
        message = account.errors.get(account.open if account.open is not None else -1)
        if transcript.hung:
            seconds = self._settings.timeout
            return RenderFailure("timeout", f"TeX was still busy after {seconds:g} s")
        if message:
            return RenderFailure("tex-error", message)
        return RenderFailure("crash", "TeX ended inside the formula without a message")

    def _useless(self, transcript: RunOutput) -> RendererError:
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
    sizes = [(index, *size) for index, size in account.sizes.items()]
    return [page.counts[:4] for page in pages] == sizes[: len(pages)]
