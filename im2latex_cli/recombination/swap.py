"""Pieces of real formulas, and swapping them for others of their kind."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from random import Random

from im2latex_cli.recombination.alike import LETTERS
from im2latex_cli.recombination.pieces import Piece, Tokens, pieces
from im2latex_cli.recombination.rename import adapt
from im2latex_cli.recombination.sites import is_word, sites

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
