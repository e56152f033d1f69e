r"""Formulas drawn from a grammar in a text file: weighted, context-free, with names for repeats.

```
formula:
    3 <letter>=<letter>^{<number 2 9>}
    1 \frac{<letter>}{<letter>}
letter: one of
    x y z \alpha
```

A block has a symbol and one alternative per line, each with a weight in front if it is not 1;
`formula` is where drawing begins. docs/how-to/build.md describes the slots. Formula `i` depends on
the seed and on `i` only.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from random import Random

from im2latex_cli.data.generated.templates import (
    EXAMPLES,
    NAME,
    Alternatives,
    Choices,
    PlainText,
    SlotError,
    Template,
    TooLong,
    choice,
    read_template,
    read_words,
    symbols,
)
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.data.text_files import BOM
from im2latex_cli.errors import InputError

SUFFIX = ".grammar"
START = "formula"
VERSION = "1"
"""Changes whenever the same grammar draws other formulas."""

_HEADER = re.compile(f"({NAME}):( one of)?")
_WEIGHTED = re.compile(r"(\d+(?:\.\d+)?)\s+(\S.*)")
_INCLUDE = "include "


class FormulaGrammar:
    """Draws formulas.

    Args:
        rules: the alternatives of each symbol.
        heights: levels of symbols below each symbol on the shortest way, all finite.
        name: of the grammar, for messages.
        digest: SHA-256 of its files.
    """

    def __init__(
        self,
        rules: Mapping[str, Alternatives],
        heights: Mapping[str, float],
        *,
        name: str,
        digest: str,
    ) -> None:
        self.name, self.digest = name, digest
        self._rules, self._heights = rules, heights

    def draw(self, random: Random) -> str:
        """One formula.

        Raises:
            InputError: it does not come to its end.
        """
        drawing = Choices(self._rules, self._heights, random)
        try:
            drawing.expand(START)
        except TooLong as error:
            raise InputError(
                f"{self.name} draws a formula without end.",
                hint="Give recursive alternatives a smaller weight, lists a smaller count.",
            ) from error
        return drawing.text

    def formula(self, seed: int, index: int) -> str:
        """The formula of that number, from 0."""
        return self.draw(Random(f"{seed}/{index}"))


def grammar_source(path: Path, size: int, seed: int) -> Source:
    """A source of `size` formulas that a grammar draws.

    Raises:
        InputError: the grammar cannot be read.
    """
    grammar = read_grammar(path)

    def read() -> Iterator[SourceFormula | BadLine]:
        for index in range(size):
            yield SourceFormula(index + 1, grammar.formula(seed, index))

    options = {"build.size": size, "runtime.seed": seed}
    return Source(path.name, grammar.digest, read, options=options)


def read_grammar(
    path: Path, *, given: Mapping[str, Mapping[str, float]] | None = None
) -> FormulaGrammar:
    """Read a grammar with the files that it includes.

    Args:
        path: the file.
        given: texts by weight that replace the alternatives of a symbol; slots in them are none.

    Raises:
        InputError: a file is missing or broken, or `given` has a symbol that no file has.
    """
    files = _Files()
    files.read(path)
    blocks = dict(files.blocks)
    for name, texts in (given or {}).items():
        if name not in blocks:
            raise InputError(f"{path.name} has no block for <{name}>{_near(name, blocks)}")
        options: list[tuple[float, Template]] = [
            (weight, (PlainText(text),)) for text, weight in texts.items()
        ]
        blocks[name] = _Block(blocks[name].place, options)
    _demand_symbols(path, blocks)
    rules = {name: choice(block.options) for name, block in blocks.items()}
    heights = _heights(rules)
    _demand_ends(blocks, rules, heights)
    return FormulaGrammar(rules, heights, name=path.name, digest=files.digest())


@dataclass(slots=True)
class _Block:
    """A symbol's alternatives, as they are read.

    Attributes:
        place: file and line of its header, for messages.
        options: alternatives with their weights.
        places: file and line of each alternative, where known.
        words: whether blanks separate its alternatives.
    """

    place: str
    options: list[tuple[float, Template]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    words: bool = False


class _Files:
    """A grammar's files, each read once."""

    def __init__(self) -> None:
        self.blocks: dict[str, _Block] = {}
        self._contents: dict[Path, bytes] = {}

    def digest(self) -> str:
        """SHA-256 of all files in the order of reading, and of the way they are read."""
        result = hashlib.sha256(f"grammar {VERSION}\n".encode())
        for content in self._contents.values():
            result.update(f"{len(content)}\n".encode() + content)
        return result.hexdigest()

    def read(self, path: Path, place: str = "") -> None:
        """Read a file and what it includes.

        Args:
            path: the file.
            place: of the line that includes it, for messages.
        """
        key = path.resolve()
        if key in self._contents:
            return
        self._contents[key] = content = _content(path, place)
        block: _Block | None = None
        for number, line in enumerate(_decoded(content, path).split("\n"), start=1):
            place = f"{path.name}, line {number}"
            if not line.strip() or line.lstrip().startswith("%"):
                continue
            if line.startswith(_INCLUDE):
                self.read(path.parent / line.removeprefix(_INCLUDE).strip(), f"{place}: ")
                block = None
            elif not line[0].isspace():
                block = self._begin(line.rstrip(), place)
            elif block is None:
                raise InputError(f"{place}: an alternative outside a block.", hint=_FORM)
            else:
                _add(block, line.strip(), place)

    def _begin(self, line: str, place: str) -> _Block:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise InputError(f"{place}: {line[:40]!r} is not the name of a symbol.", hint=_FORM)
        name = header[1]
        if name in EXAMPLES:
            raise InputError(f"{place}: {name} has a meaning in slots.", hint="Use another name.")
        if name in self.blocks:
            raise InputError(f"{place}: {name} has a block already, {self.blocks[name].place}.")
        self.blocks[name] = _Block(place, words=header[2] is not None)
        return self.blocks[name]


_FORM = "A block is a line `name:` or `name: one of`, then indented alternatives."


def _add(block: _Block, line: str, place: str) -> None:
    """Add a line of a block."""
    try:
        if block.words:
            options = [(1.0, word) for word in read_words(line)]
        else:
            options = [_weighted(line)]
    except SlotError as error:
        raise InputError(f"{place}: {error}.") from error
    block.options += options
    block.places += [place] * len(options)


def _weighted(line: str) -> tuple[float, Template]:
    """An alternative with its weight."""
    weighted = _WEIGHTED.fullmatch(line)
    if weighted is None:
        return 1.0, read_template(line)
    if float(weighted[1]) <= 0:
        raise SlotError(f"the weight {weighted[1]} is not above 0")
    return float(weighted[1]), read_template(weighted[2])


def _demand_symbols(path: Path, blocks: Mapping[str, _Block]) -> None:
    """Raise if there is no beginning, or a symbol has no alternatives."""
    if START not in blocks:
        raise InputError(f"{path.name} has no block `{START}:`, where drawing begins.")
    for name, block in blocks.items():
        if not block.options:
            raise InputError(f"{block.place}: {name} has no alternatives.")
        for (_, option), place in zip(block.options, block.places, strict=False):
            for symbol in symbols(option):
                if symbol not in blocks:
                    raise InputError(f"{place}: unknown slot <{symbol}>{_near(symbol, blocks)}")


def _demand_ends(
    blocks: Mapping[str, _Block], rules: Mapping[str, Alternatives], heights: Mapping[str, float]
) -> None:
    """Raise if a symbol never ends."""
    endless = next((name for name, levels in heights.items() if levels == math.inf), None)
    if endless is None:
        return
    first, *others = _circle(endless, rules, heights)
    steps = ", which needs ".join(f"<{symbol}>" for symbol in others)
    raise InputError(
        f"{blocks[first].place}: <{first}> never ends: it needs {steps}.",
        hint="Give it an alternative that does not lead back to it.",
    )


def _heights(rules: Mapping[str, Alternatives]) -> dict[str, float]:
    """Levels of symbols below each symbol on the shortest way; infinite if it never ends."""
    heights = dict.fromkeys(rules, math.inf)
    changed = True
    while changed:
        changed = False
        for name, rule in rules.items():
            levels = rule.height(heights)
            if levels < heights[name]:
                heights[name], changed = levels, True
    return heights


def _circle(
    name: str, rules: Mapping[str, Alternatives], heights: Mapping[str, float]
) -> list[str]:
    """Symbols that need each other, the first one also last."""
    trail: list[str] = []
    while name not in trail:
        trail.append(name)
        first = rules[name].options[0]
        name = next(
            symbol
            for node in first
            if node.height(heights) == math.inf
            for symbol in node.symbols()
            if heights[symbol] == math.inf
        )
    return [*trail[trail.index(name) :], name]


def _near(name: str, blocks: Mapping[str, _Block]) -> str:
    near = get_close_matches(name, blocks, n=1)
    return f"; did you mean <{near[0]}>?" if near else "; no block has this name."


def _content(path: Path, place: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{place}{path} cannot be read: {error.strerror}.") from error


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.removeprefix(BOM).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8.", hint="Save it as UTF-8.") from error
