r"""LaTeX documents full of formulas, with marks that say where each lands in the DVI file.

A region's ink stands between `\special{i2p N}` and `\special{i2p 0}`. Displays have even numbers,
their equation numbers the next odd ones.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template

from im2latex_cli.latex.tokenizer import join
from im2latex_cli.pages.filler import Prose
from im2latex_cli.pages.layouts import DocumentLayout
from im2latex_cli.pages.regions import RegionKind

FIGURE = 1
"""Number of the regions that are to become drawings; they are no formulas."""
FIRST = 2
LONG = 24
"""Tokens from which a formula may be broken over two lines."""
WIDEST = (".86", ".97")
"""Widest row of a display, as a share of the line."""
LISTING_WIDTH, EXAMPLE_WIDTH = 60, 22
"""Characters of a line of source, and of one beside what it looks like."""
LINE_NUMBERS = 0.05
"""Share of the documents whose lines are numbered in the margin."""
MARK = "i2p "
BACK = "back"
"""A mark with this for a number goes back to the number before the last mark."""

_PREAMBLE = Template(r"""\documentclass[${options}]{${document_class}}
\usepackage{amsmath,amssymb}\usepackage[mathscr]{eucal}${theorems}
${extra}
\makeatletter
${face}\makeatother
\makeatletter
\hfuzz\maxdimen \vfuzz\maxdimen \hbadness\@M \vbadness\@M \overfullrule\z@ \tracinglostchars\tw@
\def\rg#1{\special{i2p #1}}
\def\numberid{0}
\def\maketag@@@#1{\hbox{\m@th\normalfont\rg{\numberid}#1\rg{0}}}
${tags}
\long\def\measured#1#2#3{{\setbox\z@\hbox{$$\displaystyle#1$$}\ifdim\wd\z@#2\linewidth
  \gdef\fits{1}\else\gdef\fits{0}\fi}%
  \if1\fits\expandafter\@firstofone\else\expandafter\@gobble\fi{#3}}
\long\def\fit#1{\measured{#1}{<${widest}}}\long\def\wide#1{\measured{#1}{>.7}}
\def\note#1{\immediate\write16{${nonce} #1}}
\makeatother
${numbers}
\begin{document}
\note{P \number\paperwidth\space\number\paperheight}
""")
_THEOREMS = r"\usepackage{amsthm}\newtheorem{theorem}{Theorem}\newtheorem{lemma}{Lemma}"
_NO_THEOREMS = r"\newtheorem{lemmata}{Lemma}"
_RELATIONS = frozenset(
    r"""= < > \le \leq \ge \geq \sim \simeq \approx \equiv \in \subset \subseteq \to \propto \cong
    \mapsto \neq \ll \gg \rightarrow \Rightarrow \Leftrightarrow :=""".split()  # noqa: SIM905
)
_PLUS = frozenset({"+", "-"})
_OPENING, _CLOSING = ("{", "\\begin{"), ("}", "\\end{")
_ROWS = frozenset({"\\\\", "&"})

_STYLES = (
    *("", "\\itshape ", "\\bfseries ", "\\small ", "\\ttfamily "),
    *("\\scshape ", "\\sffamily ", "\\Large ", "\\LARGE\\bfseries "),
)
"""Of short centred lines."""
_CONNECTORS = ("and", "or", "so that", "where", "hence", "we get", "", "for all such cases.")
"""Short texts between displays."""

Tokens = Sequence[str]


@dataclass(frozen=True, slots=True)
class RegionLabel:
    """What the regions of one number are."""

    kind: RegionKind
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A document before it is typeset.

    Attributes:
        head: the preamble and what begins the document.
        blocks: its parts in order; each may be left out.
        labels: region number -> what it is.
    """

    head: str
    blocks: list[str]
    labels: Mapping[int, RegionLabel]

    def source(self, without: frozenset[int] = frozenset()) -> str:
        """The whole LaTeX source without the blocks of these indices."""
        kept = [
            f"\\note{{B {at}}}\n{block}\n"
            for at, block in enumerate(self.blocks)
            if at not in without
        ]
        return self.head + "".join(kept) + "\\end{document}\n"


@dataclass(slots=True)
class Supply:
    """Formulas to typeset, as tokens of their normal form; drawn with replacement.

    Attributes:
        rng: what chooses.
        short: those that may stand in a line of text.
        rows: those that may be a row of several.
        displays: those that may stand alone.
    """

    rng: random.Random
    short: list[Tokens] = field(default_factory=list)
    rows: list[Tokens] = field(default_factory=list)
    displays: list[Tokens] = field(default_factory=list)

    @classmethod
    def of(cls, formulas: Sequence[Tokens], rng: random.Random) -> Supply:
        """Sort formulas by what they are good for."""
        supply = cls(rng)
        for tokens in formulas:
            whole = not _ROWS & set(tokens)
            if len(tokens) <= 24 and whole:
                supply.short.append(tokens)
            if 4 <= len(tokens) <= 60 and whole and _split(tokens, _RELATIONS):
                supply.rows.append(tokens)
            if len(tokens) >= 8:
                supply.displays.append(tokens)
        supply.short = supply.short or [["x"]]
        supply.rows = supply.rows or [["x", "=", "y"]]
        supply.displays = supply.displays or supply.rows
        return supply


def _split(tokens: Tokens, marks: frozenset[str], *, after: int = 0) -> int:
    """Index of the first of `marks` outside all braces and fences, past index `after`; or 0."""
    depth = 0
    for at, token in enumerate(tokens):
        if token.startswith(_OPENING) or _fence(token, "\\left"):
            depth += 1
        elif token.startswith(_CLOSING) or _fence(token, "\\right"):
            depth -= 1
        elif not depth and at > after and token in marks:
            return at
    return 0


def _fence(token: str, word: str) -> bool:
    return token.startswith(word) and not token[len(word) : len(word) + 1].isalpha()


class Composer:
    """Writes one document.

    Args:
        rng: what chooses.
        supply: the formulas.
        layout: the document class and its habits.
        nonce: begins each mark that LaTeX writes to its log.
        face: LaTeX that loads a typeface.
        plain: the document has no formulas at all.
    """

    def __init__(
        self,
        rng: random.Random,
        supply: Supply,
        layout: DocumentLayout,
        *,
        nonce: str,
        face: str = "",
        plain: bool = False,
    ) -> None:
        self._rng = rng
        self._supply = supply
        self._layout = layout
        self._prose = Prose(rng, foreign=rng.choice((0.0, 0.02, 0.3)))
        self._plain = plain
        self._density = rng.choice((0.0, 0.3, 0.7, 1.2, 3.0, 5.0))
        self._displays = rng.choice((1, 3, 6))
        self._labels: dict[int, RegionLabel] = {}
        self._head = self._preamble(nonce, face)

    def document(self, blocks: int) -> Document:
        """A document of so many blocks of content."""
        if self._layout.slides:
            parts = [self._frame() for _ in range(max(1, blocks // 3))]
        else:
            parts = [self._title(), *(self._block() for _ in range(blocks))]
        return Document(self._head, parts, self._labels)

    def _preamble(self, nonce: str, face: str) -> str:
        rng, layout = self._rng, self._layout
        brackets = r"\def\tagform@#1{\maketag@@@{[\ignorespaces#1\unskip\@@italiccorr]}}"
        within = "chapter" if layout.chapters else "section"
        shared = rng.random() < 0.5 and not layout.slides
        return _PREAMBLE.substitute(
            document_class=layout.document_class,
            options=rng.choice(layout.options),
            extra=rng.choice(layout.preambles) + self._line_numbers(),
            theorems=_NO_THEOREMS if layout.slides else _THEOREMS,
            face="" if layout.slides else face,
            tags=brackets if rng.random() < 0.06 else "",
            numbers=f"\\numberwithin{{equation}}{{{within}}}" if shared else "",
            nonce=nonce,
            widest=rng.choice(WIDEST),
        ) + (f"\\setcounter{{equation}}{{{rng.randint(0, 120)}}}\n" if rng.random() < 0.5 else "")

    def _line_numbers(self) -> str:
        if self._layout.slides or self._rng.random() >= LINE_NUMBERS:
            return ""
        return r"\IfFileExists{lineno.sty}{\usepackage{lineno}\AtBeginDocument{\linenumbers}}{}"

    # Blocks

    def _block(self) -> str:
        rng = self._rng
        kinds: dict[Callable[[], str], float] = {
            self._text: 9,
            self._derivation: 0 if self._plain else 3 * self._displays,
            self._heading: 1.6,
            self._list: 1,
            self._theorem: 1,
            self._table: 0.7,
            self._figure: 0.6,
            self._code: 0.5,
            self._algorithm: 0.3,
            self._example: 0.4,
            self._centred: 0.4,
            self._references: 0.2,
        }
        return rng.choices(list(kinds), list(kinds.values()))[0]()

    def _frame(self) -> str:
        rng = self._rng
        kinds: dict[Callable[[], str], float] = {
            self._bullets: 3,
            self._short_text: 3,
            self._displayed: 0 if self._plain else 5,
            self._table: 0.5,
            self._figure_alone: 0.5,
        }
        parts = rng.choices(list(kinds), list(kinds.values()), k=rng.randint(1, 4))
        body = "\n".join(part() for part in parts)
        return f"\\begin{{frame}}{{{self._prose.title()}}}\n{body}\n\\end{{frame}}"

    def _title(self) -> str:
        rng, prose = self._rng, self._prose
        if rng.random() < 0.4:
            return self._heading()
        authors = ", ".join(prose.name() for _ in range(rng.randint(1, 3)))
        made = f"\\title{{{prose.title()}}}\\author{{{authors}}}\\date{{\\today}}\\maketitle\n"
        if self._layout.chapters or rng.random() < 0.3:
            return made
        return f"{made}\\begin{{abstract}}{self._sentences(2, 5)}\\end{{abstract}}"

    def _heading(self) -> str:
        rng = self._rng
        levels = ["section", "section", "subsection", "subsubsection", "paragraph"]
        if self._layout.chapters:
            levels.append("chapter")
        level = rng.choice(levels)
        star = "*" if rng.random() < 0.15 and level != "chapter" else ""
        return f"\\{level}{star}{{{self._prose.title()}}}\n{self._text()}"

    def _derivation(self) -> str:
        """Text that displays interrupt, as in most papers."""
        rng = self._rng
        parts = [self._sentences(1, 3)]
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            kinds = (lambda: rng.choice(_CONNECTORS), self._clause, lambda: self._sentences(1, 2))
            parts += [self._displayed(), rng.choices(kinds, (3, 3, 4))[0]()]
        return "\n".join(parts) + "\n\n"

    def _clause(self) -> str:
        """A short line of words and formulas between displays."""
        rng, prose = self._rng, self._prose
        parts = [prose.word().capitalize()]
        for _ in range(rng.randint(1, 4)):
            parts += [self._inline(), *prose.words(rng.randint(0, 3))]
        return " ".join(parts) + rng.choice(("", ",", ".", ":", "\n\n"))

    def _text(self) -> str:
        text = self._sentences(1, 6)
        if self._rng.random() < 0.08:
            text += f"\\footnote{{{self._sentences(1, 2)}}}"
        return text + ("\n\n" if self._rng.random() < 0.8 else "\n")

    def _short_text(self) -> str:
        return self._sentences(1, 1) + "\n\n"

    def _sentences(self, least: int, most: int) -> str:
        rng = self._rng
        said = []
        for _ in range(rng.randint(least, most)):
            count = 0 if self._plain else min(8, int(rng.expovariate(1 / (self._density + 1e-9))))
            said.append(self._prose.sentence([self._inline() for _ in range(count)]))
        return " ".join(said)

    def _list(self) -> str:
        rng = self._rng
        kind = rng.choice(("itemize", "enumerate", "enumerate", "description"))
        items = []
        for _ in range(rng.randint(2, 6)):
            label = f"[{self._prose.word()}]" if kind == "description" else ""
            display = self._displayed() if not self._plain and rng.random() < 0.12 else ""
            items.append(f"\\item{label} {self._sentences(1, 2)}{display}")
        return f"\\begin{{{kind}}}{' '.join(items)}\\end{{{kind}}}"

    def _bullets(self) -> str:
        items = " ".join(f"\\item {self._sentences(1, 1)}" for _ in range(self._rng.randint(1, 4)))
        return f"\\begin{{itemize}}{items}\\end{{itemize}}"

    def _theorem(self) -> str:
        rng = self._rng
        kind = rng.choice(("theorem", "lemma", "proof"))
        display = "" if self._plain or rng.random() < 0.4 else self._displayed()
        if display and kind == "proof" and not self._layout.slides and rng.random() < 0.4:
            return f"\\begin{{proof}}{self._sentences(1, 2)}{self._proven()}\\end{{proof}}"
        more = self._sentences(1, 2) if rng.random() < 0.6 else ""
        return f"\\begin{{{kind}}}{self._sentences(1, 2)}{display}{more}\\end{{{kind}}}"

    def _table(self) -> str:
        rng = self._rng
        columns, rows = rng.randint(2, 5), rng.randint(2, 8)
        bar = rng.choice(("", "|"))
        formulas = rng.choice((0.15, 0.15, 0.8))
        lines = []
        for row in range(rows):
            cells = [self._cell(formulas, heading=row == 0) for _ in range(columns)]
            lines.append(" & ".join(cells) + r"\\" + ("\\hline" if row in {0, rows - 1} else ""))
        body = f"\\begin{{tabular}}{{{bar + bar.join('lcr'[i % 3] for i in range(columns)) + bar}}}"
        table = f"{body}\\hline {' '.join(lines)}\\end{{tabular}}"
        if self._layout.slides or rng.random() < 0.3:
            return f"\\begin{{center}}{table}\\end{{center}}"
        caption = f"\\caption{{{self._prose.title()}}}"
        place = rng.choice(("ht", "t", "b"))
        return f"\\begin{{table}}[{place}]\\centering {table}{caption}\\end{{table}}"

    def _cell(self, formulas: float, *, heading: bool) -> str:
        rng = self._rng
        if not heading and not self._plain and rng.random() < formulas:
            return self._inline()
        if heading or rng.random() < 0.3:
            return self._prose.word()
        return rng.choice((f"{rng.random():.2f}", f"{rng.randint(1, 9999)}", "--", "yes"))

    def _figure(self) -> str:
        caption = f"\\caption{{{self._sentences(1, 2)}}}"
        place = self._rng.choice(("ht", "t", "b"))
        return f"\\begin{{figure}}[{place}]\\centering {self._drawing()}{caption}\\end{{figure}}"

    def _figure_alone(self) -> str:
        return f"\\begin{{center}}{self._drawing()}\\end{{center}}"

    def _drawing(self) -> str:
        rng = self._rng
        width = rng.uniform(0.3, 0.95)
        height = rng.uniform(0.12, 0.4) if self._layout.slides else rng.uniform(0.2, 0.7)
        return (
            f"\\rg{{{FIGURE}}}\\rule{{{width:.2f}\\linewidth}}{{{height:.2f}\\linewidth}}\\rg{{0}}"
        )

    def _code(self) -> str:
        lines = self._latex_lines() if self._rng.random() < 0.4 else self._program_lines()
        size = self._rng.choice(("", "\\small", "\\footnotesize"))
        return f"{{{size}\n\\begin{{verbatim}}\n" + "\n".join(lines) + "\n\\end{verbatim}\n}"

    def _program_lines(self) -> list[str]:
        rng, prose = self._rng, self._prose
        lines, depth = [], 0
        for _ in range(rng.randint(2, 12)):
            depth = max(0, depth + rng.choice((-1, 0, 0, 1)))
            name, other = prose.word(), prose.word()
            line = rng.choice(
                (
                    f"{name} = {other}({rng.randint(0, 99)})",
                    f"for {name} in {other}:",
                    f"if {name} < {rng.randint(0, 9)} and {other} != 0:",
                    f"return {name} + {other}[i]",
                    f"# {name} {other}",
                    f"$ {name} --{other} {rng.randint(1, 9)}",
                )
            )
            lines.append("  " * depth + line)
        return lines

    def _latex_lines(self, width: int = LISTING_WIDTH) -> list[str]:
        """Source of displays, as in manuals."""
        rng, prose = self._rng, self._prose
        environment = rng.choice(("align", "equation", "gather*", "multline"))
        supply = rng.choice((self._supply.short, self._supply.short, self._supply.displays))
        rows = [join(rng.choice(supply)) + "\\\\" for _ in range(rng.randint(1, 4))]
        made = [f"\\begin{{{environment}}}", *rows, f"\\end{{{environment}}}"]
        defined = f"\\newcommand{{\\{prose.word()}}}[{rng.randint(1, 3)}]{{{prose.word()} #1}}"
        lines = rng.choice((made, [f"\\usepackage{{{prose.word()}}}", defined], [defined, *made]))
        return [part for line in lines for part in textwrap.wrap(line, width)]

    def _algorithm(self) -> str:
        """Lines of pseudocode with formulas in them."""
        rng, prose = self._rng, self._prose
        lines, depth = [], 0
        for at in range(rng.randint(3, 10)):
            depth = max(0, depth + rng.choice((-1, 0, 0, 1)))
            formula = prose.word() if self._plain else self._inline()
            word = rng.choice(("for", "if", "while", "return", "repeat", "let", "until", ""))
            more = " ".join(prose.words(rng.randint(0, 3)))
            number = f"{at + 1}: " if rng.random() < 0.5 else ""
            lines.append(
                f"{number}\\hspace*{{{1.5 * depth}em}}\\textbf{{{word}}} {formula} {more}\\par"
            )
        return "{\\parindent0pt\\par\\smallskip\n" + "\n".join(lines) + "\n\\smallskip}"

    def _example(self) -> str:
        """Source and what it looks like, side by side, as in manuals."""
        lines = "\n".join(self._latex_lines(EXAMPLE_WIDTH))
        code = f"{{\\footnotesize\n\\begin{{verbatim}}\n{lines}\n\\end{{verbatim}}\n}}"
        shown = self._short_text() if self._plain else self._displayed()
        width = self._rng.choice((0.4, 0.5, 0.6))
        parts = [
            f"\\begin{{minipage}}{{{share:.2f}\\linewidth}}\n{part}\\end{{minipage}}"
            for share, part in ((width, code), (0.96 - width, shown))
        ]
        if self._rng.random() < 0.3:
            parts.reverse()
        return "\\par\\noindent" + "\\hfill".join(parts) + "\n\n"

    def _centred(self) -> str:
        style = self._rng.choice(_STYLES)
        lines = "\\\\".join(
            " ".join(self._prose.words(self._rng.randint(1, 7)))
            for _ in range(self._rng.randint(1, 4))
        )
        kind = self._rng.choice(("center", "center", "quote", "verse"))
        return f"\\begin{{{kind}}}{style}{lines}\\end{{{kind}}}"

    def _references(self) -> str:
        rng, prose = self._rng, self._prose
        items = " ".join(
            f"\\bibitem{{k{at}}} {prose.name()}, \\emph{{{prose.title()}}}, {rng.randint(1, 90)}"
            f" ({rng.randint(1950, 2025)}), {rng.randint(1, 400)}--{rng.randint(401, 900)}."
            for at in range(rng.randint(3, 12))
        )
        return f"\\begin{{thebibliography}}{{99}}{items}\\end{{thebibliography}}"

    # Formulas

    def _new(self, kind: RegionKind, formula: str = "") -> int:
        number = max(FIRST, *(key + 1 for key in self._labels), FIRST) if self._labels else FIRST
        number += number % 2
        self._labels[number] = RegionLabel(kind, formula)
        if kind is RegionKind.DISPLAY:
            self._labels[number + 1] = RegionLabel(RegionKind.NUMBER)
        return number

    def _inline(self) -> str:
        formula = join(self._rng.choice(self._supply.short))
        return f"\\({_marked(self._new(RegionKind.INLINE, formula), formula)}\\)"

    def _displayed(self) -> str:
        """A display, perhaps with an equation number, as one of LaTeX's environments."""
        rng = self._rng
        kinds = (self._single, self._aligned, self._gathered, self._broken)
        return rng.choices(kinds, (7, 3, 1, 1))[0]()

    def _single(self) -> str:
        rng = self._rng
        tokens = rng.choice(self._supply.displays if rng.random() < 0.7 else self._supply.rows)
        formula = self._ended(self._with_more(join(tokens)))
        number = self._new(RegionKind.DISPLAY, formula)
        inner = _marked(number, formula)
        kind = rng.choice(("plain", "plain", "equation", "equation", "equation*", "tag"))
        if kind == "plain":
            made = f"\\[{inner}\\]"
        elif kind == "tag":
            tag = rng.choice(("A.1", "$*$", "2.3a", "1$'$", f"{rng.randint(1, 30)}", "I"))
            made = f"\\begin{{equation}}{inner}\\tag{{{tag}}}\\end{{equation}}"
        else:
            made = f"\\begin{{{kind}}}{inner}\\end{{{kind}}}"
        return self._fitted([formula], number, made)

    def _with_more(self, formula: str) -> str:
        """Often the formula alone, else with words or another one beside it in the same display."""
        rng, prose = self._rng, self._prose
        if rng.random() < 0.8:
            return formula
        short = join(rng.choice(self._supply.short))
        words = " ".join(prose.words(rng.randint(1, 3)))
        space = rng.choice(("\\quad", "\\qquad"))
        count = rng.choice("kmnN")
        return rng.choice(
            (
                f"{formula},{space} {rng.choice('ijk')}=1,\\ldots,{count}",
                f"{formula},{space} {short}",
                f"{formula}{space}\\text{{{words} }}{short}",
                f"{formula}{space}\\text{{{words}}}",
                f"{short}{space}\\text{{{words}}}{space} {formula}",
            )
        )

    def _proven(self) -> str:
        """A display with the end of a proof beside it."""
        formula = self._ended(join(self._rng.choice(self._supply.rows)))
        number = self._new(RegionKind.DISPLAY, formula)
        return self._fitted([formula], number, f"\\[{_marked(number, formula)}\\qedhere\\]")

    def _row_end(self) -> str:
        """The end of all rows of a display, some with more white."""
        return self._rng.choice(("\\\\", "\\\\", "\\\\", "\\\\[1ex]"))

    def _aligned(self) -> str:
        rng = self._rng
        rows = [rng.choice(self._supply.rows) for _ in range(rng.randint(2, 5))]
        number = self._new(RegionKind.DISPLAY)
        lines: list[str] = []
        for row in rows:
            at = _split(row, _RELATIONS)
            left = "" if lines and rng.random() < 0.5 else _marked(number, join(row[:at]))
            right = _marked(number, f"{row[at]} {join(row[at + 1 :])}")
            lines.append(f"{left}&{right}")
        star = rng.choice(("*", "*", ""))
        quiet = "" if star else rng.choice(("", "\\nonumber", "\\nonumber"))
        body = f"{quiet}{self._row_end()}".join(lines)
        if rng.random() < 0.25 and not star:
            made = f"\\begin{{equation}}\\begin{{split}}{body}\\end{{split}}\\end{{equation}}"
            made = made.replace("\\nonumber", "")
        else:
            made = f"\\begin{{align{star}}}{body}\\end{{align{star}}}"
        return self._fitted([join(row) for row in rows], number, made)

    def _gathered(self) -> str:
        rng = self._rng
        rows = [join(rng.choice(self._supply.rows)) for _ in range(rng.randint(2, 4))]
        number = self._new(RegionKind.DISPLAY)
        star = rng.choice(("*", ""))
        body = self._row_end().join(_marked(number, row) for row in rows)
        return self._fitted(rows, number, f"\\begin{{gather{star}}}{body}\\end{{gather{star}}}")

    def _broken(self) -> str:
        """A formula over two lines, as authors do with those that are wide."""
        rng = self._rng
        long = [row for row in self._supply.rows if len(row) >= LONG]
        if not long:
            return self._single()
        row = rng.choice(long)
        at = _split(row, _PLUS | _RELATIONS, after=len(row) // 3) or _split(row, _RELATIONS)
        parts = [join(row[:at]), f"{row[at]} {join(row[at + 1 :])}"]
        number = self._new(RegionKind.DISPLAY, join(row))
        star = rng.choice(("*", ""))
        body = "\\\\".join(_marked(number, part) for part in parts)
        made = f"\\begin{{multline{star}}}{body}\\end{{multline{star}}}"
        made = f"\\wide{{{join(row)}}}{{{made}}}"
        return self._fitted([f"{part}\\qquad" for part in parts], number, made)

    def _ended(self, formula: str) -> str:
        if formula[-1:] in {",", ".", ";"}:
            return formula
        return formula + self._rng.choice(("", "", ",", "."))

    def _fitted(self, rows: Sequence[str], number: int, made: str) -> str:
        """Typeset it only if every row fits into the line."""
        for row in rows:
            made = f"\\fit{{{row}}}{{{made}}}"
        return f"\\gdef\\numberid{{{number + 1}}}{made}\n"


def _marked(number: int, formula: str) -> str:
    return f"\\rg{{{number}}}{formula}\\rg{{0}}"


def owners(specials: Sequence[tuple[int, str]], counts: Sequence[int], total: int) -> list[int]:
    """For each of `total` characters or rules the number of the region it belongs to, or 0.

    Args:
        specials: the specials of a page; only those of this module count.
        counts: characters or rules painted before each special.
        total: how many there are.
    """
    owned = [0] * total
    for start, number in _marks(specials, counts):
        owned[start:] = [number] * (total - start)
    return owned


def _marks(specials: Sequence[tuple[int, str]], counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    number = before = 0
    for (_, text), count in zip(specials, counts, strict=True):
        if text.startswith(MARK):
            value = text[len(MARK) :]
            number, before = before if value == BACK else int(value), number
            yield count, number
