"""Which formulas may share a document, which go alone, and which never reach TeX.

Words are harmless if whatever a formula does with them ends with its group, so that it may share a
document. A control word that is neither harmless nor refused is typeset alone if LaTeX knows it; if
not, it is an error that harms no other formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
    named = _ENVIRONMENT.findall(text)
    if len(named) < text.count("\\begin") + text.count("\\end"):
        return True
    return any(name.strip() not in HARMLESS_ENVIRONMENTS for _, name in named)
