"""Formulas from a grammar over the whole symbol set, as many as wanted.

Formula `i` depends on the seed and on `i` only, so a larger data set begins with the smaller one.
A budget of tokens is drawn for each formula (log-normal) and handed down the rules; most spend a
little less, so that lengths have median 20 and ninth decile 45.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from im2latex_cli.data.generated import symbols
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.latex.tokenizer import join

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
        sign = self._symbol(symbols.COMMON_RELATIONS, symbols.RELATIONS)
        return [*self.expression(left), sign, *self.expression(right)]

    def chain(self, budget: int) -> Tokens:
        """A relation that goes on."""
        left, right = self._share(budget - 1)
        sign = self._symbol(symbols.COMMON_RELATIONS, symbols.RELATIONS)
        return [*self.relation(max(3, left)), sign, *self.expression(right)]

    def arrow(self, budget: int) -> Tokens:
        """Two expressions with an arrow between."""
        left, right = self._share(budget - 1)
        sign = self._symbol(symbols.ARROWS[:5], symbols.ARROWS)
        return [*self.expression(left), sign, *self.expression(right)]

    def listed(self, budget: int) -> Tokens:
        """Formulas one after the other."""
        left, right = self._share(budget - 2)
        mark = self._rng.choice(symbols.PUNCTUATION)
        space = self._symbol(symbols.SPACES[:2], symbols.SPACES)
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
            sign = self._symbol(symbols.COMMON_RELATIONS, symbols.RELATIONS)
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
            return [self._symbol(symbols.VARIABLES, symbols.LETTERS)]
        return [self._symbol(symbols.COMMON_GREEK, symbols.GREEK)]

    def number(self, _budget: int) -> Tokens:
        """A number of two or three digits, perhaps with a point."""
        digits = [self._rng.choice(symbols.DIGITS) for _ in range(self._rng.randint(1, 2))]
        first = self._rng.choice(symbols.DIGITS[1:])
        return [first, ".", *digits] if self._rng.random() < 0.2 else [first, *digits]

    def operation(self, budget: int) -> Tokens:
        """Two expressions and an operator."""
        left, right = self._share(budget - 1)
        sign = self._symbol(symbols.COMMON_OPERATORS, symbols.OPERATORS)
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
        left, right = self._symbol(symbols.PAIRS[:3], symbols.PAIRS)
        return [left, *self.expression(budget - 2), right]

    def stretched(self, budget: int) -> Tokens:
        """An expression in brackets of its height."""
        left, right = self._symbol(symbols.STRETCHED[:4], symbols.STRETCHED)
        return [rf"\left{left}", *self.expression(budget - 2), rf"\right{right}"]

    def applied(self, budget: int) -> Tokens:
        """A function of something."""
        if self._rng.random() < 0.4:
            arguments = self.expression(budget - 3)
            return [*self.letter(), "(", *arguments, ")"]
        function = self._symbol(symbols.FUNCTIONS[:6], symbols.FUNCTIONS)
        return [function, *self.expression(budget - 1)]

    def named(self, budget: int) -> Tokens:
        """A named operator of something."""
        name = list(self._rng.choice(symbols.NAMES))
        return [r"\operatorname", *_braced(name), "(", *self.expression(budget - 8), ")"]

    def summed(self, budget: int) -> Tokens:
        """A sum, a product or their like."""
        sign = self._symbol(symbols.BIG_OPERATORS[:4], symbols.BIG_OPERATORS)
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
        sign = self._rng.choice(symbols.INTEGRALS)
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
        sign = self._symbol(symbols.LIMITS[:3], symbols.LIMITS)
        below = [*self.letter(), r"\rightarrow", self._rng.choice((r"\infty", "0", "1", "a"))]
        return [sign, "_", *_braced(below), *self.expression(budget - 7)]

    def accented(self, budget: int) -> Tokens:
        """Something under an accent."""
        accent = self._symbol(symbols.ACCENTS[:7], symbols.ACCENTS)
        long = accent.startswith((r"\over", r"\under", r"\wide"))
        return [accent, *_braced(self.expression(min(budget - 3, 4)) if long else self.letter())]

    def alphabet(self, _budget: int) -> Tokens:
        """A letter of another alphabet."""
        name = self._rng.choice(symbols.ALPHABETS)
        letter = self._rng.choice(symbols.LETTERS)
        return [name, *_braced([letter.upper() if name in symbols.CAPITALS_ONLY else letter])]

    def braced_over(self, budget: int) -> Tokens:
        """An expression with a brace and what it says."""
        name, script = self._rng.choice(((r"\underbrace", "_"), (r"\overbrace", "^")))
        return [name, *_braced(self.expression(budget - 7)), script, *_braced(self.atom())]

    def stacked(self, budget: int) -> Tokens:
        """One thing over or under another."""
        name = self._rng.choice((r"\overset", r"\underset", r"\stackrel"))
        sign = [self._symbol(symbols.COMMON_RELATIONS, symbols.RELATIONS)]
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
        return _environment(self._symbol(symbols.MATRICES[:2], symbols.MATRICES), lines)

    def _cell(self, budget: int) -> Tokens:
        if self._rng.random() < 0.06:
            return [self._rng.choice(symbols.DOTS)]
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
            return self._rng.choice(symbols.DIGITS)
        if kind < 0.96:
            return self.letter()[0]
        return self._rng.choice(symbols.CONSTANTS)

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
