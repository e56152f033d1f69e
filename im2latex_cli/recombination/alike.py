r"""Which symbols may replace one another: tokens by their group, and where they stand.

Words stay as they are: text, names of operators, `\mathrm{min}` and column letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from random import Random

from im2latex_cli.latex import symbols
from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    NEWLINE,
    Atom,
    CommandKind,
    CommandSpec,
    Limits,
)
from im2latex_cli.latex.normal.atoms import FONTS, is_space
from im2latex_cli.recombination.pieces import CLOSERS, NAMED_FUNCTIONS, OPENERS

FAMILIES = ("ijklmn", "abc", "fgh", "pqrs", "tuvwxyz", "ABC", "FGH", "UVWXYZ", "KLMN")
"""Letters that mathematics uses for the same things; renaming mostly stays among them."""

LETTERS = frozenset(("lower", "upper", "greek", "Greek"))
CAPITALS_ONLY = frozenset(("\\mathcal", "\\mathbb", "\\mathscr"))
"""Fonts that have no other letters."""

_GREEK = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi
varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega
"""
_SETS = "in ni notin subset supset subseteq supseteq subsetneq supsetneq nsubseteq sqsubset"
_ARROWS = "to mapsto longmapsto leadsto"
_IMPLICATIONS = "implies iff impliedby"
_LOGIC = "vdash dashv models vDash Vdash Vvdash nvdash nvDash therefore because"
_QUANTIFIERS = "forall exists nexists neg"
_VALUES = "infty emptyset varnothing top bot"
_LETTERLIKE = "ell hbar hslash aleph beth gimel daleth wp Re Im mho Finv Game Bbbk eth"
_WIDE = "widehat widetilde overline underline overleftarrow overrightarrow overleftrightarrow"
_SUMS = "pm mp oplus ominus cup cap setminus vee wedge sqcup amalg uplus"
_ALONE = "prime mid not vdots surd mathstrut strut bmod backslash partial nabla slash"


def _words(text: str) -> list[str]:
    return [f"\\{name}" for name in text.split()]


_BY_HAND: dict[str, str] = {
    **dict.fromkeys(symbols.LETTERS[:26], "lower"),
    **dict.fromkeys(symbols.LETTERS[26:], "upper"),
    **dict.fromkeys(symbols.DIGITS, "digit"),
    **dict.fromkeys("=<>", "order"),
    **dict.fromkeys(_words(_GREEK), "greek"),
    **dict.fromkeys(_words(symbols.CAPITAL_GREEK), "Greek"),
    **dict.fromkeys(_words(_SETS), "set"),
    **dict.fromkeys(_words(_ARROWS), "arrow"),
    **dict.fromkeys(_words(_IMPLICATIONS), "implication"),
    **dict.fromkeys(_words(_LOGIC), "logic"),
    **dict.fromkeys(_words(_QUANTIFIERS), "quantifier"),
    **dict.fromkeys(_words(_VALUES), "value"),
    **dict.fromkeys(_words(f"{_LETTERLIKE} imath jmath complement digamma"), "letterlike"),
    **dict.fromkeys(_words("det gcd Pr"), "function"),
    **dict.fromkeys(_words(_WIDE), "wide"),
    **dict.fromkeys(["+", "-", *_words(_SUMS)], "plus"),
    **dict.fromkeys(_words(_ALONE), ""),
}
_SHORTEST = 3
_DOUBLE = ("\\Right", "\\Left", "\\Longright", "\\Longleft", "\\nRight", "\\nLeft")
_PLACING = frozenset(("\\overset", "\\underset"))
_OF_KIND = {CommandKind.ACCENT: "accent", CommandKind.FONT: "font", CommandKind.SPACE: "space"}


@cache
def group_of(token: str) -> str:
    """Name the group that a token belongs to; empty if nothing may replace it."""
    group = _BY_HAND.get(token)
    if group is not None:
        return group
    entry = COMMANDS.get(token)
    if entry is None:
        space = "space" if is_space(token) else ""
        return "newline" if token.startswith(NEWLINE) else space
    if entry.kind is CommandKind.COMMAND and entry.args == "mm" and entry.atom is Atom.ORD:
        return "" if token in _PLACING else "stack"
    named = entry.kind is CommandKind.SYMBOL and len(token) >= _SHORTEST
    return _symbol(entry) if named else _OF_KIND.get(entry.kind, "")


def _symbol(entry: CommandSpec) -> str:
    token, atom = entry.name, entry.atom.name
    if atom == "OP":
        kinds = ("function", "limit") if token in NAMED_FUNCTIONS else ("integral", "sum")
        return kinds[entry.limits is not Limits.SIDE]
    if atom == "REL":
        return _arrow(token) if "arrow" in token or "harpoon" in token else "order"
    if atom == "ORD" and token.startswith("\\var") and token[4:5].isupper():
        return "Greek"
    return {"ORD": "sign", "BIN": "times"}.get(atom, "")


def _arrow(token: str) -> str:
    if "up" in token.lower() or "down" in token.lower():
        return "upright arrow"
    return "implication" if token.startswith(_DOUBLE) else "arrow"


class Usage:
    """How often real formulas use each token: the weights that new symbols are drawn with.

    Attributes:
        counts: occurrences of each token.
    """

    def __init__(self, counts: Mapping[str, int], *, flat: float = 0.7) -> None:
        """Keep the counts; draws follow them raised to the power `flat`."""
        self.counts = Counter(counts)
        groups: dict[str, list[str]] = {}
        for token in sorted(counts):
            groups.setdefault(group_of(token), []).append(token)
        groups |= {family: [t for t in family if t in counts] for family in FAMILIES}
        groups.pop("", None)
        self._groups = {name: tokens for name, tokens in groups.items() if tokens}
        self._heights = {
            name: list(accumulate(counts[token] ** flat for token in tokens))
            for name, tokens in self._groups.items()
        }
        self._family = {letter: family for family in FAMILIES for letter in family}

    def draw(self, group: str, rng: Random) -> str | None:
        """Draw a token of a group or family, None if the input has none."""
        tokens = self._groups.get(group)
        if tokens is None:
            return None
        return rng.choices(tokens, cum_weights=self._heights[group])[0]

    def alike(self, token: str, rng: Random) -> str:
        """Draw a replacement for a token: mostly of its family, else of its group."""
        group = group_of(token)
        if rng.random() < 0.7:
            group = self._family.get(token, group)
        return self.draw(group, rng) or token


Sites = dict[str, list[int]]
"""Places of the tokens of each group; `bracket` has each opening one and then its partner."""

SHAPES = {"(": ")", "[": "]", "\\{": "\\}", "\\langle": "\\rangle"}
"""Brackets that may stand for one another."""

_WORDS = frozenset(entry.name for entry in COMMANDS.values() if entry.kind is CommandKind.TEXT) | {
    "\\operatorname",
    "\\operatorname*",
    *(name for name, entry in BEGIN.items() if entry.argument),
}
_ROMAN = FONTS - CAPITALS_ONLY - {"\\boldsymbol", "\\pmb"}
_CLOSING = frozenset(SHAPES.values())
_ENDS = CLOSERS | {"&"}


def sites(tokens: list[str]) -> Sites:
    """Find what may be renamed, words left out."""
    places: Sites = {}
    brackets: list[int] = []
    at, end = 0, len(tokens)
    while at < end:
        token = tokens[at]
        if token in _WORDS or (token in _ROMAN and tokens[at + 3] != "}"):
            closing = _closing(tokens, at + 1)
            if token in OPENERS:
                brackets.append(at)
            if token not in _ROMAN or _are_letters(tokens[at + 2 : closing]):
                at = closing + 1
                continue
        group = group_of(token)
        if group:
            places.setdefault(group, []).append(at)
        elif token in SHAPES or token in OPENERS:
            brackets.append(at)
        elif token in _CLOSING and brackets and SHAPES.get(tokens[brackets[-1]]) == token:
            places.setdefault("bracket", []).extend((brackets.pop(), at))
        if token in _ENDS or group == "newline":
            _leave(tokens, brackets, at, places)
        at += 1
    return places


def _leave(tokens: list[str], brackets: list[int], at: int, places: Sites) -> None:
    """Forget what was opened in a list that ends here; a fence that ends is a pair."""
    while brackets and tokens[brackets[-1]] in SHAPES:
        brackets.pop()
    if tokens[at] not in CLOSERS or not brackets:
        return
    opening = brackets.pop()
    shape = tokens[opening].removeprefix("\\left")
    if tokens[at].removeprefix("\\right") == SHAPES.get(shape):
        places.setdefault("bracket", []).extend((opening, at))


def _closing(tokens: list[str], at: int) -> int:
    depth = 0
    while True:
        depth += (tokens[at] == "{") - (tokens[at] == "}")
        if depth == 0:
            return at
        at += 1


def is_word(kind: str) -> bool:
    """Whether pieces of a kind are words: arguments of text, names and upright fonts."""
    return kind[:-1] in _WORDS or kind[:-1] in _ROMAN


def _are_letters(tokens: list[str]) -> bool:
    return all(len(token) == 1 and token.isalpha() for token in tokens)
