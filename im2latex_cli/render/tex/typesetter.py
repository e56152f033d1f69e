"""Many formulas through LaTeX, each as if alone: what the marks do not prove runs again.

The document of a batch has one page a formula, and marks that prove which is whose.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from string import Template

from im2latex_cli.errors import RendererError
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.render.tex import dvi
from im2latex_cli.render.tex.dvi import DviPage, FontUse
from im2latex_cli.render.tex.fonts import FontMissingError
from im2latex_cli.render.tex.rasterizer import FontCache
from im2latex_cli.render.tex.sandbox import RunOutput, run_latex
from im2latex_cli.settings.sections import RenderSettings

TAG = "\\imtolatextag"
"""The control word that marks, in a tagged copy, what its number painted."""
_TAG = "i2l "

# Big operators and delimiters keep the size of 10 points at every font size, as in LaTeX without
# amsmath: so they stand in the pictures of im2latex-100k.
_PREAMBLE = Template(r"""\nofiles
\documentclass[${size}pt]{article}
\usepackage{amsmath,amssymb}\usepackage[mathscr]{eucal}
\IfFileExists{cancel.sty}{\usepackage{cancel}}{}
\DeclareFontShape{OMX}{cmex}{m}{n}{<->sfixed*cmex10}{}
\makeatletter
${face}\makeatother
\begin{document}
\makeatletter
\hfuzz\maxdimen \vfuzz\maxdimen \hbadness\@M \vbadness\@M \overfullrule\z@
\errorcontextlines\z@ \tracinglostchars\tw@
\newbox\i@box \newcount\i@group \newcount\i@if
\def\i@mark#1{\immediate\write16{${nonce} #1}}
\def\i@stop{\i@mark{X}\read\m@ne to\i@box}
\def\i@formula#1{\nonstopmode\i@mark{B #1}\message{}\def\i@index{#1}\i@body}
\long\def\i@body#1{\global\c@equation\z@
  \i@group\currentgrouplevel \i@if\currentiflevel
  \setbox\i@box\vbox{\hsize\textwidth \parindent\z@ \parskip\z@ \parfillskip\z@\@plus1fil
    \belowdisplayskip\z@skip \belowdisplayshortskip\z@skip \indent$$$$#1$$$$}%
  \count@\currentgrouplevel \ifnum\i@group=\count@\else\i@stop\fi
  \count@\currentiflevel \ifnum\i@if=\count@\else\i@stop\fi
  \ifvoid\i@box\i@stop\fi
  \count\z@\i@index\relax \count\@ne\wd\i@box \count\tw@\ht\i@box \count\thr@@\dp\i@box
  ${paper}\shipout\box\i@box
  \i@mark{E \i@index\space\the\count\@ne\space\the\count\tw@\space\the\count\thr@@}}
\long\def\i@pass#1#2{\i@mark{S #1}}
\def\i@check#1{\ifcsname#1\endcsname\let\i@next\i@pass\fi}
\def\i@guard#1{\let\i@next\i@formula\@for\i@word:=#1\do{\expandafter\i@check\expandafter{\i@word}}%
  \i@next}
\def\i@size#1#2#3{\fontsize{#1}{#2}\selectfont \textwidth#3\relax}
\def${tag}#1{\special{i2l #1}}
\let${name}F\i@formula \let${name}G\i@guard \let${name}S\i@size \let${name}Z\@@end
\makeatother
""")

_SIZES = {10: ("10", "12", "345pt"), 11: ("10.95", "13.6", "360pt"), 12: ("12", "14.5", "390pt")}
"""Size, leading and line width of the class article at 10, 11 and 12 points."""


@dataclass(frozen=True, slots=True)
class Job:
    """One formula on its way through TeX.

    Attributes:
        index: its number in the batch; unique.
        text: what is typeset; balanced, one line.
        doubtful: control words that may share the document only if LaTeX does not know them
            (they are errors then, and harm no other formula).
        size: font size in points; 0 is the document's.
    """

    index: int
    text: str
    doubtful: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """What the marks of a run say.

    Attributes:
        sizes: index -> width, height and depth of each page in scaled points, in page order.
        errors: index -> TeX's first complaint.
        skipped: formulas that were not typeset because LaTeX knows a doubtful word of theirs.
        open: the formula under way when the run broke off, or None.
    """

    sizes: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    open: int | None = None


def write_document(
    jobs: Iterable[Job], *, size: int, nonce: str, face: str = "", paper: str = ""
) -> str:
    """The whole document; `nonce` (letters only) makes its marks and names unforgeable.

    Args:
        jobs: the formulas.
        size: font size of the document, in points.
        nonce: what begins each mark.
        face: LaTeX that loads a typeface.
        paper: LaTeX that sets the size of each page, for output other than DVI.
    """
    name = f"\\{nonce}"
    head = _PREAMBLE.substitute(size=size, nonce=nonce, name=name, tag=TAG, face=face, paper=paper)
    lines = [head]
    now = size
    for job in jobs:
        if (job.size or size) != now:
            now = job.size or size
            points, leading, width = _SIZES[now]
            lines.append(f"{name}S{{{points}}}{{{leading}}}{{{width}}}\n")
        # A stripped control space leaves a lone backslash at the end: the space mends it.
        call = f"{name}G{{{','.join(job.doubtful)}}}" if job.doubtful else f"{name}F"
        lines.append(f"{call}{{{job.index}}}{{{job.text} }}\n")
    lines.append(f"{name}Z\n")
    return "".join(lines)


def read_log(lines: Sequence[str], *, nonce: str) -> Account:
    """Read the marks of a run and TeX's complaints between them."""
    account = Account()
    current: int | None = None
    stopped = False
    for number, line in enumerate(lines):
        if not line.startswith(nonce):
            problem = _complaint(lines, number)
            if problem and current is not None:
                account.errors.setdefault(current, problem)
            continue
        _, kind, *values = line.split()
        if stopped:
            continue
        if kind == "B":
            current = int(values[0])
        elif kind == "E":
            index, width, height, depth = map(int, values)
            account.sizes[index] = (width, height, depth)
            current = None
        elif kind == "S":
            account.skipped.add(int(values[0]))
        elif kind == "X":
            stopped = True
    return Account(account.sizes, account.errors, account.skipped, current)


_LAST_WORD = re.compile(r"(\\(?:[A-Za-z@]+|[^A-Za-z]))\s*$")


def _complaint(lines: Sequence[str], number: int) -> str | None:
    """TeX's message if this line is one, with the name of what it did not know."""
    line = lines[number]
    if line.startswith("Missing character: "):
        return line
    if not line.startswith("! "):
        return None
    message = line[2:].strip()
    if message == "Undefined control sequence." and number + 1 < len(lines):
        match = _LAST_WORD.search(lines[number + 1])
        if match:
            return f"Undefined control sequence {match.group(1)}."
    return message


def tags(specials: Sequence[tuple[int, str]], characters: int) -> list[int]:
    """The number of the mark before each character of a tagged copy, or -1.

    Args:
        specials: characters before it, and text, of each special of the page.
        characters: how many the page has.
    """
    numbers = [-1] * characters
    marks = [
        (character, int(text[len(_TAG) :])) for character, text in specials if text.startswith(_TAG)
    ]
    for start, number in marks:
        numbers[start:] = [number] * (characters - start)
    return numbers


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
        self, shared: Sequence[Job], isolated: Sequence[Job], *, face: str = ""
    ) -> tuple[dict[int, Outcome], set[int]]:
        """Typeset formulas that may share documents, and others that must not.

        Args:
            shared: those that may.
            isolated: those that must not.
            face: LaTeX that loads the typeface; empty for Computer Modern.

        Returns:
            What became of each formula, by index; and which went alone in the end.

        Raises:
            RendererError: LaTeX cannot typeset even an empty document.
        """
        outcomes: dict[int, Outcome] = {}
        skipped = self._settle(list(shared), outcomes, face)
        isolated_jobs = [*isolated, *skipped]
        for job in isolated_jobs:
            self._settle([Job(job.index, job.text, size=job.size)], outcomes, face)
        return outcomes, {job.index for job in isolated_jobs}

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
            settled = results.keys() | account.skipped
            remaining = [job for job in group if job.index not in settled]
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
        source = write_document(jobs, size=self._settings.font_size, nonce=nonce, face=face)
        transcript = run_latex(self._latex, source, mark=nonce, timeout=self._settings.timeout)
        account = read_log(transcript.lines, nonce=nonce)
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
