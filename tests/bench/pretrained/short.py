"""Short formulas as people paste them: symbols, numbers, units, letters with scripts, words."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from random import Random

LATIN = list(string.ascii_letters)
VARIABLES = list("xyzabcnmkijtfguvwpqrsdhlABCDEFGHKLMNPQRSTUVWXYZeoIJO")
GREEK = [
    f"\\{name}"
    for name in [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
    ]
]
RELATIONS = [
    r"=",
    r"=",
    r"=",
    r"<",
    r">",
    r"\leq",
    r"\geq",
    r"\in",
    r"\neq",
    r"\sim",
    r"\approx",
    r"\equiv",
    r"\subset",
    r"\subseteq",
    r"\to",
    r"\mapsto",
    r"\ll",
    r"\gg",
    r"\simeq",
    r"\cong",
    r"\propto",
    r"\mid",
    r"\notin",
    r"\rightarrow",
    r"\Rightarrow",
    r"\Leftrightarrow",
    r"\perp",
    r"\parallel",
    r"\lesssim",
    r"\gtrsim",
    r"\prec",
    r"\succ",
    r"\preceq",
    r"\succeq",
    r"\supset",
    r"\supseteq",
    r"\leftarrow",
    r"\leftrightarrow",
    r"\doteq",
]
BINARIES = [
    r"+",
    r"+",
    r"-",
    r"-",
    r"\cdot",
    r"\times",
    r"/",
    r"\pm",
    r"\mp",
    r"\cup",
    r"\cap",
    r"\otimes",
    r"\oplus",
    r"\circ",
    r"\ast",
    r"\wedge",
    r"\vee",
    r"\setminus",
    r"\div",
]
UNITS = [
    r"m",
    r"kg",
    r"s",
    r"ms",
    r"km",
    r"cm",
    r"mm",
    r"g",
    r"mg",
    r"\mu{m}",
    r"nm",
    r"K",
    r"J",
    r"kJ",
    r"eV",
    r"GeV",
    r"MeV",
    r"keV",
    r"V",
    r"mV",
    r"A",
    r"mA",
    r"W",
    r"kW",
    r"MW",
    r"Hz",
    r"kHz",
    r"MHz",
    r"GHz",
    r"Pa",
    r"kPa",
    r"bar",
    r"N",
    r"C",
    r"F",
    r"T",
    r"G",
    r"mol",
    r"L",
    r"mL",
    r"dB",
    r"h",
    r"min",
    r"yr",
    r"\Omega",
    r"rad",
    r"sr",
    r"lm",
    r"cd",
    r"M\Omega",
    r"k\Omega",
    r"fm",
    r"pc",
    r"Mpc",
    r"AU",
    r"ppm",
]
WORDS = [
    "if",
    "and",
    "or",
    "for",
    "all",
    "where",
    "otherwise",
    "with",
    "such",
    "that",
    "is",
    "even",
    "odd",
    "then",
    "else",
    "in",
    "on",
    "at",
    "most",
    "least",
    "true",
    "false",
    "max",
    "min",
    "total",
    "rate",
    "input",
    "output",
    "loss",
    "data",
    "train",
    "test",
    "error",
    "mean",
    "if_and_only_if",
    "subject_to",
    "iff",
    "some",
    "const",
    "number_of",
    "area",
    "volume",
    "time",
    "speed",
    "mass",
    "energy",
    "force",
    "power",
    "cost",
]
SETS = [rf"\mathbb{{{letter}}}" for letter in "RCNZQFEPTHDKAS"]
FONTS = ["mathbf"] * 4 + ["mathcal"] * 3 + ["mathbb"] * 2 + ["mathrm"] * 3 + ["boldsymbol"] * 3
FONTS += ["mathfrak", "mathsf", "mathtt", "mathscr", "mathit"]
ACCENTS = [
    r"bar",
    r"hat",
    r"tilde",
    r"vec",
    r"dot",
    r"ddot",
    r"overline",
    r"widehat",
    r"widetilde",
    r"underline",
    r"overrightarrow",
    r"check",
    r"breve",
    r"acute",
    r"mathring",
]
FUNCTIONS = [
    r"\sin",
    r"\cos",
    r"\tan",
    r"\log",
    r"\ln",
    r"\exp",
    r"\max",
    r"\min",
    r"\lim",
    r"\det",
    r"\dim",
    r"\ker",
    r"\deg",
    r"\gcd",
    r"\arg",
    r"\sup",
    r"\inf",
    r"\cot",
    r"\sec",
    r"\csc",
    r"\sinh",
    r"\cosh",
    r"\tanh",
    r"\arcsin",
    r"\arctan",
    r"\Pr",
    r"\hom",
]
BIG = [
    r"\sum",
    r"\prod",
    r"\int",
    r"\oint",
    r"\iint",
    r"\iiint",
    r"\bigcup",
    r"\bigcap",
    r"\bigoplus",
    r"\bigotimes",
    r"\coprod",
    r"\bigvee",
    r"\bigwedge",
    r"\idotsint",
]
OPERATORS = [
    "rank",
    "tr",
    "Tr",
    "diag",
    "sgn",
    "Hom",
    "End",
    "Aut",
    "Spec",
    "Var",
    "Cov",
    "supp",
    "span",
    "im",
    "Re",
    "Im",
    "id",
    "argmax",
    "argmin",
    "softmax",
    "ReLU",
    "MSE",
    "KL",
    "erf",
    "Proj",
    "Ext",
    "Tor",
    "vol",
    "ord",
    "lcm",
    "conv",
    "cl",
    "Gal",
    "GL",
    "SL",
]

FENCES = [
    *(("(", ")"), ("[", "]"), ("[", ")"), ("(", "]"), ("|", "|"), (r"\|", r"\|"), (r"\{", r"\}")),
    *((r"\langle ", r"\rangle"), (r"\lfloor ", r"\rfloor"), (r"\lceil ", r"\rceil")),
]

PARTIAL, LDOTS, CDOTS = "\\partial ", "\\ldots ", "\\cdots "

Rule = Callable[["Short"], str]


class Short:
    """Draws short formulas.

    Args:
        random: where all chance comes from.
        symbols: LaTeX symbols without arguments.
        weights: how often each is drawn.
    """

    def __init__(self, random: Random, symbols: Mapping[str, float]) -> None:
        self.random = random
        self._symbols = list(symbols)
        self._weights = list(symbols.values())
        self._rules: list[Rule] = []
        for rule, weight in RULES.items():
            self._rules += [rule] * weight

    def draw(self) -> str:
        """One formula."""
        return self.random.choice(self._rules)(self)

    def pick(self, items: Sequence[str]) -> str:
        """One of some strings."""
        return self.random.choice(items)

    def symbol(self) -> str:
        """One symbol, by its weight."""
        return self.random.choices(self._symbols, self._weights)[0]

    def letter(self) -> str:
        """A variable: mostly Latin."""
        return self.pick(GREEK) + " " if self.random.random() < 0.3 else self.pick(VARIABLES)

    def number(self) -> str:
        """An integer or decimal, sometimes grouped or with an exponent."""
        kind = self.random.random()
        if kind < 0.35:
            return str(self.random.randint(0, 9))
        if kind < 0.6:
            return str(self.random.randint(10, 999))
        if kind < 0.7:
            return str(self.random.randint(1000, 99999))
        if kind < 0.9:
            return f"{self.random.randint(0, 99)}.{self.random.randint(0, 999)}"
        if kind < 0.95:
            return f"{self.random.randint(1, 999)}{{,}}{self.random.randint(0, 999):03}"
        return rf"{self.random.randint(1, 9)}.{self.random.randint(0, 9)}\times10^{{{self.random.randint(-30, 30)}}}"

    def small(self) -> str:
        """A letter or a number."""
        return self.number() if self.random.random() < 0.4 else self.letter()

    def index(self) -> str:
        """What stands in a script."""
        kind = self.random.random()
        if kind < 0.45:
            return self.pick("0123456789ijknmxtabpqs")
        if kind < 0.6:
            return self.pick(
                [
                    "ij",
                    "n+1",
                    "n-1",
                    "k+1",
                    "i,j",
                    "t-1",
                    "i+1",
                    "ijk",
                    "mn",
                    "xy",
                    "i=1",
                    "2n",
                    "0,1",
                    "(k)",
                    "(n)",
                ]
            )
        if kind < 0.75:
            return rf"\{self.pick(['text', 'mathrm'])}{{{self.pick(WORDS + ['eff', 'max', 'obs', 'ref', 'in', 'out', 'tot', 'th', 'B', 'eq'])}}}".replace(
                "_", " "
            )
        return self.letter()

    def scripted(self) -> str:
        """A letter with scripts."""
        base, kind = self.letter(), self.random.random()
        if kind < 0.4:
            return f"{base}_{{{self.index()}}}"
        if kind < 0.65:
            return f"{base}^{{{self.upper()}}}"
        if kind < 0.8:
            return f"{base}_{{{self.index()}}}^{{{self.upper()}}}"
        return base + self.pick(
            [
                "'",
                "''",
                "'_1",
                "'_{i}",
                "'(x)",
                "''(t)",
                "^*",
                r"^{\dagger}",
                r"_{*}",
                "^{+}",
                "^{-}",
            ]
        )

    def upper(self) -> str:
        """What stands in an upper script."""
        return self.pick(
            [
                "2",
                "2",
                "3",
                "n",
                "-1",
                "T",
                r"\prime",
                "*",
                r"\dagger",
                r"\top",
                "+",
                "-",
                r"\circ",
                "1/2",
                "(n)",
                "k",
                "m",
                "i",
                r"\alpha",
                "n-1",
                "2n",
                r"\infty",
                "x",
                "-x",
                "10",
            ]
        )

    def styled(self) -> str:
        """A letter in a font or with an accent."""
        if self.random.random() < 0.55:
            font = self.pick(FONTS)
            capital = font in ("mathbb", "mathcal", "mathscr") or self.random.random() < 0.5
            letters = string.ascii_uppercase if capital else string.ascii_lowercase
            if font == "boldsymbol" and self.random.random() < 0.4:
                return rf"\boldsymbol{{{self.pick(GREEK)}}}"
            return rf"\{font}{{{self.pick(letters)}}}"
        accent, wide = self.pick(ACCENTS), self.random.random() < 0.2
        inner = self.pick(VARIABLES) + self.pick(VARIABLES) if wide else self.letter()
        return rf"\{accent}{{{inner}}}"

    def atom(self) -> str:
        """Anything small."""
        rules: list[Rule] = [Short.small, Short.small, Short.scripted, Short.scripted, Short.styled]
        return self.random.choice(rules)(self)

    def words(self) -> str:
        """A word or some, upright."""
        text = " ".join(self.random.choices(WORDS, k=self.random.randint(1, 3))).replace("_", " ")
        return rf"\text{{{text}}}"


def _name(s: Short) -> str:
    letters = string.ascii_lowercase if s.random.random() < 0.7 else string.ascii_uppercase
    return "".join(s.random.choices(letters, k=s.random.randint(2, 5)))


def _call(s: Short) -> str:
    name = s.random.choice(
        [s.pick("fghFGPTHpqusL"), s.pick(GREEK), s.pick(FUNCTIONS), s.scripted()]
    )
    inner = s.random.choice(
        [s.letter(), s.atom(), f"{s.letter()},{s.letter()}", f"{s.letter()}+{s.small()}"]
    )
    return f"{name}({inner})"


def _interval(s: Short) -> str:
    left, right = s.random.choice(FENCES)
    inner = s.random.choice(
        [f"{s.atom()},{s.atom()}", s.atom(), f"{s.atom()}{s.pick(BINARIES)} {s.atom()}"]
    )
    return f"{left}{inner}{right}"


def _unit(s: Short) -> str:
    unit = s.pick(UNITS) + s.pick(["", "", "", "^{2}", "^{-1}", "^{3}", r"\,\mathrm{s}^{-1}"])
    return rf"{s.number()}\,\mathrm{{{unit}}}"


def _big(s: Short) -> str:
    operator, kind = s.pick(BIG), s.random.random()
    low = s.pick(
        ["i=1", "n=0", "0", "a", "k=1", "S", "D", r"-\infty", r"i\in I", r"\Omega", "j", "V"]
    )
    limits = (
        ""
        if kind < 0.25
        else f"_{{{low}}}"
        + (
            f"^{{{s.pick(['n', 'N', chr(92) + 'infty', 'b', '1', 'm', 'k'])}}}"
            if kind < 0.7
            else ""
        )
    )
    return f"{operator}{limits} {s.atom()}" if s.random.random() < 0.8 else f"{operator}{limits}"


def _chemistry(s: Short) -> str:
    parts = s.random.choices(
        ["H", "O", "C", "N", "Na", "Cl", "Fe", "Cu", "SO", "OH", "CH", "Ca", "CO", "K", "NH", "Mg"],
        k=s.random.randint(1, 3),
    )
    return rf"\mathrm{{{''.join(part + s.pick(['', '', '_{2}', '_{3}', '_{4}', '^{+}', '^{2+}', '^{-}']) for part in parts)}}}"


RULES: dict[Rule, int] = {
    lambda s: s.symbol(): 14,
    lambda s: s.pick(LATIN): 12,
    lambda s: s.pick(GREEK): 6,
    lambda s: s.number(): 12,
    lambda s: s.scripted(): 18,
    lambda s: s.styled(): 9,
    _call: 9,
    lambda s: f"{s.atom()}{s.pick(RELATIONS)} {s.atom()}": 14,
    lambda s: f"{s.atom()}{s.pick(BINARIES)} {s.atom()}": 9,
    lambda s: f"{s.atom()}{s.pick(BINARIES)} {s.atom()}{s.pick(RELATIONS)} {s.atom()}": 5,
    lambda s: rf"\frac{{{s.atom()}}}{{{s.atom()}}}": 6,
    lambda s: f"{s.small()}/{s.small()}": 2,
    lambda s: rf"\sqrt{{{s.atom()}}}": 3,
    lambda s: rf"\sqrt[{s.pick('345n')}]{{{s.atom()}}}": 1,
    lambda s: f"{s.pick(['-', '+', chr(92) + 'pm ', chr(92) + 'mp '])}{s.atom()}": 3,
    lambda s: f"{s.atom()}{s.atom()}": 4,
    lambda s: f"{s.pick(FUNCTIONS)} {s.atom()}": 4,
    lambda s: (
        rf"\operatorname{{{s.pick(OPERATORS)}}}{s.pick(['', '(A)', ' A', '(X,Y)', '(x)', ' f'])}"
    ): 3,
    _interval: 6,
    _unit: 4,
    _big: 8,
    lambda s: s.words(): 4,
    lambda s: rf"\mathrm{{{_name(s)}}}": 2,
    _name: 2,
    lambda s: rf"{s.number()}\%": 2,
    lambda s: rf"\${s.number()}": 1,
    lambda s: rf"{s.number()}^{{\circ}}{s.pick(['', '', chr(92) + 'mathrm{C}', 'C'])}": 2,
    _chemistry: 2,
    lambda s: (
        rf"{s.letter()}\in{s.pick(SETS)}{s.pick(['', '', '^{n}', '^{n' + chr(92) + 'times m}', '^{3}', '_{+}'])}"
    ): 4,
    lambda s: (
        rf"{s.letter()}{s.pick([',', ';', ',', ',' + chr(92) + 'ldots,'])}{s.letter()}{s.pick(['', '.', ','])}"
    ): 2,
    lambda s: (
        rf"{s.letter()}_1{s.pick([',', '+', chr(92) + 'cdot '])}{s.pick([LDOTS, LDOTS, CDOTS])}{s.pick([',', '+', ''])}{s.letter()}_{{{s.pick('nmkN')}}}"
    ): 2,
    lambda s: rf"\lim_{{{s.letter()}\to{s.pick(['0', chr(92) + 'infty', 'a'])}}}{s.atom()}": 2,
    lambda s: rf"\binom{{{s.small()}}}{{{s.small()}}}": 1,
    lambda s: (
        rf"\frac{{{s.pick(['d', PARTIAL, chr(92) + 'mathrm{d}'])}{s.letter()}}}{{{s.pick(['d', PARTIAL, chr(92) + 'mathrm{d}'])}{s.letter()}}}"
    ): 3,
    lambda s: (
        rf"{s.pick(['P', 'E', 'p', 'q', chr(92) + 'Pr', chr(92) + 'mathbb{E}'])}{s.pick(['(', '['])}{s.letter()}{s.pick([chr(92) + 'mid ', '|', ','])}{s.letter()}{s.pick([')', ']'])}"
    ): 2,
    lambda s: rf"|{s.letter()}\rangle": 1,
    lambda s: rf"\langle {s.letter()}|{s.letter()}\rangle": 1,
}
"""Rules with their weights."""
