"""New formulas from real ones: pieces swapped between formulas, symbols changed, lengths kept.

The same formulas and seed make the same new ones, and more of them begin with fewer. What comes out
is a fixed point of the normaliser, holds no token that the real formulas lack, and is equal to none
of them, to none of the others and, spacing aside, to none that is held out.

Some are made for tokens that real formulas seldom use. Spaces are added only in places that an
author might have chosen: put anywhere, they can only be read from the width of the gap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Literal

from im2latex_cli.latex.normalize import normalize
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.recombination.alike import CAPITALS_ONLY, LETTERS, Usage, group_of, is_word, sites
from im2latex_cli.recombination.assemble import Pool, Stock, build, grow, palette_of, swap
from im2latex_cli.recombination.pieces import Piece, Tokens, pieces
from im2latex_cli.recombination.rename import adapt, vary

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


VERSION = "3"
"""Changes whenever the same input makes other formulas."""

NormalForm = tuple[str, ...]
Spacing = Literal["keep", "drop"]

_POOLED = 100_000
_TRIES = 40
_ROUNDS = 3
_BUILT = 0.06
_SMALLEST_BUILT = 10
_GROWN = 0.5
_ROOM = 6
_SPACED = 0.5
_TARGETS = 8
"""Lengths that are tried before the input is taken to be exhausted."""
_BARREN = 300
"""Failures in a row after which a rare token gets no more formulas."""


def recombine(
    formulas: Sequence[Tokens],
    count: int,
    *,
    seed: int,
    held_out: Iterable[Tokens] = (),
    spacing: Spacing = "keep",
    longer: float = 1.0,
    min_examples: int = 0,
) -> Iterator[NormalForm]:
    """Make new formulas from real ones.

    Args:
        formulas: normal forms; one that comes twice counts twice.
        count: how many to make; fewer come if the input is too small for it.
        seed: of all choices.
        held_out: normal forms that must not come out, whatever their spacing.
        spacing: of the normal form of `formulas`.
        longer: lengths are drawn from the real ones and multiplied by this.
        min_examples: extra formulas follow until every token that at least two real formulas hold
            is in this many formulas, real or new; 0 makes no extra ones.

    Yields:
        Normal forms, all different.
    """
    if formulas and (count or min_examples):
        maker = Maker(formulas, seed=seed, held_out=held_out, spacing=spacing, longer=longer)
        counts = Counter[str]()
        for formula in maker.mix(count):
            counts.update(set(formula))
            yield formula
        if min_examples:
            yield from maker.fill(counts, min_examples)


class Gate:
    """Decides which formulas may come out."""

    def __init__(
        self, formulas: Iterable[Tokens], held_out: Iterable[Tokens], *, spacing: Spacing
    ) -> None:
        """Remember the forms that are there."""
        self._spacing = spacing
        self._formulas = {" ".join(form) for form in formulas}
        self._tokens = {token for form in self._formulas for token in form.split(" ")}
        self._held_out: set[str] = set()
        self._marks: set[str] = set()
        for form in held_out:
            bare = _bare(form)
            self._held_out.add(" ".join(bare))
            self._marks.add(_mark(bare))

    def admit(self, tokens: list[str], *, token: str | None = None) -> NormalForm | None:
        """The normal form of a formula if it is sound, new and holds the token, else None."""
        normal = normalize(join(tokens), spacing=self._spacing)
        if normal.problem is not None or not self._tokens.issuperset(normal.tokens):
            return None
        if token is not None and token not in normal.tokens:
            return None
        form = " ".join(normal.tokens)
        if form in self._formulas or not (
            normal.tokens == tuple(tokens) or self._is_fixed(normal.tokens)
        ):
            return None
        if _mark(normal.tokens) in self._marks and " ".join(_bare(normal.tokens)) in self._held_out:
            return None
        self._formulas.add(form)
        return normal.tokens

    def _is_fixed(self, tokens: NormalForm) -> bool:
        return normalize(join(tokens), spacing=self._spacing).tokens == tokens


def _bare(tokens: Tokens) -> NormalForm:
    return normalize(join(tokens), spacing="drop").tokens


def _mark(tokens: Tokens) -> str:
    """What of a formula no change of spacing touches: its letters and digits in their order."""
    return "".join([token for token in tokens if len(token) == 1 and token.isalnum()])


class Maker:
    """Makes formulas one after the other."""

    def __init__(
        self,
        formulas: Sequence[Tokens],
        *,
        seed: int,
        held_out: Iterable[Tokens],
        spacing: Spacing,
        longer: float,
    ) -> None:
        """Take the formulas apart."""
        self._rng = Random(f"{VERSION}/{seed}")
        self._formulas = sorted(formulas, key=len)
        self._lengths = [len(form) for form in self._formulas]
        self._longer = longer
        self._pool = Pool(formulas, most=_POOLED)
        self._usage = Usage(Counter(token for form in formulas for token in form))
        self._stock = Stock(self._pool, self._usage, self._rng)
        self._gate = Gate(formulas, held_out, spacing=spacing)

    def make(self) -> NormalForm | None:
        """Make one formula; None once the input is exhausted."""
        rng = self._rng
        for _ in range(_TARGETS):
            target = max(2, round(rng.choice(self._lengths) * self._longer))
            for _ in range(_TRIES):
                formula = self._attempt(target)
                if formula is not None:
                    return formula
        return None

    def mix(self, count: int) -> Iterator[NormalForm]:
        """Make `count` formulas, fewer if the input is exhausted."""
        for _ in range(count):
            formula = self.make()
            if formula is None:
                return
            yield formula

    def fill(self, new_counts: Counter[str], floor: int) -> Iterator[NormalForm]:
        """Make formulas until each token has `floor` examples, if that is possible.

        Args:
            new_counts: for each token, how many of the new formulas so far hold it.
            floor: smallest number of examples.
        """
        real = list(dict.fromkeys(map(tuple, self._formulas)))
        counts = examples(real)
        rare = Rare(real, counts, self._pool, floor=floor)
        totals = counts + new_counts
        for token in rare.tokens:
            failures = 0
            while totals[token] < floor and failures < _BARREN:
                formula = self._with(token, rare)
                if formula is None:
                    failures += 1
                    continue
                failures = 0
                totals.update(set(formula))
                yield formula

    def _with(self, token: str, rare: Rare) -> NormalForm | None:
        target = round(self._rng.choice(self._lengths) * self._longer)
        tokens = rare.attempt(token, target, self._rng)
        if tokens is None:
            return None
        variant = vary(tokens, self._usage, self._rng)
        return self._gate.admit(variant if token in variant else tokens, token=token)

    def _attempt(self, target: int) -> NormalForm | None:
        rng, slack = self._rng, max(2.0, 0.15 * target)
        tokens = list(self._base(target))
        if target >= _SMALLEST_BUILT and rng.random() < _BUILT:
            tokens = build(tokens, target, self._stock)
        for _ in range(_ROUNDS):
            tokens = swap(tokens, self._pool, target, rng)
            if abs(len(tokens) - target) <= slack:
                break
            if len(tokens) < target - _ROOM and rng.random() < _GROWN:
                tokens = grow(tokens, target, self._stock)
        tokens = vary(tokens, self._usage, rng)
        if rng.random() < _SPACED:
            tokens = space_out(tokens, self._usage, rng)
        formula = self._gate.admit(tokens)
        if formula is None or abs(len(formula) - target) > 1.5 * slack:
            return None
        return formula

    def _base(self, target: int) -> Tokens:
        """Draw a real formula of about that length, or shorter if there is none."""
        low = bisect_left(self._lengths, 0.6 * target)
        high = bisect_left(self._lengths, 1.2 * target + 2)
        if low >= high:
            low, high = bisect_left(self._lengths, 0.5 * self._lengths[-1]), len(self._lengths)
        return self._formulas[self._rng.randrange(low, high)]
