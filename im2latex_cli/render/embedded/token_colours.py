r"""Which token painted which glyph of mathra's.

A second copy of the formula gives every painting token a colour of its own, and mathra writes the
colour at each glyph. The copy may differ from the formula in spacing and in the place of limits,
not in its characters, so that colours carry over by order.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import groupby

from im2latex_cli.latex.commands import (
    BEGIN,
    COMMANDS,
    END,
    LEFT,
    MIDDLE,
    RIGHT,
    TEXT_ACCENTS,
    CommandKind,
    CommandSpec,
)
from im2latex_cli.latex.tokenizer import join

_PAIRS = {"{": "}", "[": "]"}
_DROPPED = frozenset(("\\limits", "\\nolimits"))
_FENCED = frozenset(("pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix"))
_RAW = frozenset(("\\sideset", "\\hline", "&", "\\\\", "^", "_", "{", "}", "'"))
_WITH_TEXT = frozenset(("\\operatorname", "\\operatorname*"))


def colour(token: int) -> str:
    """The colour of a token; black is none's."""
    return f"#{token + 1:06x}"


class TintedFormula:
    """A coloured copy of a formula.

    Attributes:
        latex: the copy.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._shares: dict[int, list[int]] = {}
        self.latex = join(self._run(0, len(tokens)))

    def tokens_of(self, fills: Sequence[str]) -> list[int]:
        """The token of each glyph, or -1.

        Args:
            fills: colours of the copy's glyphs, in the order of painting.
        """
        owners = [int(fill[1:], 16) - 1 if fill.startswith("#") else -1 for fill in fills]
        tokens = list(owners)
        for owner, sharers in self._shares.items():
            places = [index for index, other in enumerate(owners) if other == owner]
            for place, token in zip(places, _deal(places, sharers), strict=True):
                tokens[place] = token
        return tokens

    def _run(self, at: int, end: int) -> list[str]:
        out: list[str] = []
        while at < end:
            piece, at = self._take(at, end)
            out += piece
        return out

    def _take(self, at: int, end: int) -> tuple[list[str], int]:
        """The coloured form of what begins at `at`, and where it ends."""
        word = self._tokens[at]
        if word in LEFT:
            return self._fences(at, end)
        if word in BEGIN:
            return self._environment(at, end)
        if word in _DROPPED:
            return [], at + 1
        command = COMMANDS.get(word)
        if command is not None and command.args and word not in _RAW:
            return self._command(at, command, end)
        return self._symbol(at, end)

    def _symbol(self, at: int, end: int) -> tuple[list[str], int]:
        """A word without arguments, or with the one that it slashes or makes big."""
        word = self._tokens[at]
        kind = COMMANDS[word].kind if word in COMMANDS and word not in _RAW else None
        pair = list(self._tokens[at : min(at + 2, end)])
        if len(pair) == 2 and kind is CommandKind.BIG:
            return self._tint(at + 1, pair), at + 2
        if len(pair) == 2 and word == "\\not":
            return self._tint(at, pair), at + 2
        if kind is CommandKind.SYMBOL and word not in TEXT_ACCENTS:
            return self._tint(at, [word]), at + 1
        return [word], at + 1

    def _tint(self, at: int, piece: list[str]) -> list[str]:
        return ["\\textcolor", "{", *colour(at), "}", "{", *piece, "}"]

    def _command(self, at: int, command: CommandSpec, end: int) -> tuple[list[str], int]:
        piece, place = [command.name], at + 1
        if command.optional and place < end and self._tokens[place] == "[":
            stop = self._matching(place, end)
            piece += ["[", "{", *self._run(place + 1, stop - 1), "}", "]"]
            place = stop
        is_text = "t" in command.args or command.name in _WITH_TEXT
        begin = place
        for _ in command.args:
            stop = self._matching(place, end)
            piece += self._tokens[place:stop] if is_text else self._run(place, stop)
            place = stop
        if command.kind is CommandKind.FONT:
            return piece, place
        letters = [i for i in range(begin, place) if self._is_letter(i)] if is_text else []
        if letters:
            self._shares[at] = letters
        return self._tint(at, piece), place

    def _is_letter(self, index: int) -> bool:
        return len(self._tokens[index]) == 1 and self._tokens[index] not in "{}"

    def _matching(self, at: int, end: int) -> int:
        """Where the group or single token at `at` ends."""
        closing = _PAIRS.get(self._tokens[at]) if at < end else None
        if closing is None:
            return min(at + 1, end)
        depth = 0
        for index in range(at, end):
            depth += (self._tokens[index] == self._tokens[at]) - (self._tokens[index] == closing)
            if depth == 0:
                return index + 1
        return end

    def _fences(self, at: int, end: int) -> tuple[list[str], int]:
        stop = self._partner(at, end, LEFT, RIGHT)
        inner = range(at + 1, stop)
        marks = [at, *(i for i in inner if self._is_own_middle(at, i)), stop]
        self._shares[at] = [i for i in marks if i < end and not self._tokens[i].endswith(".")]
        piece = [self._tokens[at], *self._run(at + 1, stop), *self._tokens[stop : stop + 1]]
        return self._tint(at, piece), min(stop + 1, end)

    def _is_own_middle(self, at: int, index: int) -> bool:
        before = self._tokens[at + 1 : index]
        depth = sum(word in LEFT for word in before) - sum(word in RIGHT for word in before)
        return depth == 0 and self._tokens[index] in MIDDLE

    def _environment(self, at: int, end: int) -> tuple[list[str], int]:
        entry = BEGIN[self._tokens[at]]
        stop = self._partner(at, end, BEGIN, END)
        place = self._matching(at + 1, end) if entry.argument else at + 1
        piece = [*self._tokens[at:place], *self._run(place, stop), *self._tokens[stop : stop + 1]]
        if entry.name in _FENCED:
            self._shares[at] = [at, stop]
        elif entry.name != "cases":
            return piece, min(stop + 1, end)
        return self._tint(at, piece), min(stop + 1, end)

    def _partner(self, at: int, end: int, opening: Container[str], closing: Container[str]) -> int:
        """Where the pair that begins at `at` closes, or `end`."""
        depth = 0
        for index in range(at, end):
            depth += (self._tokens[index] in opening) - (self._tokens[index] in closing)
            if depth == 0:
                return index
        return end


def _deal(places: Sequence[int], sharers: Sequence[int]) -> list[int]:
    """Deal glyphs of one colour to the tokens that share it: one each, or unbroken runs to each."""
    if not sharers:
        return [-1] * len(places)
    if len(places) == len(sharers):
        return list(sharers)
    numbered = enumerate(places)
    runs = [len(list(run)) for _, run in groupby(numbered, lambda pair: pair[1] - pair[0])]
    dealt: list[int] = []
    for number, length in enumerate(runs):
        last = number == len(runs) - 1 and len(runs) > 1
        dealt += [sharers[-1] if last else sharers[min(number, len(sharers) - 1)]] * length
    return dealt
