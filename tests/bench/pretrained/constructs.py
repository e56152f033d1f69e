"""Formulas around constructs that real lists hardly have: ruled arrays, determinants, substacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from short import Short

MATRICES = ["pmatrix", "bmatrix", "vmatrix", "Vmatrix", "matrix", "Bmatrix", "smallmatrix"]
ARROWS = [r"\xrightarrow", r"\xleftarrow", r"\xrightarrow", r"\overset", r"\underset", r"\stackrel"]
RELATIONS = [
    r"\lesssim",
    r"\gtrsim",
    r"\lessapprox",
    r"\gtrapprox",
    r"\leqslant",
    r"\geqslant",
    r"\nleq",
    r"\ngeq",
    r"\subsetneq",
    r"\supsetneq",
    r"\nsubseteq",
    r"\triangleq",
    r"\vdash",
    r"\models",
    r"\Vdash",
    r"\asymp",
    r"\succeq",
    r"\preceq",
    r"\succ",
    r"\prec",
    r"\bowtie",
    r"\rightleftharpoons",
    r"\rightharpoonup",
    r"\leadsto",
    r"\twoheadrightarrow",
    r"\hookrightarrow",
    r"\longmapsto",
    r"\Longrightarrow",
    r"\iff",
    r"\nmid",
    r"\nparallel",
    r"\sqsubseteq",
    r"\trianglelefteq",
    r"\circeq",
    r"\eqsim",
    r"\gg",
    r"\ll",
    r"\ggg",
    r"\lll",
    r"\rightrightarrows",
    r"\leftrightharpoons",
    r"\rightarrowtail",
    r"\curvearrowright",
    r"\dashrightarrow",
    r"\upharpoonright",
    r"\because",
    r"\therefore",
]
INTEGRALS = [r"\iint", r"\iiint", r"\oint", r"\iiiint", r"\idotsint", r"\int", r"\iint", r"\iiint"]
TEXTS = [
    "if",
    "if",
    "if",
    "for",
    "otherwise",
    "else",
    "and",
    "or",
    "where",
    "when",
    "with",
    "such_that",
    "for_all",
    "if_and_only_if",
    "subject_to",
    "n_times",
    "k_factors",
    "terms",
    "definition",
    "by_induction",
    "since",
]

BREAK = r" \\ "

Rule = Callable[["Constructs"], str]


class Constructs(Short):
    """Draws formulas whose slots hold real pieces.

    Args:
        random: where all chance comes from.
        symbols: LaTeX symbols without arguments, with their weights.
        pieces: real formulas of at most a dozen tokens, without `&` and line breaks.
        longer: real formulas of up to three dozen tokens, also on one line.
    """

    def __init__(
        self,
        random: Random,
        symbols: dict[str, float],
        pieces: Sequence[str],
        longer: Sequence[str],
    ) -> None:
        super().__init__(random, symbols)
        self._pieces, self._longer = pieces, longer

    def draw_construct(self) -> str:
        """One formula around a construct, in half of the cases with more beside it."""
        formula = self.random.choice(CONSTRUCTS)(self)
        kind = self.random.random()
        if kind < 0.2:
            return f"{self.piece()}={formula}"
        if kind < 0.3:
            return f"{formula}={self.piece()}"
        if kind < 0.38:
            return f"{formula}{self.pick([',', '.', ''])}"
        if kind < 0.45:
            return f"{self.long()}={formula}"
        return formula

    def piece(self) -> str:
        """A real formula or something short."""
        return self.pick(self._pieces) if self.random.random() < 0.6 else self.atom()

    def long(self) -> str:
        """A longer real formula on one line."""
        return self.pick(self._longer)

    def entry(self) -> str:
        """What stands in a matrix."""
        kind = self.random.random()
        if kind < 0.35:
            return self.pick(["0", "1", "0", "1", "-1", "2", "3", "a", "b", "c", "d", "x", "y"])
        if kind < 0.5:
            return self.number()
        if kind < 0.58:
            return self.pick([r"\cdots", r"\vdots", r"\ddots", "*", r"\ldots", ""])
        if kind < 0.7:
            return f"{self.pick('axbmk')}_{{{self.random.randint(1, 4)}{self.pick('123n')}}}"
        return self.atom() if kind < 0.9 else self.piece()

    def rows(self, count: int, columns: int, entry: Callable[[], str] | None = None) -> list[str]:
        """Rows of a matrix, without the line breaks."""
        entry = entry or self.entry
        return [" & ".join(entry() for _ in range(columns)) for _ in range(count)]

    def text(self) -> str:
        """Words inside a formula."""
        return rf"\text{{{self.pick(TEXTS).replace('_', ' ')}}}"


def _matrix(c: Constructs) -> str:
    name = c.pick(MATRICES)
    rows, columns = c.random.randint(1, 4), c.random.randint(1, 5)
    if name in ("vmatrix", "Vmatrix"):
        columns = rows = max(rows, 2)
    body = BREAK.join(c.rows(rows, columns))
    return rf"\begin{{{name}}}{body}\end{{{name}}}"


def _determinant(c: Constructs) -> str:
    n, name = c.random.randint(2, 4), c.pick(["vmatrix", "vmatrix", "Vmatrix"])
    body = BREAK.join(c.rows(n, n))
    before = c.pick(["", "", r"\det A=", "D=", r"\Delta=", "J=", "W=", r"\frac{1}{2}"])
    return rf"{before}\begin{{{name}}}{body}\end{{{name}}}"


def _augmented(c: Constructs) -> str:
    rows, columns = c.random.randint(2, 4), c.random.randint(2, 4)
    cut = c.random.choice([columns, columns, c.random.randint(1, columns)])
    align = c.pick("cccr")
    spec = align * cut + "|" + align * max(1, columns + 1 - cut)
    left, right = c.random.choice([("(", ")"), ("[", "]"), ("[", "]")])
    body = BREAK.join(c.rows(rows, len(spec) - 1))
    return rf"\left{left}\begin{{array}}{{{spec}}}{body}\end{{array}}\right{right}"


def _ruled(c: Constructs) -> str:
    columns, rows = c.random.randint(2, 5), c.random.randint(2, 5)
    boxed, kind = c.random.random() < 0.5, c.random.random()
    if kind < 0.35:
        spec = "|".join("c" * columns)
    elif kind < 0.6:
        spec = "c|" + "c" * (columns - 1)
    else:
        spec = c.pick("clr") * columns
    spec = f"|{spec}|" if boxed else spec
    lines = c.rows(rows, columns)
    every = c.random.random() < 0.5
    body = lines[0] + r" \\ \hline " + (r" \\ \hline " if every else r" \\ ").join(lines[1:])
    if boxed or c.random.random() < 0.3:
        body = r"\hline " + body + r" \\ \hline"
    return rf"\begin{{array}}{{{spec}}}{body}\end{{array}}"


def _block(c: Constructs) -> str:
    def cell() -> str:
        if c.random.random() < 0.4:
            rows = BREAK.join(c.rows(2, c.random.randint(1, 2)))
            return rf"\begin{{pmatrix}}{rows}\end{{pmatrix}}"
        return c.atom()

    body = BREAK.join(c.rows(2, 2, cell))
    name = c.pick(["pmatrix", "bmatrix"])
    return rf"\begin{{{name}}}{body}\end{{{name}}}"


def _product(c: Constructs) -> str:
    n, name = c.random.randint(2, 3), c.pick(["pmatrix", "bmatrix"])
    square, column = BREAK.join(c.rows(n, n)), BREAK.join(c.rows(n, 1))
    return (
        rf"\begin{{{name}}}{square}\end{{{name}}}\begin{{{name}}}{column}\end{{{name}}}"
        rf"=\begin{{{name}}}{BREAK.join(c.rows(n, 1))}\end{{{name}}}"
    )


def _general(c: Constructs) -> str:
    name, letter = c.pick(["pmatrix", "bmatrix", "vmatrix"]), c.pick("axbA")
    m, n = c.pick("mn"), c.pick("n")
    rows = [
        rf"{letter}_{{11}} & {letter}_{{12}} & \cdots & {letter}_{{1{n}}}",
        rf"{letter}_{{21}} & {letter}_{{22}} & \cdots & {letter}_{{2{n}}}",
        r"\vdots & \vdots & \ddots & \vdots",
        rf"{letter}_{{{m}1}} & {letter}_{{{m}2}} & \cdots & {letter}_{{{m}{n}}}",
    ]
    return rf"\begin{{{name}}}{BREAK.join(rows)}\end{{{name}}}"


def _substack(c: Constructs) -> str:
    lines = [
        c.pick(
            [
                r"i\neq j",
                r"1\leq i\leq n",
                "i<j",
                r"d\mid n",
                r"p\leq x",
                "k=1",
                r"k\text{ odd}",
                "j=1",
                c.piece(),
                c.piece(),
            ]
        )
        for _ in range(c.random.choice([2, 2, 3]))
    ]
    operator = c.pick([r"\sum", r"\sum", r"\prod", r"\max", r"\min", r"\bigcup", r"\lim", r"\sup"])
    return rf"{operator}_{{\substack{{{BREAK.join(lines)}}}}}{c.pick(['', '^{n}'])} {c.piece()}"


def _brace(c: Constructs) -> str:
    label = c.random.choice([c.piece(), c.text(), rf"{c.pick('nkm')}\text{{ times}}", c.number()])
    inner = c.random.choice(
        [
            c.piece(),
            c.long(),
            r"a+a+\cdots+a",
            rf"{c.letter()}+\cdots+{c.letter()}",
            rf"{c.letter()}\times\cdots\times {c.letter()}",
        ]
    )
    if c.random.random() < 0.5:
        return rf"\underbrace{{{inner}}}_{{{label}}}"
    return rf"\overbrace{{{inner}}}^{{{label}}}"


def _braces(c: Constructs) -> str:
    return c.pick(["+", "=", "-"]).join(_brace(c) for _ in range(2))


def _integral(c: Constructs) -> str:
    symbol = c.pick(INTEGRALS)
    domain = c.pick(
        [
            "S",
            "D",
            "V",
            r"\Omega",
            r"\partial\Omega",
            "R",
            r"\mathbb{R}^2",
            "C",
            r"\Sigma",
            "E",
            "T",
            r"\partial V",
            "A",
            "",
        ]
    )
    limits = f"_{{{domain}}}" if domain else ""
    if c.random.random() < 0.15:
        limits = rf"\limits{limits}" if limits else ""
    measure = c.pick(
        [
            r"\,dA",
            r"\,dx\,dy",
            r"\,dV",
            r"\,d\mathbf{S}",
            r"\cdot d\mathbf{S}",
            r"\,dx\,dy\,dz",
            "dxdy",
            r"\,\mathrm{d}x\,\mathrm{d}y",
            r"\cdot d\mathbf{r}",
            r"\,dS",
            r"\,d\mu",
        ]
    )
    inner = c.random.choice(
        [
            c.piece(),
            "f",
            "f(x,y)",
            r"\mathbf{F}",
            r"\nabla\times\mathbf{F}",
            "(" + c.piece() + ")",
            "f(x,y,z)",
            r"e^{-x^2-y^2}",
        ]
    )
    return f"{symbol}{limits} {inner}{measure}"


def _nested_integral(c: Constructs) -> str:
    return rf"\int_{{{c.small()}}}^{{{c.small()}}}\int_{{{c.small()}}}^{{{c.small()}}}{c.piece()}\,d{c.letter()}\,d{c.letter()}"


def _named_limit(c: Constructs) -> str:
    name = c.pick(
        [
            "arg max",
            "arg min",
            "argmax",
            "argmin",
            "ess sup",
            "ess inf",
            "minimize",
            "maximize",
            "plim",
            "lim",
            "Res",
            "colim",
            "inf",
            "median",
            "mode",
        ]
    )
    name = name.replace(" ", r"\,")
    if c.random.random() < 0.35:
        head = c.pick(
            [r"\arg\max", r"\arg\min", r"\min", r"\max", r"\inf", r"\sup", r"\limsup", r"\liminf"]
        )
    else:
        head = rf"\operatorname*{{{name}}}"
    under = c.pick(
        [
            r"\theta",
            "x",
            r"x\in X",
            r"\theta\in\Theta",
            "w",
            "n",
            r"n\to\infty",
            "z=a",
            r"\pi",
            r"x\in\mathbb{R}^n",
            "i",
            c.piece(),
        ]
    )
    return rf"{head}_{{{under}}} {c.random.choice([c.piece(), 'f(x)', 'L(' + chr(92) + 'theta)'])}"


def _continued(c: Constructs) -> str:
    depth = c.random.randint(1, 4)
    command = c.pick([r"\cfrac", r"\cfrac", r"\cfrac", r"\dfrac", r"\frac"])
    tail = c.random.choice([c.small(), r"\ddots", rf"{c.small()}+\cdots"])
    for _ in range(depth):
        tail = rf"{c.small()}{c.pick('++-')}{command}{{{c.small()}}}{{{tail}}}"
    return tail


def _floors(c: Constructs) -> str:
    left, right = c.random.choice([(r"\lfloor", r"\rfloor"), (r"\lceil", r"\rceil")])
    inner = c.random.choice([c.piece(), rf"\frac{{{c.piece()}}}{{{c.piece()}}}"])
    if c.random.random() < 0.5:
        return rf"\left{left} {inner}\right{right}"
    return rf"{left} {inner}{right}"


def _percent(c: Constructs) -> str:
    return c.random.choice(
        [
            rf"{c.number()}\%",
            rf"{c.number()}\%\text{{ of }}{c.number()}={c.number()}",
            rf"{c.atom()}={c.number()}\%",
            rf"\${c.number()}",
            rf"\${c.number()}\times{c.number()}=\${c.number()}",
            rf"\pm{c.number()}\%",
        ]
    )


def _arrow(c: Constructs) -> str:
    kind = c.random.random()
    if kind < 0.4:
        below = f"[{c.piece()}]" if c.random.random() < 0.3 else ""
        return rf"{c.piece()}\{c.pick(['xrightarrow', 'xrightarrow', 'xleftarrow'])}{below}{{{c.random.choice([c.piece(), c.text()])}}} {c.piece()}"
    if kind < 0.7:
        label = c.pick(
            [
                r"\text{def}",
                r"\mathrm{def}",
                "?",
                "!",
                "d",
                r"\sim",
                "*",
                r"\text{i.i.d.}",
                r"\text{a.s.}",
                r"\Delta",
                "f",
            ]
        )
        return rf"{c.piece()}\{c.pick(['stackrel', 'overset', 'overset'])}{{{label}}}{{{c.pick(['=', '=', chr(92) + 'to', chr(92) + 'sim', chr(92) + 'rightarrow', chr(92) + 'Longrightarrow'])}}} {c.piece()}"
    return rf"0\to {c.atom()}\xrightarrow{{{c.letter()}}}{c.atom()}\xrightarrow{{{c.letter()}}}{c.atom()}\to0"


def _reaction(c: Constructs) -> str:
    def molecule() -> str:
        parts = c.random.choices(
            [
                "H",
                "O",
                "C",
                "N",
                "Na",
                "Cl",
                "Fe",
                "Cu",
                "SO",
                "OH",
                "CH",
                "Ca",
                "CO",
                "K",
                "NH",
                "Mg",
                "COOH",
                "Ag",
                "NO",
                "MnO",
                "PO",
                "HCO",
            ],
            k=c.random.choice([1, 2, 2, 3]),
        )
        inner = "".join(part + c.pick(["", "", "_{2}", "_{3}", "_{4}", "_{6}"]) for part in parts)
        return (
            c.pick(["", "", "2", "3", "4", "6"])
            + rf"\mathrm{{{inner}{c.pick(['', '', '', '^{+}', '^{-}', '^{2+}', '^{2-}'])}}}"
        )

    arrow = c.pick(
        [
            r"\rightarrow ",
            r"\to ",
            r"\rightleftharpoons ",
            r"\longrightarrow ",
            r"\xrightarrow{\Delta}",
            r"\xrightarrow{\text{heat}}",
            r"\leftrightarrow ",
        ]
    )
    if c.random.random() < 0.1:
        return rf"{{}}^{{{c.random.randint(1, 240)}}}_{{{c.random.randint(1, 95)}}}\mathrm{{{c.pick(['U', 'He', 'C', 'H', 'Th', 'Pu', 'Ra'])}}}"
    return f"{molecule()}+{molecule()}{arrow}{molecule()}" + (
        f"+{molecule()}" if c.random.random() < 0.5 else ""
    )


def _relation(c: Constructs) -> str:
    return f"{c.piece()}{c.pick(RELATIONS)} {c.piece()}"


def _relations(c: Constructs) -> str:
    return f"{c.atom()}{c.pick(RELATIONS)} {c.atom()}{c.pick(RELATIONS)} {c.atom()}"


def _aligned(c: Constructs) -> str:
    lines = c.random.choice([2, 2, 3, 3, 4, 5, 6, 8])
    relation = c.pick(["=", "=", "=", r"\leq", r"\geq", r"\sim"])
    name = c.pick(["aligned", "aligned", "aligned", "align", "split"])
    rows = []
    for number in range(lines):
        left = c.piece() if number == 0 or c.random.random() < 0.4 else ""
        right = c.long() if c.random.random() < 0.6 else c.piece()
        rows.append(
            rf"{left}&{relation} {right}" + (rf"&&{c.text()}" if c.random.random() < 0.05 else "")
        )
    name = "aligned" if name != "split" else "split"
    return rf"\begin{{{name}}}{BREAK.join(rows)}\end{{{name}}}"


def _gathered(c: Constructs) -> str:
    rows = [
        c.long() if c.random.random() < 0.5 else c.piece() for _ in range(c.random.randint(2, 4))
    ]
    return rf"\begin{{gathered}}{BREAK.join(rows)}\end{{gathered}}"


def _cases(c: Constructs) -> str:
    rows = []
    for _ in range(c.random.choice([2, 2, 2, 3, 4])):
        kind = c.random.random()
        if kind < 0.4:
            condition = rf"\text{{if }}{c.piece()}"
        elif kind < 0.6:
            condition = c.random.choice(
                [r"\text{otherwise}", r"\text{else}", c.text(), r"\text{otherwise.}"]
            )
        else:
            condition = c.piece()
        rows.append(f"{c.piece()}{c.pick(['', '', ','])}&{condition}")
    return rf"{c.pick(['f(x)', 'f', c.atom(), 'u(t)', '|x|'])}=\begin{{cases}}{BREAK.join(rows)}\end{{cases}}"


def _system(c: Constructs) -> str:
    rows = [f"{c.piece()}&={c.piece()}" for _ in range(c.random.randint(2, 4))]
    if c.random.random() < 0.5:
        rows = [row.replace("&", "") for row in rows]
        return rf"\begin{{cases}}{BREAK.join(rows)}\end{{cases}}"
    return rf"\left\{{\begin{{aligned}}{BREAK.join(rows)}\end{{aligned}}\right."


def _primes(c: Constructs) -> str:
    letter = c.letter()
    return c.random.choice(
        [
            f"{letter}'{c.pick(['', '_1', '_{i}', '^2', '(x)'])}{c.pick(['+', '=', '-'])}{c.letter()}''{c.pick(['', '(x)'])}",
            f"{letter}'^{{{c.pick(['2', '3', 'n'])}}}+{c.letter()}''={c.letter()}'",
            f"{letter}'_{{0}}",
            f"{letter}_{{0}}'",
            f"({c.letter()}+{c.letter()})'",
            f"{letter}'{c.letter()}'{c.letter()}'",
            rf"\frac{{{letter}'}}{{{c.letter()}''}}",
            f"f'(x)={c.piece()}",
        ]
    )


def _evaluated(c: Constructs) -> str:
    inner = rf"\frac{{{c.piece()}}}{{{c.piece()}}}"
    return rf"\left.{inner}\right|_{{{c.piece()}}}" + c.pick(["", f"^{{{c.small()}}}"])


def _braket(c: Constructs) -> str:
    state = lambda: c.pick(
        [
            r"\psi",
            r"\phi",
            "0",
            "1",
            "n",
            "00",
            "11",
            r"\Psi",
            "+",
            "-",
            r"\uparrow",
            r"\alpha",
            "x",
            r"\Phi^{+}",
        ]
    )
    return c.random.choice(
        [
            rf"|{state()}\rangle",
            rf"\langle {state()}|{state()}\rangle",
            rf"\langle {state()}|{c.pick(['H', 'A', chr(92) + 'hat{H}', 'x', 'U'])}|{state()}\rangle",
            rf"|{state()}\rangle\langle {state()}|",
            rf"\frac{{1}}{{\sqrt{{2}}}}(|{state()}\rangle+|{state()}\rangle)",
            rf"\left|{state()}\right\rangle",
            rf"\left\langle {state()}\middle|{state()}\right\rangle",
            rf"{c.letter()}|{state()}\rangle={c.letter()}|{state()}\rangle",
        ]
    )


def _boxed(c: Constructs) -> str:
    return rf"\boxed{{{c.random.choice([c.piece(), c.long()])}}}"


def _wide(c: Constructs) -> str:
    accent = c.pick(
        [
            "widehat",
            "widetilde",
            "overline",
            "overrightarrow",
            "underline",
            "overleftarrow",
            "overline",
            "overleftrightarrow",
        ]
    )
    return (
        rf"\{accent}{{{c.random.choice([c.piece(), c.letter() + c.letter(), 'ABC', 'AB', 'xyz'])}}}"
    )


def _accents(c: Constructs) -> str:
    accents = [
        "dot",
        "ddot",
        "hat",
        "bar",
        "tilde",
        "vec",
        "check",
        "breve",
        "acute",
        "grave",
        "mathring",
        "dddot",
    ]
    return c.pick(["", "+", "=", ","]).join(
        rf"\{c.pick(accents)}{{{c.letter()}}}" for _ in range(c.random.randint(1, 4))
    )


def _sides(c: Constructs) -> str:
    return c.random.choice(
        [
            rf"{c.number()}^\circ",
            rf"\sin {c.number()}^{{\circ}}={c.atom()}",
            rf"{c.number()}\,^\circ\mathrm{{C}}",
            rf"\angle {c.pick(['ABC', 'A', 'BAC'])}={c.number()}^{{\circ}}",
            r"\triangle ABC\sim\triangle DEF",
            r"\overline{AB}\parallel\overline{CD}",
            r"\measuredangle ABC",
            r"AB\perp CD",
        ]
    )


def _words(c: Constructs) -> str:
    return c.random.choice(
        [
            rf"{c.piece()}\text{{ {c.pick(['and', 'or', 'if', 'for all', 'where', 'iff', 'with', 'for', 'such that', 'as'])} }}{c.piece()}",
            rf"{c.piece()}\quad\text{{{c.pick(['for', 'if', 'where', 'for all', 'and'])} }}{c.piece()}",
            rf"\text{{{c.pick(['rate', 'speed', 'area', 'Loss', 'Attention', 'precision', 'recall', 'total cost', 'if and only if'])}}}={c.piece()}",
            rf"\text{{{c.pick(['precision', 'speed', 'density', 'F1', 'profit'])}}}=\frac{{\text{{{c.pick(['distance', 'mass', 'true positives', 'TP', 'revenue'])}}}}}{{\text{{{c.pick(['time', 'volume', 'all', 'TP + FP', 'cost'])}}}}}",
        ]
    )


def _fonts(c: Constructs) -> str:
    font = c.pick(
        [
            "mathsf",
            "mathtt",
            "mathfrak",
            "mathscr",
            "mathcal",
            "mathbb",
            "mathbf",
            "boldsymbol",
            "mathrm",
            "mathit",
        ]
    )
    letters = "".join(
        c.random.choices(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            if font in ("mathbb", "mathcal", "mathscr") or c.random.random() < 0.5
            else "abcdefghijklmnopqrstuvwxyz",
            k=c.random.randint(1, 4),
        )
    )
    return c.random.choice(
        [
            rf"\{font}{{{letters}}}",
            rf"\{font}{{{letters}}}+{c.atom()}",
            rf"\{font}{{{letters}}}_{{{c.index()}}}",
        ]
    )


def _symbols(c: Constructs) -> str:
    return c.pick(["", " ", ",", "+"]).join(c.symbol() for _ in range(c.random.randint(2, 4)))


def _lookalikes(c: Constructs) -> str:
    group = c.pick(
        [
            "1lI|i",
            "0OoQD",
            "vVuU\\nu\\upsilon",
            "xX\\chi\\times",
            "wW\\omega",
            "pP\\rho\\varrho",
            "kK\\kappa",
            "sS5\\varsigma",
            "zZ2",
            "B8\\beta",
            "\\zeta\\xi\\Xi",
            "\\epsilon\\varepsilon\\in",
            "\\phi\\varphi\\emptyset\\varnothing",
            "\\theta\\vartheta\\Theta",
            "\\sigma o\\delta\\theta",
            "\\Delta\\triangle A\\Lambda",
            "\\nabla\\triangledown",
            "\\iota i\\imath",
            "\\eta n\\mu u",
            "\\tau t r",
            "a\\alpha\\propto",
            "y\\gamma",
            "cC(\\subset",
            "\\sum\\Sigma",
            "\\prod\\Pi\\pi",
            "-\\sim=",
            "\\cdot.*\\ast\\star",
            "gq9",
            "b6h",
            "\\ell l",
            "\\wp\\rho",
            "\\cup u\\bigcup U",
            "\\vee v\\bigvee V",
            "\\wedge\\Lambda",
        ]
    )
    tokens = re.findall(r"\\[a-zA-Z]+|\S", group)
    return " ".join(c.random.choices(tokens, k=c.random.randint(1, 5))).replace("^", "")


CONSTRUCTS: list[Rule] = [
    *[_matrix] * 4, *[_determinant] * 3, *[_augmented] * 3, *[_ruled] * 4, *[_block] * 2, *[_product] * 2, *[_general] * 2,
    *[_substack] * 4, *[_brace] * 5, *[_braces] * 1, *[_integral] * 7, *[_nested_integral] * 2, *[_named_limit] * 5,
    *[_continued] * 4, *[_floors] * 4, *[_percent] * 3, *[_arrow] * 5, *[_reaction] * 4, *[_relation] * 6, *[_relations] * 2,
    *[_aligned] * 8, *[_gathered] * 1, *[_cases] * 6, *[_system] * 3, *[_primes] * 4, *[_evaluated] * 3, *[_braket] * 4,
    *[_boxed] * 2, *[_wide] * 4, *[_accents] * 3, *[_sides] * 3, *[_words] * 5, *[_fonts] * 4, *[_symbols] * 5, *[_lookalikes] * 4,
]  # fmt: skip
"""Constructs; one that stands twice is drawn twice as often."""
