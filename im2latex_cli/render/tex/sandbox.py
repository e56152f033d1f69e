"""Which formulas TeX may see, and one LaTeX run in a cage.

Words are harmless if whatever a formula does with them ends with its group, so that it may share a
document. A control word that is neither harmless nor refused is typeset alone if LaTeX knows it; if
not, it is an error that harms no other formula. A run has no shell, no files outside its folder,
bounded memory, and is watched.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from im2latex_cli.errors import RendererError
from im2latex_cli.latex.commands import (
    COMMANDS,
    DELIMITERS,
    ENVIRONMENTS,
    TEXT_SYMBOLS,
    TEXT_WORDS,
)

_OTHER_WORDS = """
above allowbreak arraystretch atop atopwithdelims b Bbb begin bf bfseries bigskip bm bold
boldmath brace braceld bracelu bracerd braceru brack buildrel c cal choose circle clap cline
color cr crcr d dabar dasharrow displaylimits Doteq dotsb dotsc dotsi dotsm dotso doublecap
doublecup downbracefill em end ensuremath footnotesize frak framebox ge genfrac gets gggtr H
hbox hdotsfor hfil hfill hskip hspace hss Huge huge intertext intop it itshape joinrel k kern
label land LARGE Large large le left leftarrowfill lefteqn lhook line llap llless lnot lor lower
makebox mapstochar mathchoice mathdollar mathds mathellipsis mathllap mathpalette mathparagraph
mathrlap mathsection mathsterling mathunderscore mdseries medskip medspace middle mit mkern
mskip mspace multicolumn ne negthinspace noalign nobreak nobreakspace nonumber normalfont
normalsize notag null ointop operatornamewithlimits oval over overwithdelims owns parbox protect
put r raise raisebox relax Relbar relbar restriction rhook right rightarrow rightarrowfill rlap
rlh rm rmfamily root rule sb sc scriptsize scshape sf sffamily shortstack skew sl slshape small
smallskip sp sqrtsign t tag textasciicircum textbullet textcolor textdegree textperiodcentered
textsubscript textsuperscript textunderscore thickspace thinspace tiny tt ttfamily u unboldmath
unskip upbracefill upshape v varbigtriangledown varbigtriangleup vartriangle vbox vcenter vector
vfill vline vskip vspace vtop
"""
"""What the normal form does not have: old switches, synonyms, boxes, lengths."""

_OTHER_ENVIRONMENTS = """
center minipage picture split tabular
"""

_REFUSED_WORDS = """
batchmode closein closeout directlua documentclass dump enddocument endinput errorstopmode
IfFileExists include includeonly input InputIfFileExists latelua LoadClass makeatletter newread
newwrite openin openout pdffiledump pdfliteral pdfobj pdfshellescape primitive read readline
RequirePackage scrollmode ShellEscape shipout special stop typein usepackage write
"""
"""Files, output, the end of the document: never what a formula means."""


def _words(*tables: Iterable[str]) -> frozenset[str]:
    """The control words of the tables, without their backslashes."""
    names = (name for table in tables for name in table)
    return frozenset(name[1:] for name in names if name[0] == "\\" and name[1:].isalpha())


HARMLESS_WORDS = _words(COMMANDS, TEXT_WORDS, TEXT_SYMBOLS, DELIMITERS) | frozenset(
    _OTHER_WORDS.split()
)
HARMLESS_ENVIRONMENTS = frozenset(ENVIRONMENTS) | frozenset(_OTHER_ENVIRONMENTS.split())
REFUSED_WORDS = frozenset(_REFUSED_WORDS.split())


@dataclass(frozen=True, slots=True)
class Screening:
    """How a formula may be typeset.

    Attributes:
        lane: shared with others, alone in a process of its own, or not at all.
        text: one line for TeX, comments removed.
        doubtful: control words that LaTeX must not know if it is to share a document.
        problem: why it is refused.
    """

    lane: Literal["shared", "alone", "refused"]
    text: str
    doubtful: tuple[str, ...] = ()
    problem: str = ""


_WORD = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*\n?")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_MARK = re.compile(r"\\.|[{}$]")
_TEXT_ENVIRONMENT = re.compile(r"\\begin\s*\{(?:tabular|minipage|center)")
_LONGEST = 20_000


def screen(formula: str) -> Screening:
    """Decide how a formula may be typeset; says nothing of whether it is right."""
    text = _COMMENT.sub(r"\1", formula) if "%" in formula else formula
    text = " ".join(text.split())
    problem = _refusal(formula, text)
    if problem:
        return Screening("refused", text, (), problem)
    words = {word for word in _WORD.findall(text) if len(word) > 1 or word.isalpha()}
    unknown = tuple(sorted(words - HARMLESS_WORDS))
    if REFUSED_WORDS.intersection(unknown):
        word = next(word for word in unknown if word in REFUSED_WORDS)
        return Screening("refused", text, (), f"\\{word} is not allowed in a formula")
    if "^^" in text or _strange_environment(text):
        return Screening("alone", text)
    if any(word.startswith("if") or word in {"fi", "else", "or"} for word in unknown):
        return Screening("alone", text)
    return Screening("shared", text, unknown)


def _refusal(formula: str, text: str) -> str:
    """Why TeX must not see this at all, or an empty string."""
    match = _CONTROL.search(formula)
    if match:
        return f"the formula contains the control character U+{ord(match.group()):04X}"
    if len(text) > _LONGEST:
        return f"the formula has {len(text):,} characters; {_LONGEST:,} are allowed"
    return _unbalanced(text)


def _unbalanced(text: str) -> str:
    """Braces decide where TeX's macro argument ends, so they must balance before TeX looks.

    A dollar outside all braces would end the display and leave a picture of something else.
    """
    depth = 0
    for mark in _MARK.findall(text):
        depth += (mark == "{") - (mark == "}")
        if depth < 0:
            return "unbalanced braces: a } closes nothing"
        if mark == "$" and not depth and not _TEXT_ENVIRONMENT.search(text):
            return "a dollar sign outside text: the formula is in display math already"
    return "unbalanced braces: a { is never closed" if depth else ""


def _strange_environment(text: str) -> bool:
    """Whether an environment is used that might not keep to itself."""
    environments = _ENVIRONMENT.findall(text)
    if len(environments) < text.count("\\begin") + text.count("\\end"):
        return True
    return any(name.strip() not in HARMLESS_ENVIRONMENTS for _, name in environments)


# No core; seconds of CPU; blocks of 512 bytes a file; KiB of memory (macOS knows no such limit).
_CAGE = """
ulimit -c 0; ulimit -t "$1"; ulimit -f 262144; ulimit -v 1048576 2>/dev/null
export openin_any=p openout_any=p MKTEXTFM=0 MKTEXPK=0 MKTEXMF=0 max_print_line=10000 LC_ALL=C
exec "$0" -no-shell-escape -interaction=nonstopmode batch.tex
"""
_LINES_PER_MARK = 40


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run left.

    Attributes:
        lines: from the first mark on, marks and TeX's messages after each (shortened).
        pages: the DVI or PDF file; incomplete if the run was killed.
        hung: the watchdog killed the run.
        status: exit status; negative if a signal ended the run.
    """

    lines: tuple[str, ...]
    pages: bytes
    hung: bool
    status: int


def run_latex(
    program: str, source: str, *, mark: str, timeout: float, output: str = "batch.dvi"
) -> RunOutput:
    """Run LaTeX once over `source`.

    Args:
        program: path of `latex` or `pdflatex`.
        source: the whole document.
        mark: text that begins each line by which the document reports its progress.
        timeout: seconds without a new mark after which the run is killed.
        output: name of the file that the program writes its pages to.
    """
    with tempfile.TemporaryDirectory(prefix="im2latex-") as name:
        folder = Path(name)
        (folder / "batch.tex").write_text(source, encoding="utf-8", newline="\n")
        with _start(program, folder, timeout) as process:
            lines, hung = _listen(process, mark.encode(), timeout)
        path = folder / output
        pages = path.read_bytes() if path.is_file() else b""
    return RunOutput(tuple(lines), pages, hung, process.returncode)


@contextmanager
def _start(program: str, folder: Path, timeout: float) -> Iterator[subprocess.Popen[bytes]]:
    """Start TeX in its own process group, and leave nothing of the group behind."""
    if sys.platform == "win32":  # no POSIX shell, process groups or select on pipes
        raise RendererError(
            "LaTeX cannot be confined on Windows.", hint="Set `render.renderer` to embedded."
        )
    process = subprocess.Popen(
        ["/bin/sh", "-c", _CAGE, program, str(int(60 + 10 * timeout))],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _listen(
    process: subprocess.Popen[bytes], mark: bytes, timeout: float
) -> tuple[list[str], bool]:
    """Collect marks and the first lines after each until TeX ends or stays silent too long."""
    if process.stdout is None:
        raise AssertionError
    pipe = process.stdout.fileno()
    lines: list[str] = []
    since_mark, rest = _LINES_PER_MARK, b""
    deadline = time.monotonic() + timeout + 60  # the first mark waits for a cold disk
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return lines, True
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return lines, not _ends_in_time(process, timeout)
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[-(1 << 16) :]
        for line in whole:
            if line.startswith(mark):
                since_mark = 0
                deadline = time.monotonic() + timeout
            elif since_mark >= _LINES_PER_MARK or not line:
                continue
            since_mark += 1
            lines.append(line[:400].decode("utf-8", "replace"))
        if time.monotonic() > deadline:
            return lines, True


def _ends_in_time(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process ends in time after closing its output."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
