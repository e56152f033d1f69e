r"""Larger formulas from pieces: chains, clauses, fractions, matrices, cases, aligned equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from im2latex_cli.recombination.alike import Usage
from im2latex_cli.recombination.pieces import pieces
from im2latex_cli.recombination.swap import Pool

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
