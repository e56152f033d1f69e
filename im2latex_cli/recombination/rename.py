r"""New symbols for a formula: letters, numbers, fonts, accents, operators and brackets.

Letters change through the whole formula, so that what was equal stays equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from im2latex_cli.recombination.alike import CAPITALS_ONLY, LETTERS, SHAPES, Usage, group_of, sites

Change = Callable[["Draft", Random], None]

_DIFFERENTIAL = frozenset("de")
_SIZES = ("\\big", "\\Big", "\\bigg", "\\Bigg")
_PLAIN, _STRETCHED = "", "\\left"
_NEUTRAL = frozenset("01")
_NEW_DIGITS = 0.4
_LONGEST_PLAIN = 40
_BOLD = {"\\boldsymbol": 3, "\\mathbf": 2}
"""Bold fonts, and how many of the groups of letters (lower, upper, Greek) each can set."""


class Draft:
    """A formula whose symbols are being changed.

    Attributes:
        tokens: as they came.
        sites: what may be renamed.
        usage: what new symbols are drawn by.
        edits: place to the tokens that go there.
    """

    __slots__ = ("edits", "sites", "tokens", "usage")

    def __init__(self, tokens: list[str], usage: Usage) -> None:
        """Find what may be renamed in `tokens`."""
        self.tokens = tokens
        self.sites = sites(tokens)
        self.usage = usage
        self.edits: dict[int, list[str]] = {}

    def finished(self) -> list[str]:
        """The formula with its new symbols."""
        if not self.edits:
            return self.tokens
        out: list[str] = []
        done = 0
        for place in sorted(self.edits):
            out += self.tokens[done:place]
            out += self.edits[place]
            done = place + 1
        return out + self.tokens[done:]

    def put(self, mapping: Mapping[str, str], group: str) -> None:
        """Replace tokens of a group by what they map to."""
        for place in self.sites.get(group, ()):
            new = mapping.get(self.tokens[place])
            if new is not None:
                self.edits[place] = [new]

    def single(self, place: int) -> bool:
        """Whether the token is the only one in the braces of a font or an accent."""
        tokens = self.tokens
        if place < 2 or tokens[place - 1] != "{" or tokens[place + 1] != "}":
            return False
        return group_of(tokens[place - 2]) in ("font", "accent", "wide")


def vary(tokens: list[str], usage: Usage, rng: Random) -> list[str]:
    """Give a formula new symbols: each kind of change with its own chance."""
    draft = Draft(tokens, usage)
    for chance, change in _CHANGES:
        if rng.random() < chance:
            change(draft, rng)
    return draft.finished()


def letters(draft: Draft, rng: Random) -> None:
    """Rename some letters throughout, to letters that the formula does not have yet."""
    share = rng.choice((0.3, 0.6, 1.0))
    for group in ("lower", "upper", "greek", "Greek"):
        present = dict.fromkeys(draft.tokens[place] for place in draft.sites.get(group, ()))
        mapping: dict[str, str] = {}
        for letter in present:
            if rng.random() > share or (letter in _DIFFERENTIAL and rng.random() < 0.95):
                continue
            new = draft.usage.alike(letter, rng)
            if new not in present and new not in mapping.values():
                mapping[letter] = new
        if mapping:
            draft.put(mapping, group)


def numbers(draft: Draft, rng: Random) -> None:
    """Write other digits in some places; an argument does not become 0 or 1."""
    for place in draft.sites.get("digit", ()):
        if rng.random() < _NEW_DIGITS:
            new = draft.usage.draw("digit", rng) or "1"
            alone = draft.tokens[place - 1 : place + 2 : 2] == ["{", "}"]
            if not (alone and new in _NEUTRAL):
                draft.edits[place] = [new]


def one_kind(group: str, everywhere: float) -> Change:
    """Make a change that replaces one symbol of a group, everywhere or in one place."""

    def change(draft: Draft, rng: Random) -> None:
        places = draft.sites.get(group)
        if not places:
            return
        place = rng.choice(places)
        old, new = draft.tokens[place], draft.usage.alike(draft.tokens[place], rng)
        if rng.random() < everywhere:
            draft.put({old: new}, group)
        else:
            draft.edits[place] = [new]

    return change


def fonts(draft: Draft, rng: Random) -> None:
    """Change a font throughout, if it has the letters."""
    places = draft.sites.get("font")
    if not places:
        return
    old = draft.tokens[rng.choice(places)]
    new = draft.usage.alike(old, rng)
    inside = [draft.tokens[at + 2] for at in places if draft.tokens[at] == old]
    if new not in CAPITALS_ONLY or all(group_of(letter) == "upper" for letter in inside):
        draft.put({old: new}, "font")


def dress(draft: Draft, rng: Random) -> None:
    """Set one letter in a font, or under an accent, throughout."""
    group = rng.choice(("lower", "upper", "upper", "greek"))
    places = draft.sites.get(group)
    if not places:
        return
    letter = draft.tokens[rng.choice(places)]
    plain = [at for at in places if draft.tokens[at] == letter]
    if any(draft.single(at) or at in draft.edits for at in plain):
        return
    kind = "accent" if group == "greek" or rng.random() < 0.5 else "font"
    word = draft.usage.draw(kind, rng)
    if word is None or (word in CAPITALS_ONLY and group != "upper"):
        return
    for at in plain:
        draft.edits[at] = [word, "{", letter, "}"]


def vectors(draft: Draft, rng: Random) -> None:
    """Set one to three letters in one bold font throughout, under accents too."""
    fonts = [font for font in _BOLD if draft.usage.counts[font]]
    if not fonts:
        return
    font, places = rng.choice(fonts), dict[str, list[int]]()
    for group in ("lower", "upper", "greek")[: _BOLD[font]]:
        for at in draft.sites.get(group, ()):
            if not draft.single(at) or group_of(draft.tokens[at - 2]) != "font":
                places.setdefault(draft.tokens[at], []).append(at)
    for letter in rng.sample(list(places), min(len(places), rng.choice((1, 1, 2, 3)))):
        for at in places[letter]:
            draft.edits[at] = [font, "{", *draft.edits.get(at, [letter]), "}"]


def brackets(draft: Draft, rng: Random) -> None:
    """Give one pair of brackets another shape, or another size."""
    places = draft.sites.get("bracket")
    if not places:
        return
    pick = 2 * rng.randrange(len(places) // 2)
    opening, closing = places[pick], places[pick + 1]
    tokens, size = draft.tokens, _PLAIN
    if tokens[opening].startswith(_STRETCHED) and tokens[opening] not in SHAPES:
        size = _STRETCHED
    elif opening and tokens[opening - 1].startswith(_SIZES):
        return
    shape = tokens[opening].removeprefix(_STRETCHED) if size else tokens[opening]
    if rng.random() < 0.5:
        shape = rng.choice(("(", "[", "(", "[", "\\{", "\\langle"))
    else:
        size = _other_size(size, closing - opening, rng)
    draft.edits[opening], draft.edits[closing] = _pair(size, shape)


def _other_size(size: str, length: int, rng: Random) -> str:
    if size == _STRETCHED and rng.random() < 0.5:
        return _PLAIN
    if size == _PLAIN and (length > _LONGEST_PLAIN or rng.random() < 0.6):
        return _STRETCHED
    return rng.choices(_SIZES, (5, 4, 2, 1))[0]


def _pair(size: str, shape: str) -> tuple[list[str], list[str]]:
    other = SHAPES[shape]
    if size == _PLAIN:
        return [shape], [other]
    if size == _STRETCHED:
        return [f"\\left{shape}"], [f"\\right{other}"]
    return [f"{size}l", shape], [f"{size}r", other]


def adapt(piece: list[str], palette: Mapping[str, list[str]], rng: Random) -> list[str]:
    """Write a piece from elsewhere in the letters of the formula that it goes into.

    Args:
        piece: its tokens.
        palette: letters of the formula by group.
        rng: makes the choices.
    """
    mapping: dict[int, str] = {}
    for group, places in sites(piece).items():
        own = palette.get(group) if group in LETTERS else None
        if not own:
            continue
        old = dict.fromkeys(piece[at] for at in places)
        free = [letter for letter in own if letter not in old]
        rng.shuffle(free)
        new = dict(zip((letter for letter in old if letter not in own), free, strict=False))
        mapping |= {at: new.get(piece[at], piece[at]) for at in places}
    return [mapping.get(at, token) for at, token in enumerate(piece)] if mapping else piece


_CHANGES: tuple[tuple[float, Change], ...] = (
    (0.6, letters),
    (0.2, numbers),
    (0.12, one_kind("order", 0.5)),
    (0.2, one_kind("set", 0.5)),
    (0.25, one_kind("arrow", 0.7)),
    (0.25, one_kind("upright arrow", 0.7)),
    (0.25, one_kind("implication", 0.7)),
    (0.2, one_kind("logic", 0.7)),
    (0.12, one_kind("plus", 0.2)),
    (0.25, one_kind("times", 0.8)),
    (0.3, one_kind("accent", 1.0)),
    (0.2, one_kind("wide", 1.0)),
    (0.25, one_kind("function", 0.7)),
    (0.25, one_kind("limit", 0.8)),
    (0.15, one_kind("sum", 0.8)),
    (0.1, one_kind("integral", 1.0)),
    (0.1, one_kind("value", 0.5)),
    (0.2, one_kind("letterlike", 1.0)),
    (0.1, one_kind("quantifier", 0.3)),
    (0.2, one_kind("sign", 1.0)),
    (0.15, one_kind("space", 0.3)),
    (0.03, one_kind("stack", 0.5)),
    (0.4, fonts),
    (0.1, vectors),
    (0.1, dress),
    (0.15, brackets),
)
"""Changes with the chance of each."""
