r"""Alternatives of a grammar: `\frac{<letter>}{<number 1 9>}` is plain text and slots.

A slot draws text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from string import ascii_letters
from typing import Protocol

MOST_STEPS = 400
DEEPEST = 40
"""From this many steps or levels on, a formula takes the shortest way to its end."""
HARD_LIMIT = 20_000
"""Steps after which a grammar is at fault: the shortest way is too long as well."""


LONGEST_COMMAND = 40
"""Characters at the end of a formula in which a command's name is looked for."""


class TooLong(Exception):  # noqa: N818 (the grammar's reader turns it into a message)
    """A formula that does not come to its end."""


class Node(Protocol):
    """A part of an alternative."""

    def draw(self, drawing: Choices) -> None:
        """Write text."""

    def symbols(self) -> Iterator[str]:
        """Names of the symbols that it may draw."""

    def height(self, heights: Mapping[str, float]) -> float:
        """Levels of symbols below it on the shortest way; infinite if there is no end."""


Template = tuple[Node, ...]


class Choices:
    """One formula while it is drawn.

    Attributes:
        random: source of all choices.
        text: the formula so far.
        names: texts that slots like `<x=letter>` have set in the current alternative.
    """

    def __init__(
        self, rules: Mapping[str, Alternatives], heights: Mapping[str, float], random: Random
    ) -> None:
        self.random = random
        self.text = ""
        self.names: dict[str, str] = {}
        self._rules, self._heights = rules, heights
        self._steps = self._depth = 0

    def write(self, text: str) -> None:
        r"""Append text so that it means the same as alone.

        A space keeps a letter out of a command's name (`\to` and `a`) and a star of the next row
        out of `\\`.
        """
        runs_on = text[:1] in _LETTERS and _ends_with_command(self.text[-LONGEST_COMMAND:])
        if runs_on or (text.startswith("*") and self.text.endswith("\\\\")):
            self.text += " "
        self.text += text

    def draw(self, template: Template) -> None:
        """Write all parts of a template."""
        for node in template:
            node.draw(self)

    def expand(self, symbol: str) -> None:
        """Write one of a symbol's alternatives, which has names of its own."""
        names, self.names = self.names, {}
        self._depth += 1
        self.step()
        self._rules[symbol].draw(self)
        self._depth -= 1
        self.names = names

    def step(self) -> None:
        """Count a symbol or an item of a list.

        Raises:
            TooLong: there have been too many.
        """
        self._steps += 1
        if self._steps > HARD_LIMIT:
            raise TooLong

    def choose(self, choice: Alternatives) -> Template:
        """An alternative by weight; the shortest one once the formula is long or deep."""
        if self.ends_soon:
            return min(choice.options, key=lambda option: height(option, self._heights))
        return self.random.choices(choice.options, cum_weights=choice.cumulative)[0]

    @property
    def ends_soon(self) -> bool:
        """Whether the formula takes the shortest way from here on."""
        return self._steps >= MOST_STEPS or self._depth >= DEEPEST


def height(template: Template, heights: Mapping[str, float]) -> float:
    """Levels of symbols below a template on the shortest way."""
    return max((node.height(heights) for node in template), default=0)


def symbols(template: Template) -> Iterator[str]:
    """Names of all symbols in a template."""
    for node in template:
        yield from node.symbols()


_LETTERS = frozenset(ascii_letters)


def _ends_with_command(text: str) -> bool:
    """Whether text ends with a command whose name the next letter would lengthen."""
    if text[-1:] not in _LETTERS:
        return False
    before = text.rstrip(ascii_letters)
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


@dataclass(frozen=True, slots=True)
class PlainText:
    """Plain text."""

    text: str

    def draw(self, drawing: Choices) -> None:  # noqa: D102 (as in Node, here and below)
        drawing.write(self.text)

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from ()

    def height(self, _heights: Mapping[str, float]) -> float:  # noqa: D102
        return 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """`<name>`: one alternative of a symbol."""

    name: str

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        drawing.expand(self.name)

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield self.name

    def height(self, heights: Mapping[str, float]) -> float:  # noqa: D102
        return 1 + heights[self.name]


@dataclass(frozen=True, slots=True)
class Number:
    """`<number 0 99>`: a whole number, with leading zeros up to a width."""

    low: int
    high: int
    width: int = 0

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        drawing.write(f"{drawing.random.randint(self.low, self.high):0{self.width}d}")

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from ()

    def height(self, _heights: Mapping[str, float]) -> float:  # noqa: D102
        return 0


@dataclass(frozen=True, slots=True)
class Alternatives:
    """`<one of a b c>`, or all alternatives of a symbol.

    Attributes:
        options: what is chosen from.
        cumulative: sum of the weights up to each option.
    """

    options: tuple[Template, ...]
    cumulative: tuple[float, ...]

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        drawing.draw(drawing.choose(self))

    def symbols(self) -> Iterator[str]:  # noqa: D102
        for option in self.options:
            yield from symbols(option)

    def height(self, heights: Mapping[str, float]) -> float:  # noqa: D102
        return min(height(option, heights) for option in self.options)


@dataclass(frozen=True, slots=True)
class Maybe:
    """`<maybe x>`: something in half of the cases."""

    template: Template

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        if not drawing.ends_soon and drawing.random.random() < 0.5:
            drawing.draw(self.template)

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from symbols(self.template)

    def height(self, _heights: Mapping[str, float]) -> float:  # noqa: D102
        return 0


@dataclass(frozen=True, slots=True)
class Setting:
    """`<x=letter>`: a slot whose text gets a name for the rest of the alternative."""

    name: str
    node: Node

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        start = len(drawing.text)
        self.node.draw(drawing)
        drawing.names[self.name] = drawing.text[start:].lstrip(" ")

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from self.node.symbols()

    def height(self, heights: Mapping[str, float]) -> float:  # noqa: D102
        return self.node.height(heights)


@dataclass(frozen=True, slots=True)
class Named:
    """`<x>` after `<x=letter>`: the same text again."""

    name: str

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        drawing.write(drawing.names[self.name])

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from ()

    def height(self, _heights: Mapping[str, float]) -> float:  # noqa: D102
        return 0


@dataclass(frozen=True, slots=True)
class NumberSlot:
    """`3`, `2..4`, `2,2,3` or `n=2..4`; or `n`, a number that has been set.

    Attributes:
        options: numbers to choose from; none if `name` has been set before.
        name: what the number is called, or None.
    """

    options: tuple[int, ...]
    name: str | None = None

    def draw(self, drawing: Choices) -> int:
        """A number."""
        if not self.options:
            return int(drawing.names[self.name or ""])
        number = min(self.options) if drawing.ends_soon else drawing.random.choice(self.options)
        if self.name is not None:
            drawing.names[self.name] = str(number)
        return number

    @property
    def least(self) -> int:
        """The smallest number."""
        return min(self.options, default=1)


@dataclass(frozen=True, slots=True)
class Repeated:
    """`<list 2..4 of x joined by y>`: items with a separator between them."""

    count: NumberSlot
    item: Template
    separator: Template = ()

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        for number in range(self.count.draw(drawing)):
            drawing.step()
            if number:
                drawing.draw(self.separator)
            drawing.draw(self.item)

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from symbols(self.item + self.separator)

    def height(self, heights: Mapping[str, float]) -> float:  # noqa: D102
        least = self.count.least
        item = height(self.item, heights) if least > 0 else 0
        return max(item, height(self.separator, heights) if least > 1 else 0)


@dataclass(frozen=True, slots=True)
class Matrix:
    r"""`<matrix 2..4 by 3 of x>`: rows of cells, with `&` and `\\` between them."""

    rows: NumberSlot
    columns: NumberSlot
    cell: Template

    def draw(self, drawing: Choices) -> None:  # noqa: D102
        rows, columns = self.rows.draw(drawing), self.columns.draw(drawing)
        row = Repeated(NumberSlot((columns,)), self.cell, (PlainText(" & "),))
        Repeated(NumberSlot((rows,)), (row,), (PlainText(r" \\ "),)).draw(drawing)

    def symbols(self) -> Iterator[str]:  # noqa: D102
        yield from symbols(self.cell)

    def height(self, heights: Mapping[str, float]) -> float:  # noqa: D102
        return height(self.cell, heights) if self.rows.least * self.columns.least else 0


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
