r"""Spaces in places that an author might have chosen.

Real formulas have few, and mostly where a reader expects them; put anywhere, they can only be read
from the width of the gap.
"""

from __future__ import annotations

from random import Random

from im2latex_cli.recombination.alike import LETTERS, Usage
from im2latex_cli.recombination.sites import sites

_BEFORE_PUNCTUATION = 0.3
_RUN = 0.15
_LONGEST_RUN = 4
_TOKENS_A_SPACE = 12
_CLOSED = frozenset([")", "]", "}", ",", "=", "\\}"])
_BOUND = frozenset(["^", "_", "{", "}", "&", "'"])
_PUNCTUATION = frozenset([",", "."])


def space_out(tokens: list[str], usage: Usage, rng: Random) -> list[str]:
    """Put spaces of the kinds that real formulas have into some gaps.

    Args:
        tokens: a normal form.
        usage: which spaces the input has, and how often.
        rng: makes the choices.
    """
    gaps = _gaps(tokens)
    if not gaps:
        return tokens
    ends = [at for at in gaps if tokens[at] in _PUNCTUATION]
    spaces: dict[int, list[str]] = {}
    for _ in range(1 + rng.randrange(1 + len(tokens) // _TOKENS_A_SPACE)):
        space = usage.draw("space", rng)
        if space is None:
            return tokens
        at = rng.choice(ends if ends and rng.random() < _BEFORE_PUNCTUATION else gaps)
        spaces[at] = [space] * (rng.randint(2, _LONGEST_RUN) if rng.random() < _RUN else 1)
    return [one for at, token in enumerate(tokens) for one in (*spaces.get(at, ()), token)]


def _gaps(tokens: list[str]) -> list[int]:
    """Places before which a space may stand: between two atoms of one list, not in a number."""
    places = sites(tokens)
    letters = {at for group in LETTERS for at in places.get(group, ())}
    digits = set(places.get("digit", ()))
    return [
        at
        for at in range(1, len(tokens))
        if (at - 1 in letters or at - 1 in digits or tokens[at - 1] in _CLOSED)
        and tokens[at] not in _BOUND
        and not (at in digits and at - 1 in digits)
    ]
