"""Running text for typeset pages: grammatical in shape, without meaning."""

from __future__ import annotations

import random
from collections.abc import Sequence

_NOUNS = """
theorem proof lemma result argument function map space group field ring module operator matrix
vector basis kernel image measure integral series sequence limit bound estimate inequality equation
solution system model parameter variable constant coefficient term factor product sum difference
energy momentum particle wave current charge mass velocity pressure temperature density surface
volume boundary domain region curve point line plane angle distance length metric tensor connection
bundle section sheaf category functor object morphism sample mean variance distribution likelihood
estimator test error noise signal filter network layer weight gradient loss step method algorithm
graph vertex edge path tree node state transition probability event experiment figure table chapter
approach author reader student question example exercise case condition assumption definition
notation convention remark property structure theory problem observation measurement value number
""".split()  # noqa: SIM905
_VERBS = """
is shows gives yields implies follows holds satisfies denotes defines determines describes depends
converges vanishes decreases increases commutes factors extends preserves induces generates requires
contains bounds controls represents approximates minimises computes measures predicts explains
""".split()  # noqa: SIM905
_ADJECTIVES = """
linear smooth compact finite discrete continuous bounded positive symmetric local global simple free
abelian normal regular stable uniform standard natural canonical exact explicit weak strong large
small classical quantum thermal average random independent optimal convex sparse general special
important previous following similar different new total relative absolute real complex integer
""".split()  # noqa: SIM905
_GLUE = """
of for in on by with from to over under between through at as and or but where since because if when
while although then thus hence also only again moreover however therefore
""".split()  # noqa: SIM905
_DETERMINERS = "the the the a this that each every some any our its".split()  # noqa: SIM905
_OPENERS = """
We Let It Here Now Then There This The In For By Since If Note Recall Consider Suppose Observe Hence
Moreover However Finally Thus
""".split()  # noqa: SIM905
_SYLLABLES = """
an ber chi da el for gen hau in jo kra lin mo ner os pel qui ra sch tor ur vel wei xi yo zen ter ing
lich ung keit tion ment able ous ique eur ado ista ov ski sen berg mann
""".split()  # noqa: SIM905
_PUNCTUATION = (",", ",", ";", ":", " --")


class Prose:
    """Makes words, sentences and titles.

    Args:
        rng: what chooses.
        foreign: share of words that are of no language.
    """

    def __init__(self, rng: random.Random, *, foreign: float = 0.05) -> None:
        self._rng = rng
        self._foreign = foreign

    def word(self) -> str:
        """One word in lower case."""
        rng = self._rng
        if rng.random() < self._foreign:
            return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 4)))
        kinds = (_NOUNS, _VERBS, _ADJECTIVES, _GLUE, _DETERMINERS)
        return rng.choice(rng.choices(kinds, (5, 2, 3, 4, 4))[0])

    def words(self, count: int) -> list[str]:
        """So many words."""
        return [self.word() for _ in range(count)]

    def sentence(self, inline: Sequence[str] = ()) -> str:
        """A sentence with the given pieces of LaTeX at random places in it."""
        rng = self._rng
        words = [rng.choice(_OPENERS), *self.words(rng.randint(5, 22))]
        for piece in inline:
            words.insert(rng.randint(1, len(words)), piece)
        for at in range(3, len(words) - 2):
            if rng.random() < 0.06:
                words[at] += rng.choice(_PUNCTUATION)
            elif rng.random() < 0.02:
                words[at] = rng.choice(
                    (f"[{rng.randint(1, 60)}]", f"({self.word()})", f"({rng.randint(1, 40)})")
                )
            elif rng.random() < 0.015:
                words[at] = str(rng.randint(2, 3000))
        return " ".join(words) + rng.choice(".....?:")

    def title(self) -> str:
        """A few words, the first with a capital letter."""
        return " ".join(self.words(self._rng.randint(1, 6))).capitalize()

    def name(self) -> str:
        """A made-up person."""
        rng = self._rng
        family = "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3))).capitalize()
        return f"{rng.choice('ABCDEFGHJKLMNPRSTVW')}. {family}"
