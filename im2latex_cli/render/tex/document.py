"""The LaTeX document of a batch: one page a formula, and marks that prove which is whose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from string import Template

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


def write(jobs: Iterable[Job], *, size: int, nonce: str, face: str = "", paper: str = "") -> str:
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


def read(lines: Sequence[str], *, nonce: str) -> Account:
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
    marks = [(at, int(text[len(_TAG) :])) for at, text in specials if text.startswith(_TAG)]
    for start, number in marks:
        numbers[start:] = [number] * (characters - start)
    return numbers
