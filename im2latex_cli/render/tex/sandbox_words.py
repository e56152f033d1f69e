"""The control words and environments that keep to themselves, and those no formula may use.

Harmless: whatever a formula does with them ends with its group, so it may share a document. A
control word in neither list is typeset alone if LaTeX knows it; if not, it is an error that harms
no other formula.
"""

from __future__ import annotations

from collections.abc import Iterable

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
