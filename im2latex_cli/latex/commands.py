"""What LaTeX's math words are: the table that normaliser, checker and decoder share.

The table holds the words of LaTeX with amsmath and amssymb as the normal form spells them. Other
spellings of the same picture are in `spellings.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from im2latex_cli.latex import symbols


class Atom(IntEnum):
    """TeX's classes of math material (The TeXbook, chapter 17); NONE is no material yet."""

    NONE = 0
    ORD = 1
    OP = 2
    BIN = 3
    REL = 4
    OPEN = 5
    CLOSE = 6
    PUNCT = 7
    INNER = 8


class CommandKind(IntEnum):
    """What a token does to the tokens after it."""

    SYMBOL = 0
    SPACE = 1
    STYLE = 2
    LIMITS = 3
    BIG = 4
    COMMAND = 5
    FONT = 6
    ACCENT = 7
    TEXT = 8
    HLINE = 9


class Limits(IntEnum):
    """Where a word puts its scripts: beside it, below and above in display style, or always."""

    NEVER = 0
    SIDE = 1
    DISPLAY = 2
    ALWAYS = 3


@dataclass(frozen=True, slots=True)
class CommandSpec:
    r"""One word of the table.

    Attributes:
        name: the token.
        kind: its effect on the tokens after it.
        atom: the class of the atom that it paints.
        args: its required arguments, each in braces: `m` math, `t` text.
        optional: whether an argument in square brackets may come first.
        limits: where scripts go; `\limits` may follow unless NEVER.
        alphabet: whether font commands change it (letters, digits, capital Greek).
    """

    name: str
    kind: CommandKind = CommandKind.SYMBOL
    atom: Atom = Atom.ORD
    args: str = ""
    optional: bool = False
    limits: Limits = Limits.NEVER
    alphabet: bool = False


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    r"""One `\begin` and `\end` pair.

    Attributes:
        name: as in the braces.
        columns: the most columns a row may have; 0 if the column argument alone says it.
        argument: `c` column letters, `n` a number of column pairs, or nothing.
        position: whether it would take a `[` right behind its name for its own.
        display: whether cells are set in display style.
        atom: the class of the whole.
    """

    name: str
    columns: int
    argument: str = ""
    position: bool = False
    display: bool = False
    atom: Atom = Atom.ORD


UNBOUNDED = 1_000_000
"""More columns than a row can have."""

ENVIRONMENTS = {
    entry.name: entry
    for entry in (
        EnvironmentSpec("array", 0, argument="c"),
        EnvironmentSpec("subarray", 1, argument="c"),
        EnvironmentSpec("alignedat", 0, argument="n", display=True),
        EnvironmentSpec("aligned", UNBOUNDED, position=True, display=True),
        EnvironmentSpec("gathered", 1, position=True, display=True),
        EnvironmentSpec("cases", 2, atom=Atom.INNER),
        EnvironmentSpec("matrix", 10),
        EnvironmentSpec("smallmatrix", UNBOUNDED),
        *(EnvironmentSpec(f"{kind}matrix", 10, atom=Atom.INNER) for kind in "pbBvV"),
    )
}
"""Environments of the normal form by name."""

BEGIN = {f"\\begin{{{name}}}": entry for name, entry in ENVIRONMENTS.items()}
END = {f"\\end{{{name}}}": entry for name, entry in ENVIRONMENTS.items()}

DELIMITERS = frozenset("( ) [ ] / | . < >".split()) | {
    f"\\{name}" for name in symbols.DELIMITERS.split()
}
r"""What may follow `\left`, `\right`, `\middle` and `\big`; `.` is the invisible one."""

LEFT = frozenset(f"\\left{mark}" for mark in DELIMITERS)
RIGHT = frozenset(f"\\right{mark}" for mark in DELIMITERS)
MIDDLE = frozenset(f"\\middle{mark}" for mark in DELIMITERS)

TEXT_WORDS = frozenset(
    f"\\{name}" for name in (symbols.TEXT_WORDS + " " + symbols.OLD_TEXT_WORDS).split()
)
"""Commands whose argument is text, in math and inside other text."""

TEXT_SYMBOLS = frozenset(symbols.TEXT_SYMBOLS.split())
"""Commands without argument that are allowed inside text."""

TEXT_ACCENTS = frozenset("\\'|\\`|\\^|\\\"|\\~|\\=|\\.|\\c|\\v|\\u|\\H".split("|"))
"""Accents inside text; one letter or a group follows."""

NEWLINE = "\\\\"

STACKS = {"\\atop": "{}{}", "\\brack": "{[}{]}", "\\brace": "{\\{}{\\}}"}
STACKS = {word: f"\\genfrac{fences}{{0pt}}{{}}" for word, fences in STACKS.items()}
"""Fractions without a bar, as one token before their two arguments, by their old name."""


def _characters() -> Iterator[CommandSpec]:
    for character in symbols.LETTERS + symbols.DIGITS:
        yield CommandSpec(character, alphabet=True)
    for atom, characters in symbols.CHARACTERS.items():
        for character in characters:
            yield CommandSpec(character, atom=Atom[atom])


def _symbols() -> Iterator[CommandSpec]:
    for atom, names in symbols.SYMBOLS.items():
        for name in names.split():
            yield CommandSpec(f"\\{name}", atom=Atom[atom])
    for name in symbols.CAPITAL_GREEK.split():
        yield CommandSpec(f"\\{name}", alphabet=True)
    for limits, names in symbols.OPERATORS.items():
        for name in names.split():
            yield CommandSpec(f"\\{name}", atom=Atom.OP, limits=Limits[limits])
    for name in symbols.ESCAPED:
        yield CommandSpec(f"\\{name}", atom=Atom[symbols.ESCAPED[name]])


def _switches() -> Iterator[CommandSpec]:
    for name in symbols.SPACES.split():
        yield CommandSpec(name, kind=CommandKind.SPACE, atom=Atom.NONE)
    for name in symbols.STYLES.split():
        yield CommandSpec(f"\\{name}", kind=CommandKind.STYLE, atom=Atom.NONE)
    for name in ("\\limits", "\\nolimits"):
        yield CommandSpec(name, kind=CommandKind.LIMITS, atom=Atom.NONE)
    for size in ("big", "Big", "bigg", "Bigg"):
        for side, atom in (
            ("", Atom.ORD),
            ("l", Atom.OPEN),
            ("r", Atom.CLOSE),
            ("m", Atom.REL),
        ):
            yield CommandSpec(f"\\{size}{side}", kind=CommandKind.BIG, atom=atom)
    yield CommandSpec("\\hline", kind=CommandKind.HLINE, atom=Atom.NONE)


def _with_arguments() -> Iterator[CommandSpec]:
    for name in symbols.FONTS.split():
        yield CommandSpec(f"\\{name}", kind=CommandKind.FONT, args="m")
    for name in symbols.ACCENTS.split():
        yield CommandSpec(f"\\{name}", kind=CommandKind.ACCENT, args="m")
    for name in symbols.TEXT_WORDS.split():
        yield CommandSpec(f"\\{name}", kind=CommandKind.TEXT, args="t")
    for name in STACKS.values():
        yield CommandSpec(name, kind=CommandKind.COMMAND, args="mm")
    for line in symbols.WITH_ARGUMENTS.strip().splitlines():
        args, atom, limits, names = line.split(maxsplit=3)
        for name in names.split():
            yield CommandSpec(
                f"\\{name}",
                kind=CommandKind.COMMAND,
                atom=Atom[atom],
                args=args.lstrip("o"),
                optional=args.startswith("o"),
                limits=Limits[limits],
            )


COMMANDS: dict[str, CommandSpec] = {
    entry.name: entry
    for source in (_characters, _symbols, _switches, _with_arguments)
    for entry in source()
}
"""Every word and character of the normal form, structure (`{ } _ ^ &` and rows) aside."""
