"""Formulas for tokens that real formulas seldom use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

from im2latex_cli.recombination.alike import CAPITALS_ONLY, group_of
from im2latex_cli.recombination.pieces import Piece, Tokens, pieces
from im2latex_cli.recombination.rename import adapt
from im2latex_cli.recombination.sites import is_word, sites
from im2latex_cli.recombination.swap import Pool, palette_of, swap

FEWEST = 2
"""Real formulas that must use a token before more are made with it: one may be a slip."""

_GROUPS_KEPT = 4000
_CANDIDATES = 4
_LONGEST_PIECE = 40
_SUBSTITUTED = 0.45
_TRANSPLANTED = 0.8


def examples(formulas: Sequence[Tokens]) -> Counter[str]:
    """Count the formulas that hold each token."""
    counts = Counter[str]()
    for form in formulas:
        counts.update(set(form))
    return counts


class Rare:
    """Makes formulas that hold a rare token."""

    def __init__(
        self, formulas: Sequence[Tokens], counts: Mapping[str, int], pool: Pool, *, floor: int
    ) -> None:
        """Find the formulas that hold a rare token, or one of its group.

        Args:
            formulas: all different.
            counts: formulas that hold each token.
            pool: their pieces.
            floor: how many formulas should hold each token.
        """
        self.tokens = sorted(token for token, n in counts.items() if FEWEST <= n < floor)
        self._formulas = formulas
        self._pool = pool
        self._holders: dict[str, list[int]] = {token: [] for token in self.tokens}
        self._like: dict[str, list[int]] = {group_of(token): [] for token in self.tokens}
        self._like.pop("", None)
        for index, form in enumerate(formulas):
            for token in dict.fromkeys(form):
                if token in self._holders:
                    self._holders[token].append(index)
                like = self._like.get(group_of(token))
                if like is not None and len(like) < _GROUPS_KEPT and like[-1:] != [index]:
                    like.append(index)

    def attempt(self, token: str, target: int, rng: Random) -> list[str] | None:
        """Try to make a formula of about `target` tokens with `token`; it may not hold it yet."""
        chance = rng.random()
        if chance < _SUBSTITUTED and len(self._like.get(group_of(token), ())) > 1:
            return self._substitute(token, target, rng)
        if chance < _TRANSPLANTED:
            return self._transplant(token, target, rng)
        own = list(self._formulas[rng.choice(self._holders[token])])
        return swap(own, self._pool, len(own), rng)

    def _substitute(self, token: str, target: int, rng: Random) -> list[str] | None:
        """Replace another token of its group by the token."""
        group = group_of(token)
        candidates = [rng.choice(self._like[group]) for _ in range(_CANDIDATES)]
        nearest = min(candidates, key=lambda index: abs(len(self._formulas[index]) - target))
        tokens = list(self._formulas[nearest])
        places = sites(tokens).get(group)
        if token in CAPITALS_ONLY:
            places = [at for at in places or () if group_of(tokens[at + 2]) == "upper"]
        if not places:
            return None
        old = tokens[rng.choice(places)]
        throughout = group not in ("space", "newline", "digit")
        for at in places:
            if tokens[at] == old and (throughout or rng.random() < _SUBSTITUTED):
                tokens[at] = token
        return tokens

    def _transplant(self, token: str, target: int, rng: Random) -> list[str] | None:
        """Replace a piece by a real one of its kind that holds the token."""
        source = self._formulas[rng.choice(self._holders[token])]
        matching = [piece for piece in pieces(source) if _holds(source, piece, token)]
        if not matching:
            return None
        kind, start, end = rng.choice(matching)
        slots = [self._pool.place(kind, end - start, rng) for _ in range(_CANDIDATES)]
        candidates = [slot for slot in slots if slot is not None]
        if not candidates:
            return None
        base, low, high = min(candidates, key=lambda slot: abs(len(slot[0]) - target))
        piece = list(source[start:end])
        if rng.random() < _TRANSPLANTED and not is_word(kind):
            piece = adapt(piece, palette_of(list(base)), rng)
        return [*base[:low], *piece, *base[high:]]


def _holds(form: Tokens, piece: Piece, token: str) -> bool:
    short = piece.end - piece.start <= _LONGEST_PIECE
    return short and token in form[piece.start : piece.end]
