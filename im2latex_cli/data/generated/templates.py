r"""Reads an alternative of a grammar: `\frac{<letter>}{<number 1 9>}` as text and slots."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from im2latex_cli.data.generated.slots import (
    Alternatives,
    Matrix,
    Maybe,
    Named,
    Node,
    Number,
    NumberSlot,
    PlainText,
    Repeated,
    Setting,
    Symbol,
    Template,
)

NAME = "[a-z][a-z0-9-]*"
EXAMPLES = {
    "number": "<number 0 99>",
    "one": "<one of a b c>",
    "maybe": "<maybe ^{2}>",
    "list": "<list 2..4 of <x> joined by +>",
    "matrix": "<matrix 2..4 by 3 of <x>>",
    "empty": "<empty>",
}
"""Words that begin a slot and are no names of symbols, each with an example."""
LARGEST_COUNT = 100

_OPENING = re.compile("<(?=[a-z])")
_SETTING = re.compile(f"({NAME})=(?=[^.,0-9])(.+)", re.DOTALL)
_NUMBER = re.compile(r"(-?\d+) (-?\d+)")
_LIST = re.compile(r"(\S+) of (.+)")
_MATRIX = re.compile(r"(\S+) by (\S+) of (.+)")
_COUNT = re.compile(rf"(?:({NAME})=)?(\d+(?:\.\.\d+|(?:,\d+)*))")
_JOINED = " joined by "
_LESS_THAN = "; for a less-than sign before a letter, put a blank between them"


class SlotError(ValueError):
    """A slot that cannot be read; the message is one line without the place."""


def read_template(text: str) -> Template:
    """Read an alternative.

    Raises:
        SlotError: a slot has no end or is of no known kind.
    """
    return _TemplateReader().template(text)


def read_words(text: str) -> tuple[Template, ...]:
    """Read alternatives that blanks separate.

    Raises:
        SlotError: a slot has no end or is of no known kind.
    """
    return tuple(read_template(word) for word in _words(text))


def choice(options: Iterable[tuple[float, Template]]) -> Alternatives:
    """A choice of templates by weight."""
    weights, templates = zip(*options, strict=True)
    return Alternatives(templates, tuple(accumulate(weights)))


@dataclass
class _TemplateReader:
    """Reads one alternative.

    Attributes:
        names: what slots have set so far, each with whether it may be a count.
    """

    names: dict[str, bool] = field(default_factory=dict)

    def template(self, text: str) -> Template:
        nodes: list[Node] = []
        at = 0
        while opening := _OPENING.search(text, at):
            end = _end(text, opening.start())
            if text[at : opening.start()]:
                nodes.append(_text(text[at : opening.start()]))
            nodes += self._slot(text[opening.end() : end].strip())
            at = end + 1
        return (*nodes, _text(text[at:])) if text[at:] else tuple(nodes)

    def _slot(self, body: str) -> Template:
        """The nodes of a slot, given what is between `<` and `>`."""
        if setting := _SETTING.fullmatch(body):
            return (self._setting(setting[1], setting[2]),)
        word, _, rest = body.partition(" ")
        if word in EXAMPLES:
            return self._keyword(word, rest)
        if re.fullmatch(NAME, body):
            return (Named(body) if body in self.names else Symbol(body),)
        raise SlotError(f"<{body}> is not a slot{_LESS_THAN}")

    def _keyword(self, word: str, rest: str) -> Template:
        if word == "empty" and not rest:
            return ()
        if word == "maybe" and rest:
            return (Maybe(self._inner(rest)),)
        if word == "one" and rest.startswith("of "):
            options = [(1.0, self._inner(text)) for text in _words(rest.removeprefix("of "))]
            return (choice(options),)
        return (self._counted(word, rest),)

    def _counted(self, word: str, rest: str) -> Node:
        if word == "number" and (number := _NUMBER.fullmatch(rest)):
            return _number(number[1], number[2])
        if word == "list" and (found := _LIST.fullmatch(rest)):
            return self._list(found[1], found[2])
        if word == "matrix" and (found := _MATRIX.fullmatch(rest)):
            rows, columns = self._count(found[1]), self._count(found[2])
            return Matrix(rows, columns, self._inner(found[3]))
        raise SlotError(
            f"<{word} {rest}".rstrip() + f"> is not a slot; it looks like {EXAMPLES[word]}"
        )

    def _setting(self, name: str, body: str) -> Setting:
        nodes = self._slot(body)
        if len(nodes) != 1:
            raise SlotError(f"<{name}={body}> sets {name} to nothing")
        self.names[name] = _is_count(nodes[0])
        return Setting(name, nodes[0])

    def _inner(self, text: str) -> Template:
        """A template inside a slot; what it sets is not known outside."""
        return _TemplateReader(dict(self.names)).template(text)

    def _list(self, count: str, rest: str) -> Repeated:
        number = self._count(count)
        at = _masked(rest).rfind(_JOINED)
        if at < 0:
            return Repeated(number, self._inner(rest))
        separator = rest[at + len(_JOINED) :].strip()
        return Repeated(number, self._inner(rest[:at]), self._inner(separator))

    def _count(self, text: str) -> NumberSlot:
        if self.names.get(text):
            return NumberSlot((), text)
        found = _COUNT.fullmatch(text)
        if found is None:
            raise SlotError(f"{text} is not a count such as 3, 2..4, 2,2,3 or n=2..4")
        low, dots, high = found[2].partition("..")
        options = range(int(low), int(high) + 1) if dots else map(int, found[2].split(","))
        numbers = tuple(options)
        if not numbers or max(numbers) > LARGEST_COUNT:
            raise SlotError(f"{text} has no number from 0 to {LARGEST_COUNT}")
        if found[1]:
            self.names[found[1]] = True
        return NumberSlot(numbers, found[1])


def _text(text: str) -> PlainText:
    """Plain text, in which a tie stands for a blank that separates nothing."""
    return PlainText(text.replace("~", " "))


def _number(low: str, high: str) -> Number:
    if int(low) > int(high):
        raise SlotError(f"<number {low} {high}> has no number: the smaller one goes first")
    width = len(low) if low.startswith("0") else 0
    return Number(int(low), int(high), width)


def _is_count(node: Node) -> bool:
    return isinstance(node, Number) and node.low >= 0 and node.high <= LARGEST_COUNT


def _end(text: str, start: int) -> int:
    """Position of the `>` that ends the slot which begins at `start`."""
    depth = 0
    for at in range(start, len(text)):
        if _OPENING.match(text, at):
            depth += 1
        elif text[at] == ">":
            depth -= 1
            if depth == 0:
                return at
    raise SlotError(f"{text[start : start + 20]} has no > at its end{_LESS_THAN}")


def _masked(text: str) -> str:
    """The text with other characters instead of its slots, at the same positions."""
    at, parts = 0, []
    while opening := _OPENING.search(text, at):
        end = _end(text, opening.start()) + 1
        parts += [text[at : opening.start()], "x" * (end - opening.start())]
        at = end
    return "".join([*parts, text[at:]])


def _words(text: str) -> Sequence[str]:
    """What blanks outside slots separate."""
    return [text[word.start() : word.end()] for word in re.finditer(r"\S+", _masked(text))]
