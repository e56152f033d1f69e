"""Formulas from a grammar over the whole symbol set, as many as wanted.

Formula `i` depends on the seed and on `i` only, so a larger data set begins with the smaller one.
A budget of tokens is drawn for each formula (log-normal) and handed down the rules; most spend a
little less, so that lengths have median 20 and ninth decile 45. In each pair of tables of symbols
the most common ones come first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.latex.tokenizer import join


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


VARIABLES = _words("x y z a b c n k i j t u v f g r s p q m h A B C X Y R S N T V")
"""Letters that formulas prefer."""

LETTERS = tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

DIGITS = tuple("0123456789")

COMMON_GREEK = _words(r"\alpha \beta \gamma \delta \lambda \mu \pi \theta \phi \sigma \omega \rho")

GREEK = _words(
    r"""\alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \vartheta \iota \kappa
    \lambda \mu \nu \xi \pi \varpi \rho \varrho \sigma \varsigma \tau \upsilon \phi \varphi \chi
    \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon \Phi \Psi \Omega"""
)

CONSTANTS = _words(
    r"""\infty \hbar \ell \partial \nabla \emptyset \aleph \Re \Im \wp \imath \jmath \top \bot
    \forall \exists \varnothing \angle \triangle \flat \sharp \natural \clubsuit \diamondsuit
    \heartsuit \spadesuit \square \prime \beth \complement \dagger"""
)

DOTS = _words(r"\ldots \cdots \vdots \ddots")

COMMON_OPERATORS = _words(r"+ - + - \cdot \times")

OPERATORS = _words(
    r"""+ - \cdot \times \pm \mp \ast \star \circ \bullet \div \cap \cup \uplus \sqcap \sqcup \vee
    \wedge \setminus \wr \diamond \oplus \ominus \otimes \oslash \odot \bigtriangleup
    \bigtriangledown \triangleleft \triangleright \amalg \boxplus \boxtimes \ltimes \rtimes"""
)

COMMON_RELATIONS = _words(r"= = = = = \leq \geq < > \in \neq \equiv \approx")

RELATIONS = _words(
    r"""= < > \leq \geq \neq \equiv \approx \sim \simeq \cong \propto \in \notin \ni \subset
    \supset \subseteq \supseteq \ll \gg \prec \succ \preceq \succeq \parallel \perp \mid \asymp
    \doteq \models \vdash \dashv \sqsubseteq \sqsupseteq \bowtie \smile \frown \leqslant
    \geqslant \lesssim \gtrsim \triangleq \subsetneq \supsetneq \nmid \vDash"""
)

ARROWS = _words(
    r"""\rightarrow \leftarrow \Rightarrow \Leftarrow \leftrightarrow \Leftrightarrow \mapsto
    \longrightarrow \Longrightarrow \longleftrightarrow \longmapsto \uparrow \downarrow \nearrow
    \searrow \swarrow \nwarrow \hookrightarrow \hookleftarrow \rightharpoonup \leftharpoonup
    \rightleftharpoons \rightsquigarrow \twoheadrightarrow"""
)

FUNCTIONS = _words(
    r"""\sin \cos \tan \log \ln \exp \cot \sec \csc \arcsin \arccos \arctan \sinh \cosh \tanh
    \coth \det \dim \ker \deg \arg \gcd \hom \lg"""
)

LIMITS = _words(r"\lim \max \min \sup \inf \limsup \liminf \Pr")

BIG_OPERATORS = _words(
    r"""\sum \prod \sum \prod \coprod \bigcup \bigcap \bigoplus \bigotimes \bigodot \bigvee
    \bigwedge \bigsqcup \biguplus"""
)

INTEGRALS = _words(r"\int \int \int \int \oint \iint \iiint")

ACCENTS = _words(
    r"""\hat \bar \tilde \vec \dot \ddot \overline \widehat \widetilde \check \breve \acute
    \grave \mathring \underline \overrightarrow \overleftarrow"""
)

ALPHABETS = _words(r"\mathbf \mathbb \mathcal \mathrm \mathfrak \mathsf \mathtt \boldsymbol")

CAPITALS_ONLY = _words(r"\mathbb \mathcal")

SPACES = _words(r"\, \quad \; \! \qquad \:")

PUNCTUATION = _words(", , . ; :")

PAIRS = (
    ("(", ")"),
    ("(", ")"),
    ("(", ")"),
    ("[", "]"),
    (r"\{", r"\}"),
    ("|", "|"),
    (r"\|", r"\|"),
    (r"\langle", r"\rangle"),
    (r"\lfloor", r"\rfloor"),
    (r"\lceil", r"\rceil"),
)
"""Delimiters that open and close."""

STRETCHED = (*PAIRS[:8], (".", "|"), (r"\{", "."), ("[", ")"))
"""Delimiters after \\left and \\right."""

MATRICES = _words("pmatrix bmatrix vmatrix matrix Bmatrix Vmatrix")

NAMES = _words("tr rank Var Cov sgn diag div curl Hom Aut Spec Res Tr ad")
"""Operators without a command of their own."""


VERSION = "1"
MEDIAN = 29
NINTH_DECILE = 76
LONGEST = 150
SPREAD = math.log(NINTH_DECILE / MEDIAN) / 1.2816
"""1.2816 standard deviations lie below the ninth decile of a normal distribution."""
RARE = 0.12
"""How often a symbol is drawn from the whole table instead of the common ones."""

Tokens = list[str]
S = TypeVar("S")


def synthetic_source(size: int, seed: int) -> Source:
    """Return a source of `size` generated formulas."""

    def read() -> Iterator[SourceFormula | BadLine]:
        for index in range(size):
            yield SourceFormula(index + 1, synthetic_formula(seed, index))

    options = {"build.size": size, "runtime.seed": seed}
    return Source("synthetic", f"grammar {VERSION}", read, options=options)


def synthetic_formula(seed: int, index: int) -> str:
    """Generate the formula of that number."""
    return join(Grammar(random.Random(f"{seed}/{index}")).formula())


class Grammar:
    """One formula's worth of choices."""

    def __init__(self, rng: random.Random) -> None:
        """Draw all choices from `rng`."""
        self._rng = rng

    def formula(self) -> Tokens:
        """Generate one formula."""
        drawn = self._rng.lognormvariate(math.log(MEDIAN), SPREAD)
        budget = min(LONGEST, max(2, round(drawn)))
        return self._pick(_FORMULAS, budget)

    def expression(self, budget: int) -> Tokens:
        """Generate an expression of about `budget` tokens."""
        return self.atom() if budget < 2 else self._pick(_EXPRESSIONS, budget)

    def relation(self, budget: int) -> Tokens:
        """Two expressions and what relates them."""
        left, right = self._share(budget - 1)
        sign = self._symbol(COMMON_RELATIONS, RELATIONS)
        return [*self.expression(left), sign, *self.expression(right)]

    def chain(self, budget: int) -> Tokens:
        """A relation that goes on."""
        left, right = self._share(budget - 1)
        sign = self._symbol(COMMON_RELATIONS, RELATIONS)
        return [*self.relation(max(3, left)), sign, *self.expression(right)]

    def arrow(self, budget: int) -> Tokens:
        """Two expressions with an arrow between."""
        left, right = self._share(budget - 1)
        sign = self._symbol(ARROWS[:5], ARROWS)
        return [*self.expression(left), sign, *self.expression(right)]

    def listed(self, budget: int) -> Tokens:
        """Formulas one after the other."""
        left, right = self._share(budget - 2)
        mark = self._rng.choice(PUNCTUATION)
        space = self._symbol(SPACES[:2], SPACES)
        return [*self.relation(max(3, left)), mark, space, *self.relation(max(3, right))]

    def quantified(self, budget: int) -> Tokens:
        """For all or there is, and a relation."""
        quantifier = self._rng.choice((r"\forall", r"\exists"))
        domain = [*self.letter(), r"\in", *self.alphabet(0)]
        return [quantifier, *domain, self._rng.choice((":", r"\,")), *self.relation(budget - 8)]

    def aligned(self, budget: int) -> Tokens:
        """Relations under each other."""
        rows = self._rng.randint(2, 3 if budget < 45 else 4)
        lines: list[Tokens] = []
        for _ in range(rows):
            left, right = self._share((budget - 2) // rows - 3)
            sign = self._symbol(COMMON_RELATIONS, RELATIONS)
            lines.append([*self.expression(left), "&", sign, *self.expression(right)])
        return _environment("aligned", lines)

    def cases(self, budget: int) -> Tokens:
        """A definition by cases."""
        rows = self._rng.randint(2, 3)
        each = (budget - 5) // rows - 2
        lines = [
            [*self.expression(each // 2), "&", *self.relation(each - each // 2)]
            for _ in range(rows)
        ]
        return [*self.letter(), "=", *_environment("cases", lines)]

    def atom(self) -> Tokens:
        """One symbol."""
        return [self._pick_atom()]

    def letter(self) -> Tokens:
        """A letter, Latin or Greek."""
        if self._rng.random() < 0.8:
            return [self._symbol(VARIABLES, LETTERS)]
        return [self._symbol(COMMON_GREEK, GREEK)]

    def number(self, _budget: int) -> Tokens:
        """A number of two or three digits, perhaps with a point."""
        digits = [self._rng.choice(DIGITS) for _ in range(self._rng.randint(1, 2))]
        first = self._rng.choice(DIGITS[1:])
        return [first, ".", *digits] if self._rng.random() < 0.2 else [first, *digits]

    def operation(self, budget: int) -> Tokens:
        """Two expressions and an operator."""
        left, right = self._share(budget - 1)
        sign = self._symbol(COMMON_OPERATORS, OPERATORS)
        return [*self.expression(left), sign, *self.expression(right)]

    def product(self, budget: int) -> Tokens:
        """Two expressions side by side."""
        left, right = self._share(budget)
        return [*self.expression(left), *self.expression(right)]

    def negative(self, budget: int) -> Tokens:
        """An expression with a sign."""
        return [self._rng.choice(("-", "-", r"\pm", r"\neg")), *self.expression(budget - 1)]

    def power(self, budget: int) -> Tokens:
        """Something with an exponent."""
        return [*self._base(budget - 3), "^", *_braced(self._script(budget - 4))]

    def indexed(self, budget: int) -> Tokens:
        """Something with an index."""
        return [*self.letter(), "_", *_braced(self._script(budget - 4))]

    def both(self, budget: int) -> Tokens:
        """Something with an index and an exponent."""
        low, high = self._share(budget - 7)
        scripts = ["_", *_braced(self._script(low)), "^", *_braced(self._script(high))]
        return [*self.letter(), *scripts]

    def primed(self, _budget: int) -> Tokens:
        """A letter with primes."""
        primes = [r"\prime"] * self._rng.choice((1, 1, 2))
        return [*self.letter(), "^", *_braced(primes)]

    def fraction(self, budget: int) -> Tokens:
        """One expression over another."""
        above, below = self._share(budget - 5)
        return [r"\frac", *_braced(self.expression(above)), *_braced(self.expression(below))]

    def binomial(self, budget: int) -> Tokens:
        """A binomial coefficient."""
        above, below = self._share(budget - 5)
        return [r"\binom", *_braced(self.expression(above)), *_braced(self.expression(below))]

    def derivative(self, budget: int) -> Tokens:
        """A derivative of something."""
        sign = self._rng.choice((["d"], [r"\partial"], [r"\mathrm", "{", "d", "}"]))
        above = [*sign, *self.expression(budget - 9)]
        return [r"\frac", *_braced(above), *_braced([*sign, *self.letter()])]

    def root(self, budget: int) -> Tokens:
        """A square root, or another."""
        if budget > 6 and self._rng.random() < 0.2:
            index = [self._rng.choice(("3", "4", "n", "k"))]
            return [r"\sqrt", "[", *index, "]", *_braced(self.expression(budget - 6))]
        return [r"\sqrt", *_braced(self.expression(budget - 3))]

    def enclosed(self, budget: int) -> Tokens:
        """An expression in brackets."""
        left, right = self._symbol(PAIRS[:3], PAIRS)
        return [left, *self.expression(budget - 2), right]

    def stretched(self, budget: int) -> Tokens:
        """An expression in brackets of its height."""
        left, right = self._symbol(STRETCHED[:4], STRETCHED)
        return [rf"\left{left}", *self.expression(budget - 2), rf"\right{right}"]

    def applied(self, budget: int) -> Tokens:
        """A function of something."""
        if self._rng.random() < 0.4:
            arguments = self.expression(budget - 3)
            return [*self.letter(), "(", *arguments, ")"]
        function = self._symbol(FUNCTIONS[:6], FUNCTIONS)
        return [function, *self.expression(budget - 1)]

    def named(self, budget: int) -> Tokens:
        """A named operator of something."""
        name = list(self._rng.choice(NAMES))
        return [r"\operatorname", *_braced(name), "(", *self.expression(budget - 8), ")"]

    def summed(self, budget: int) -> Tokens:
        """A sum, a product or their like."""
        sign = self._symbol(BIG_OPERATORS[:4], BIG_OPERATORS)
        index = self._rng.choice(("i", "j", "k", "n", "m"))
        start = [index, "=", self._rng.choice(("0", "1"))]
        end = [self._rng.choice((r"\infty", "n", "N", "m"))]
        if self._rng.random() < 0.3:
            below = [index, r"\in", *self.letter()]
            return [sign, "_", *_braced(below), *self.expression(budget - 7)]
        bounds = ["_", *_braced(start), "^", *_braced(end)]
        return [sign, *bounds, *self.expression(budget - 10)]

    def integral(self, budget: int) -> Tokens:
        """An integral, with bounds or without."""
        sign = self._rng.choice(INTEGRALS)
        bounds: Tokens = []
        if self._rng.random() < 0.7:
            low, high = self.atom(), self.atom()
            bounds = ["_", *_braced(low)]
            bounds += ["^", *_braced(high)] if sign == r"\int" else []
        space = [r"\,"] if self._rng.random() < 0.4 else []
        inside = self.expression(budget - len(bounds) - len(space) - 3)
        return [sign, *bounds, *inside, *space, "d", *self.letter()]

    def limit(self, budget: int) -> Tokens:
        """A limit of something."""
        sign = self._symbol(LIMITS[:3], LIMITS)
        below = [*self.letter(), r"\rightarrow", self._rng.choice((r"\infty", "0", "1", "a"))]
        return [sign, "_", *_braced(below), *self.expression(budget - 7)]

    def accented(self, budget: int) -> Tokens:
        """Something under an accent."""
        accent = self._symbol(ACCENTS[:7], ACCENTS)
        long = accent.startswith((r"\over", r"\under", r"\wide"))
        return [accent, *_braced(self.expression(min(budget - 3, 4)) if long else self.letter())]

    def alphabet(self, _budget: int) -> Tokens:
        """A letter of another alphabet."""
        name = self._rng.choice(ALPHABETS)
        letter = self._rng.choice(LETTERS)
        return [name, *_braced([letter.upper() if name in CAPITALS_ONLY else letter])]

    def braced_over(self, budget: int) -> Tokens:
        """An expression with a brace and what it says."""
        name, script = self._rng.choice(((r"\underbrace", "_"), (r"\overbrace", "^")))
        return [name, *_braced(self.expression(budget - 7)), script, *_braced(self.atom())]

    def stacked(self, budget: int) -> Tokens:
        """One thing over or under another."""
        name = self._rng.choice((r"\overset", r"\underset", r"\stackrel"))
        sign = [self._symbol(COMMON_RELATIONS, RELATIONS)]
        left, right = self._share(budget - 6)
        middle = [name, *_braced(self.atom()), *_braced(sign)]
        return [*self.expression(left), *middle, *self.expression(right)]

    def builder(self, budget: int) -> Tokens:
        """A set by its property."""
        inside = [*self.letter(), r"\mid", *self.relation(budget - 4)]
        return [r"\{", *inside, r"\}"]

    def sequence(self, _budget: int) -> Tokens:
        """Terms with dots between."""
        name, sign = self.letter(), self._rng.choice((",", "+", ","))
        dots = r"\cdots" if sign == "+" else r"\ldots"
        first, last = self._rng.choice("01"), self._rng.choice("nkm")
        ends = [[*name, "_", "{", index, "}"] for index in (first, last)]
        return [*ends[0], sign, dots, sign, *ends[1]]

    def matrix(self, budget: int) -> Tokens:
        """A matrix."""
        rows, columns = self._rng.randint(2, 3), self._rng.randint(1, 3)
        each = max(1, (budget - 2 - rows * columns) // (rows * columns))
        lines: list[Tokens] = []
        for _ in range(rows):
            cells = [self._cell(each) for _ in range(columns)]
            lines.append([token for cell in cells for token in ("&", *cell)][1:])
        return _environment(self._symbol(MATRICES[:2], MATRICES), lines)

    def _cell(self, budget: int) -> Tokens:
        if self._rng.random() < 0.06:
            return [self._rng.choice(DOTS)]
        return self.expression(budget)

    def _base(self, budget: int) -> Tokens:
        if budget > 4 and self._rng.random() < 0.3:
            return self.enclosed(budget // 2)
        return self.letter()

    def _script(self, budget: int) -> Tokens:
        if budget > 1 and self._rng.random() < 0.35:
            return self.expression(min(budget, 6))
        return self.atom()

    def _pick_atom(self) -> str:
        kind = self._rng.random()
        if kind < 0.25:
            return self._rng.choice(DIGITS)
        if kind < 0.96:
            return self.letter()[0]
        return self._rng.choice(CONSTANTS)

    def _symbol(self, common: Sequence[S], table: Sequence[S]) -> S:
        return self._rng.choice(table if self._rng.random() < RARE else common)

    def _share(self, budget: int) -> tuple[int, int]:
        left = self._rng.randint(1, max(1, budget - 1))
        return left, max(1, budget - left)

    def _pick(self, rules: Sequence[Rule], budget: int) -> Tokens:
        fitting = [rule for rule in rules if rule[0] <= budget]
        weights = [weight for _, weight, _ in fitting]
        ((_, _, rule),) = self._rng.choices(fitting, weights)
        return rule(self, budget)


Rule = tuple[int, float, Callable[[Grammar, int], Tokens]]
"""Fewest tokens, weight, and the method."""

_FORMULAS: tuple[Rule, ...] = (
    (1, 3, Grammar.expression),
    (3, 9, Grammar.relation),
    (7, 2, Grammar.chain),
    (5, 1, Grammar.arrow),
    (12, 1, Grammar.listed),
    (12, 0.5, Grammar.quantified),
    (22, 0.7, Grammar.aligned),
    (24, 0.6, Grammar.cases),
)

_EXPRESSIONS: tuple[Rule, ...] = (
    (2, 0.5, Grammar.number),
    (2, 6, Grammar.product),
    (2, 0.7, Grammar.negative),
    (3, 7, Grammar.operation),
    (5, 4, Grammar.power),
    (5, 4, Grammar.indexed),
    (9, 2, Grammar.both),
    (5, 0.5, Grammar.primed),
    (7, 4, Grammar.fraction),
    (7, 0.5, Grammar.binomial),
    (11, 0.8, Grammar.derivative),
    (4, 1.5, Grammar.root),
    (4, 2, Grammar.enclosed),
    (5, 1.5, Grammar.stretched),
    (2, 2, Grammar.applied),
    (14, 0.5, Grammar.named),
    (12, 2, Grammar.summed),
    (6, 2, Grammar.integral),
    (9, 1, Grammar.limit),
    (4, 1.5, Grammar.accented),
    (4, 1.5, Grammar.alphabet),
    (10, 0.3, Grammar.braced_over),
    (9, 0.4, Grammar.stacked),
    (9, 0.4, Grammar.builder),
    (13, 0.4, Grammar.sequence),
    (10, 1.2, Grammar.matrix),
)


def _braced(tokens: Tokens) -> Tokens:
    return ["{", *tokens, "}"]


def _environment(name: str, lines: Sequence[Tokens]) -> Tokens:
    # A bracket after a line break would be read as a length.
    rows = [["-", *line] if line[0] == "[" else line for line in lines]
    body = [token for row in rows for token in (r"\\", *row)][1:]
    return [rf"\begin{{{name}}}", *body, rf"\end{{{name}}}"]
