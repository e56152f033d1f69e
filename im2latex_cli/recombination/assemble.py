"""Larger formulas from pieces: chains, clauses, fractions, matrices, cases, aligned equations.

Pieces of real formulas are also swapped for others of their kind.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from im2latex_cli.recombination.alike import LETTERS, Usage, is_word, sites
from im2latex_cli.recombination.pieces import Piece, Tokens, pieces
from im2latex_cli.recombination.rename import adapt

LONGEST = 400
"""Tokens of the longest piece that is kept."""

_PLACE = 12
_MASK = (1 << _PLACE) - 1
_TRIES = 6
_ADAPTED = 0.7
_GREATEST_SHARE = 0.65


class Pool:
    """All pieces of some formulas by kind and length."""

    def __init__(self, formulas: Sequence[Tokens], *, most: int) -> None:
        """Take the formulas apart; of more than `most` formulas, every second, third ...."""
        self._formulas = formulas
        by_kind: dict[str, dict[int, array[int]]] = {}
        step = max(1, len(formulas) // most)
        for index in range(0, len(formulas), step):
            if len(formulas[index]) > _MASK:
                continue
            for kind, start, end in pieces(formulas[index]):
                if end - start <= LONGEST:
                    lengths = by_kind.setdefault(kind, {})
                    code = index << 2 * _PLACE | start << _PLACE | end
                    lengths.setdefault(end - start, array("q")).append(code)
        self._items: dict[str, array[int]] = {}
        self._starts: dict[str, list[int]] = {}
        for kind, lengths in by_kind.items():
            items: array[int] = array("q")
            starts = [0]
            for length in range(max(lengths) + 1):
                items.extend(lengths.get(length, ()))
                starts.append(len(items))
            self._items[kind], self._starts[kind] = items, starts

    def draw(self, kind: str, length: float, rng: Random) -> list[str] | None:
        """Draw a piece of about `length` tokens; None if there is none of its kind."""
        place = self.place(kind, length, rng)
        return None if place is None else list(place[0][place[1] : place[2]])

    def place(self, kind: str, length: float, rng: Random) -> tuple[Tokens, int, int] | None:
        """Draw a piece like `draw`; return its formula, start and end."""
        starts = self._starts.get(kind)
        if starts is None:
            return None
        last = len(starts) - 1
        spread = 1.3
        while True:
            low = starts[min(last, math.floor(length / spread))]
            high = starts[min(last, math.ceil(length * spread) + 1)]
            if low < high:
                code = self._items[kind][rng.randrange(low, high)]
                formula = self._formulas[code >> 2 * _PLACE]
                return formula, code >> _PLACE & _MASK, code & _MASK
            spread *= 2


def palette_of(tokens: list[str]) -> dict[str, list[str]]:
    """The letters of a formula by group, in the order of their first use."""
    return {
        group: list(dict.fromkeys(tokens[at] for at in places))
        for group, places in sites(tokens).items()
        if group in LETTERS
    }


def swap(tokens: list[str], pool: Pool, target: int, rng: Random) -> list[str]:
    """Put pieces of other formulas in place of one to four pieces of this one.

    Args:
        tokens: a formula.
        pool: pieces of other formulas.
        target: about how many tokens the result should have.
        rng: makes the choices.
    """
    slots = _choose(pieces(tokens), len(tokens), rng)
    palette = palette_of(tokens)
    missing = target - len(tokens)
    for number, (kind, start, end) in enumerate(slots):
        share = missing / (len(slots) - number)
        length = max(1.0, end - start + share) * rng.lognormvariate(0.0, 0.25)
        piece = pool.draw(kind, length, rng)
        if piece is None:
            continue
        if rng.random() < _ADAPTED and not is_word(kind):
            piece = adapt(piece, palette, rng)
        tokens = [*tokens[:start], *piece, *tokens[end:]]
        missing -= len(piece) - (end - start)
    return tokens


def _choose(candidates: list[Piece], length: int, rng: Random) -> list[Piece]:
    """Choose pieces that do not overlap, the last one first."""
    if not candidates:
        return []
    most = max(2.0, _GREATEST_SHARE * length)
    choice: list[Piece] = []
    count = 1 + (length > 12) + (length > 30) + (rng.random() < 0.3)
    for _ in range(_TRIES):
        piece = rng.choice(candidates)
        if piece.end - piece.start > most:
            continue
        if all(piece.end <= other.start or other.end <= piece.start for other in choice):
            choice.append(piece)
            if len(choice) == count:
                break
    return sorted(choice, key=lambda piece: -piece.start)


_MATRICES = ("pmatrix", "bmatrix", "matrix", "vmatrix", "Bmatrix", "smallmatrix", "array")
_CHEAPEST_MATRIX = 24
_CELL_TOKENS = (1, 1, 1, 2, 3, 5, 8)
_MOST_ROWS = 5

Builder = Callable[[list[str], int, "Stock"], list[str] | None]
"""From a formula and a target length to a larger formula, or None."""


@dataclass(frozen=True, slots=True)
class Stock:
    """Sources of the builders.

    Attributes:
        pool: pieces of real formulas.
        usage: which symbols real formulas use.
        rng: makes the choices.
    """

    pool: Pool
    usage: Usage
    rng: Random

    def piece(self, kind: str, length: float) -> list[str]:
        """Draw a piece of about that length; empty if the input has none of its kind."""
        return self.pool.draw(kind, max(1.0, length), self.rng) or []

    def equation(self, length: float) -> list[str]:
        """A left side and what it equals, as a row of `aligned`."""
        left = self.piece("left", 0.25 * length)
        return [*left, "&", "=", *self.piece("right", length - len(left))]


def grow(tokens: list[str], target: int, stock: Stock) -> list[str]:
    """Make a formula that is too short longer, in one of the ways of `_GROWING`."""
    builder = stock.rng.choices(_GROWING, _GROWING_WEIGHTS)[0]
    return builder(tokens, target, stock) or tokens


def build(tokens: list[str], target: int, stock: Stock) -> list[str]:
    """Build a structure with rows or a stack into a formula, or in its place."""
    builder = stock.rng.choices(_BUILDING, _BUILDING_WEIGHTS)[0]
    return builder(tokens, target, stock) or tokens


def chain(tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Add a relation and another right side."""
    if _is_closed(tokens):
        return None
    more = stock.piece("right", target - len(tokens) - 1)
    return [*tokens, "=", *more] if more else None


def sum_up(tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Add an operator and another term."""
    if _is_closed(tokens):
        return None
    more = stock.piece("term", target - len(tokens) - 1)
    sign = stock.rng.choice(("+", "-", "+"))
    return [*tokens, sign, *more] if more else None


def clause(tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Add a comma and an equation."""
    if _is_closed(tokens):
        return None
    row = stock.equation(target - len(tokens) - 3)
    row.remove("&")
    return [*tokens, ",", stock.rng.choice(("\\quad", "\\qquad", "\\;")), *row]


def _is_closed(tokens: list[str]) -> bool:
    """Whether nothing can be added behind: it ends a sentence, or is an environment."""
    return tokens[-1] in (".", ",") or tokens[0].startswith("\\begin{")


def fraction(tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Stack a term of the formula on another."""
    slot = _slot(tokens, "term", stock.rng, most=0.5 * len(tokens) + 2)
    if slot is None:
        return None
    start, end = slot
    other = stock.piece("\\frac1", target - len(tokens) - 5)
    above, below = tokens[start:end], other
    if stock.rng.random() < 0.3:
        above, below = below, above
    stack = ["\\frac", "{", *above, "}", "{", *below, "}"]
    return [*tokens[:start], *stack, *tokens[end:]] if other else None


def matrix(tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Replace a term or a right side by a matrix of real cells."""
    rng = stock.rng
    slot = _slot(tokens, rng.choice(("term", "right")), rng, most=len(tokens))
    if slot is None or target < _CHEAPEST_MATRIX:
        return None
    start, end = slot
    budget = target - (len(tokens) - (end - start)) - 2
    each = rng.choice(_CELL_TOKENS) + 1
    cells = max(2, budget // each)
    columns = rng.randint(1, 4) if cells > 3 else rng.randint(1, 2)
    rows = max(1, min(_MOST_ROWS, cells // columns))
    if rows * columns == 1:
        rows = 2
    lines = [_row([stock.piece("cell", each - 1) for _ in range(columns)]) for _ in range(rows)]
    block = _environment(_matrix_name(stock), lines, columns, rng)
    return [*tokens[:start], *block, *tokens[end:]]


def _matrix_name(stock: Stock) -> str:
    counts = stock.usage.counts
    weights = [counts[f"\\begin{{{name}}}"] ** 0.5 for name in _MATRICES]
    return stock.rng.choices(_MATRICES, weights)[0] if any(weights) else _MATRICES[0]


def cases(_tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """A left side defined by cases, from real ones."""
    left = stock.piece("left", 0.15 * target)
    rows = stock.rng.choice((2, 2, 2, 3, 3, 4))
    each = (target - len(left) - 3) / rows
    lines = [
        [*stock.piece("case0", 0.5 * each), "&", *stock.piece("case1", 0.5 * each)]
        for _ in range(rows)
    ]
    return [*left, "=", *_environment("cases", lines, 2, stock.rng)] if left else None


def aligned(_tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Equations under each other: new ones, or one that goes on."""
    rng = stock.rng
    rows = rng.choice((2, 2, 2, 3, 3, 4))
    each = target / rows - 2
    lines = [stock.equation(each)]
    way = rng.choices(("goes on", "rows", "equations"), (4, 3, 3))[0]
    for _ in range(rows - 1):
        row = stock.piece("align row 2", each + 1) if way == "rows" else []
        lines.append(
            row or (_continuation(each, stock) if way == "goes on" else stock.equation(each))
        )
    return _environment("aligned", lines, 2, rng)


def _continuation(length: float, stock: Stock) -> list[str]:
    """A row that goes on with the left side of the one above."""
    sign = stock.rng.choice(("=", "=", "=", "\\leq", "+", "-"))
    return ["&", sign, *stock.piece("term" if sign in ("+", "-") else "right", length)]


def gathered(_tokens: list[str], target: int, stock: Stock) -> list[str] | None:
    """Whole formulas under each other."""
    rows = stock.rng.choice((2, 2, 3))
    lines = [stock.equation(target / rows - 1) for _ in range(rows)]
    for line in lines:
        line.remove("&")
    return _environment("gathered", lines, 1, stock.rng)


def _row(cells: list[list[str]]) -> list[str]:
    return [token for cell in cells for token in ("&", *cell)][1:]


def _environment(name: str, lines: list[list[str]], columns: int, rng: Random) -> list[str]:
    body = [token for line in lines for token in ("\\\\", *line)][1:]
    letters = ["{", *[rng.choice("cccclr")] * columns, "}"] if name == "array" else []
    return [f"\\begin{{{name}}}", *letters, *body, f"\\end{{{name}}}"]


def _slot(tokens: list[str], kind: str, rng: Random, *, most: float) -> tuple[int, int] | None:
    slots = [
        (piece.start, piece.end)
        for piece in pieces(tokens)
        if piece.kind == kind and piece.end - piece.start <= most
    ]
    return rng.choice(slots) if slots else None


_GROWING: tuple[Builder, ...] = (chain, sum_up, clause, fraction)
_GROWING_WEIGHTS = (4, 4, 2, 2)
_BUILDING: tuple[Builder, ...] = (fraction, matrix, cases, aligned, gathered)
_BUILDING_WEIGHTS = (3, 4, 1, 3, 0.5)
