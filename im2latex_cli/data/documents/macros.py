r"""What authors define for themselves, and formulas with that written out.

Known: `\newcommand` and its kin with arguments and an optional one, `\def` with any parameter text,
`\NewDocumentCommand` and its kin, `\let`, `\DeclareMathOperator`, `\DeclarePairedDelimiter`. A text
may define a name twice; the last definition counts. A name inside its own definition means what it
meant before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Literal

from im2latex_cli.data.documents.lexing import (
    LONGEST_GROUP,
    Tokens,
    argument,
    group_end,
    is_word,
    lex,
    option,
    skip_blanks,
    without_comments,
)

LONGEST = 20_000
"""Tokens that a formula may grow to while its macros are written out."""
DEEPEST = 40
MOST_PARAMETERS = 9


class TooLongError(Exception):
    """Macros that write out to more than any formula holds."""


@dataclass(frozen=True, slots=True)
class ParameterPart:
    r"""One piece of what stands behind a macro's name.

    Attributes:
        kind: "text" must stand there and is no argument; "plain" is an argument in braces or one
            token; "until" an argument that ends at the tokens; "option" one that may be missing;
            "star" a token that may be there.
        tokens: the text, what ends the argument, the opening and the closing delimiter of an
            option, or the token.
        default: of an option that is missing; None: then it has no value.
    """

    kind: Literal["text", "plain", "until", "option", "star"]
    tokens: tuple[str, ...] = ()
    default: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Macro:
    """One definition.

    Attributes:
        body: tokens, in which "#" and a digit stand for an argument.
        parameters: how many arguments it takes, the optional one included.
        default: the first argument where none is given in brackets; None: it is not optional.
        starred: what the name with a star behind it means, where that is something else.
        shape: how its arguments stand, if not one after the other; then the three above do not
            count.
    """

    body: tuple[str, ...]
    parameters: int = 0
    default: tuple[str, ...] | None = None
    starred: Macro | None = None
    shape: tuple[ParameterPart, ...] | None = None


Macros = Mapping[str, Macro]
BUILT_IN: Macros = {
    "\\ensuremath": Macro(("{", "#", "1", "}"), 1),
    "\\xspace": Macro(()),
}
"""What definitions for prose and mathematics alike are made of."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a text defines.

    Attributes:
        macros: by name with its backslash.
        environments: name -> tokens that its beginning and its end stand for.
        spans: where in the tokens the definitions are, from and to.
    """

    macros: dict[str, Macro] = field(default_factory=dict)
    environments: dict[str, tuple[Tokens, Tokens]] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)


def find_definitions(tokens: Sequence[str]) -> Definitions:
    """Find all definitions of a text; broken ones are passed over."""
    definitions = Definitions()
    at = 0
    while at < len(tokens):
        reader = _READERS.get(tokens[at])
        end = None if reader is None else reader(tokens, at + 1, definitions)
        if end is not None:
            definitions.spans.append((at, end))
        at = end or at + 1
    return definitions


def expand(tokens: Sequence[str], macros: Macros, *, longest: int = LONGEST) -> Tokens:
    """Write out all macros.

    Raises:
        TooLongError: more than `longest` tokens come out, or the definitions nest too deeply.
    """
    return _Expansion(macros, longest).run(tokens, frozenset())


class _Expansion:
    def __init__(self, macros: Macros, longest: int) -> None:
        self._macros = macros
        self._left = 4 * longest
        self._longest = longest
        self._depth = 0

    def run(self, tokens: Sequence[str], active: frozenset[str]) -> Tokens:
        """Write out the macros whose definitions are not being written out right now."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooLongError
        out: Tokens = []
        at = 0
        while at < len(tokens):
            name = tokens[at]
            branch = _branch(tokens, at) if name in _CONDITIONS else None
            if branch is not None:
                out += self.run(branch[0], active)
                at = branch[1]
                continue
            macro = self._macros.get(name) if name not in active else None
            invocation = None if macro is None else call(macro, tokens, at + 1)
            if invocation is None:
                out.append(name)
                at += 1
            else:
                chosen, arguments, at = invocation
                written = [self.run(one, active) for one in arguments]
                out += self.run(self._fill(chosen.body, written), active | {name})
            self._left -= 1
            if self._left < 0 or len(out) > self._longest:
                raise TooLongError
        self._depth -= 1
        return out

    def _fill(self, body: Sequence[str], arguments: Sequence[Tokens]) -> Tokens:
        """Put the arguments into a body."""
        out: Tokens = []
        at = 0
        while at < len(body) and len(out) <= self._longest:
            number = body[at + 1] if body[at] == "#" and at + 1 < len(body) else ""
            if number.isascii() and number.isdecimal() and 0 < int(number) <= len(arguments):
                out += arguments[int(number) - 1]
                at += 2
            else:
                out.append(body[at])
                at += 1
        return out


def call(macro: Macro, tokens: Sequence[str], at: int) -> tuple[Macro, list[Tokens], int] | None:
    """Read the arguments behind a macro's name.

    Returns:
        The macro meant, its arguments and the place behind them; None where they are not all there.
    """
    if macro.shape is not None:
        return _shaped(macro, macro.shape, tokens, at)
    star = skip_blanks(tokens, at)
    if macro.starred is not None and tokens[star : star + 1] == ["*"]:
        return call(macro.starred, tokens, star + 1)
    arguments: list[Tokens] = []
    if macro.default is not None:
        given = option(tokens, at)
        first, at = given or (list(macro.default), at)
        arguments.append(first)
    while len(arguments) < macro.parameters:
        given = argument(tokens, at)
        if given is None:
            return None
        arguments.append(given[0])
        at = given[1]
    return macro, arguments, at


NO_VALUE = "\\NoValue"
TRUE, FALSE = "\\BooleanTrue", "\\BooleanFalse"


def _shaped(
    macro: Macro, shape: Sequence[ParameterPart], tokens: Sequence[str], at: int
) -> tuple[Macro, list[Tokens], int] | None:
    """Read the arguments of a macro whose parts have their own form."""
    arguments: list[Tokens] = []
    for part in shape:
        result = _PARTS[part.kind](part, tokens, at)
        if result is None:
            return None
        given, at = result
        if given is not None:
            arguments.append(given)
    return macro, arguments, at


_PartRead = tuple[Tokens | None, int] | None


def _text(part: ParameterPart, tokens: Sequence[str], at: int) -> _PartRead:
    at = skip_blanks(tokens, at)
    end = at + len(part.tokens)
    return (None, end) if tuple(tokens[at:end]) == part.tokens else None


def _until(part: ParameterPart, tokens: Sequence[str], at: int) -> _PartRead:
    at = skip_blanks(tokens, at)
    depth, length = 0, len(part.tokens)
    for place in range(at, min(len(tokens), at + LONGEST_GROUP)):
        if not depth and tuple(tokens[place : place + length]) == part.tokens:
            inside = list(tokens[at:place])
            whole = inside[:1] == ["{"] and group_end(inside, 0) == len(inside)
            return (inside[1:-1] if whole else inside), place + length
        depth += (tokens[place] == "{") - (tokens[place] == "}")
        if depth < 0:
            return None
    return None


def _option(part: ParameterPart, tokens: Sequence[str], at: int) -> _PartRead:
    opening, closing = part.tokens
    start = skip_blanks(tokens, at)
    if tokens[start : start + 1] == [opening]:
        result = _until(ParameterPart("until", (closing,)), tokens, start + 1)
        if result is not None:
            return result
    return ([NO_VALUE] if part.default is None else list(part.default)), at


def _star(part: ParameterPart, tokens: Sequence[str], at: int) -> _PartRead:
    start = skip_blanks(tokens, at)
    there = tuple(tokens[start : start + 1]) == part.tokens
    return ([TRUE], start + 1) if there else ([FALSE], at)


_PARTS = {
    "text": _text,
    "plain": lambda _, tokens, at: argument(tokens, at),
    "until": _until,
    "option": _option,
    "star": _star,
}

_CONDITIONS = {
    "\\IfNoValueTF": (NO_VALUE, True, True),
    "\\IfNoValueT": (NO_VALUE, True, False),
    "\\IfNoValueF": (NO_VALUE, False, False),
    "\\IfValueTF": (NO_VALUE, False, True),
    "\\IfValueT": (NO_VALUE, False, False),
    "\\IfValueF": (NO_VALUE, True, False),
    "\\IfBooleanTF": (TRUE, True, True),
    "\\IfBooleanT": (TRUE, True, False),
    "\\IfBooleanF": (TRUE, False, False),
}
"""Name: the value asked for, whether the first branch is for that value, whether there are two."""


def _branch(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """The branch that a condition at `at` takes, and the place behind the condition."""
    value, wanted, both = _CONDITIONS[tokens[at]]
    condition = argument(tokens, at + 1)
    first = None if condition is None else argument(tokens, condition[1])
    second = None if first is None or not both else argument(tokens, first[1])
    if condition is None or first is None or (both and second is None):
        return None
    holds = (condition[0] == [value]) == wanted
    if second is None:
        return (first[0] if holds else []), first[1]
    return (first[0] if holds else second[0]), second[1]


_Reader = Callable[[Sequence[str], int, Definitions], int | None]


def _clean(tokens: Sequence[str]) -> tuple[str, ...]:
    """A definition's body without comments, on one line."""
    text = without_comments("".join(tokens)).strip()
    return tuple(" " if token.isspace() else token for token in lex(text))


def _name(tokens: Sequence[str], at: int) -> tuple[str, int] | None:
    r"""Read `{\name}` or `\name`, a star before it passed over."""
    at = skip_blanks(tokens, at)
    if at < len(tokens) and tokens[at] == "*":
        at += 1
    group = argument(tokens, at)
    if group is None:
        return None
    name = "".join(group[0]).strip()
    return (name, group[1]) if len(lex(name)) == 1 and name.startswith("\\") else None


def _count(tokens: Sequence[str], at: int) -> tuple[int, int]:
    group = option(tokens, at)
    if group is None:
        return 0, at
    digits = "".join(group[0]).strip()
    is_count = len(digits) == 1 and digits.isascii() and digits.isdecimal()
    return (int(digits) if is_count else MOST_PARAMETERS + 1), group[1]


def _newcommand(
    tokens: Sequence[str], at: int, definitions: Definitions, *, provide: bool = False
) -> int | None:
    named = _name(tokens, at)
    if named is None:
        return None
    name, at = named
    parameters, at = _count(tokens, at)
    default = option(tokens, at) if parameters else None
    body = argument(tokens, at if default is None else default[1])
    if body is None:
        return None
    optional = None if default is None else _clean(default[0])
    if parameters <= MOST_PARAMETERS and not (provide and name in definitions.macros):
        definitions.macros[name] = Macro(_clean(body[0]), parameters, optional)
    return body[1]


def _def(tokens: Sequence[str], at: int, definitions: Definitions) -> int | None:
    at = skip_blanks(tokens, at)
    if at >= len(tokens) or not tokens[at].startswith("\\"):
        return None
    behind = range(at + 1, min(len(tokens), at + 4 * MOST_PARAMETERS))
    opens = next((place for place in behind if tokens[place] in {"{", "}"}), len(tokens))
    end = group_end(tokens, opens) if tokens[opens : opens + 1] == ["{"] else None
    if end is None:
        return None
    shape = _parameter_text([token for token in tokens[at + 1 : opens] if not token.isspace()])
    if shape is not None:
        body = _clean(tokens[opens + 1 : end - 1])
        plain = all(part.kind == "plain" for part in shape)
        definitions.macros[tokens[at]] = (
            Macro(body, len(shape)) if plain else Macro(body, shape=tuple(shape))
        )
    return end


def _parameter_text(text: Sequence[str]) -> list[ParameterPart] | None:
    r"""The parts of what stands between the name and the body of a `\def`."""
    shape: list[ParameterPart] = []
    places = [place for place, here in enumerate(text) if here == "#"]
    numbers = [text[place + 1] if place + 1 < len(text) else "" for place in places]
    if numbers != [str(number + 1) for number in range(len(numbers))]:
        return None
    first = places[0] if places else len(text)
    if text[:first]:
        shape.append(ParameterPart("text", tuple(text[:first])))
    for place, following in pairwise([*places, len(text)]):
        delimiter = tuple(text[place + 2 : following])
        shape.append(ParameterPart("until", delimiter) if delimiter else ParameterPart("plain"))
    return shape


def _document_command(
    tokens: Sequence[str], at: int, definitions: Definitions, *, provide: bool = False
) -> int | None:
    named = _name(tokens, at)
    letters = None if named is None else argument(tokens, named[1])
    body = None if letters is None else argument(tokens, letters[1])
    if named is None or letters is None or body is None:
        return None
    shape = _argument_letters([token for token in letters[0] if not token.isspace()])
    if shape is not None and not (provide and named[0] in definitions.macros):
        definitions.macros[named[0]] = Macro(_clean(body[0]), shape=tuple(shape))
    return body[1]


def _argument_letters(text: Sequence[str]) -> list[ParameterPart] | None:
    r"""The parts that the letters of `\NewDocumentCommand` ask for; None if one is not known."""
    shape: list[ParameterPart] = []
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter in ("+", "!"):
            pass
        elif letter == "m":
            shape.append(ParameterPart("plain"))
        elif letter == "s":
            shape.append(ParameterPart("star", ("*",)))
        elif letter == "t":
            shape.append(ParameterPart("star", tuple(text[at : at + 1])))
            at += 1
        elif letter in ("o", "O", "d", "D", "r", "R"):
            result = _optional(text, at, letter)
            if result is None:
                return None
            part, at = result
            shape.append(part)
        else:
            return None
    return shape


def _optional(text: Sequence[str], at: int, letter: str) -> tuple[ParameterPart, int] | None:
    """An argument that may be missing: its delimiters, and its default if the letter is large."""
    delimiters: tuple[str, ...] = ("[", "]")
    if letter not in ("o", "O"):
        delimiters = tuple(text[at : at + 2])
        at += 2
    default = None
    if letter.isupper():
        given = argument(text, at)
        if given is None:
            return None
        default, at = tuple(given[0]), given[1]
    return (ParameterPart("option", delimiters, default), at) if len(delimiters) == 2 else None


def _let(tokens: Sequence[str], at: int, definitions: Definitions) -> int | None:
    at = skip_blanks(tokens, at)
    if at >= len(tokens) or not tokens[at].startswith("\\"):
        return None
    other = skip_blanks(tokens, at + 1)
    if other < len(tokens) and tokens[other] == "=":
        other = skip_blanks(tokens, other + 1)
    if other >= len(tokens):
        return None
    meaning = definitions.macros.get(tokens[other], Macro((tokens[other],)))
    if is_word(tokens[other]):
        definitions.macros[tokens[at]] = meaning
    return other + 1


def _operator(tokens: Sequence[str], at: int, definitions: Definitions) -> int | None:
    star = tokens[at : at + 1] == ["*"]
    named = _name(tokens, at)
    text = None if named is None else argument(tokens, named[1])
    if named is None or text is None:
        return None
    command = ("\\operatorname", "*") if star else ("\\operatorname",)
    definitions.macros[named[0]] = Macro((*command, "{", *_clean(text[0]), "}"))
    return text[1]


def _paired(tokens: Sequence[str], at: int, definitions: Definitions) -> int | None:
    named = _name(tokens, at)
    left = None if named is None else argument(tokens, named[1])
    right = None if left is None else argument(tokens, left[1])
    if named is None or left is None or right is None:
        return None
    opening, closing = _clean(left[0]), _clean(right[0])
    starred = Macro(("\\left", *opening, "#", "1", "\\right", *closing), 1)
    sized = ("#", "1", *opening, "#", "2", "#", "1", *closing)
    definitions.macros[named[0]] = Macro(sized, 2, (), starred)
    return right[1]


def _environment(tokens: Sequence[str], at: int, definitions: Definitions) -> int | None:
    at = skip_blanks(tokens, at)
    if at < len(tokens) and tokens[at] == "*":
        at += 1
    name = argument(tokens, at)
    if name is None:
        return None
    parameters, at = _count(tokens, name[1])
    default = option(tokens, at) if parameters else None
    begin = argument(tokens, at if default is None else default[1])
    end = None if begin is None else argument(tokens, begin[1])
    if begin is None or end is None:
        return None
    if parameters == 0:
        parts = (list(_clean(begin[0])), list(_clean(end[0])))
        definitions.environments["".join(name[0]).strip()] = parts
    return end[1]


def _document_environment(tokens: Sequence[str], at: int, found: Definitions) -> int | None:
    """The same with letters for its arguments, which this takes no notice of."""
    parts: list[Tokens] = []
    for _ in range(4):
        part = argument(tokens, at)
        if part is None:
            return None
        parts.append(part[0])
        at = part[1]
    name, letters, begin, end = parts
    if not "".join(letters).strip():
        found.environments["".join(name).strip()] = (list(_clean(begin)), list(_clean(end)))
    return at


_READERS: dict[str, _Reader] = {
    "\\newcommand": _newcommand,
    "\\renewcommand": _newcommand,
    "\\DeclareRobustCommand": _newcommand,
    "\\providecommand": partial(_newcommand, provide=True),
    "\\NewDocumentCommand": _document_command,
    "\\RenewDocumentCommand": _document_command,
    "\\DeclareDocumentCommand": _document_command,
    "\\ProvideDocumentCommand": partial(_document_command, provide=True),
    "\\NewExpandableDocumentCommand": _document_command,
    "\\def": _def,
    "\\gdef": _def,
    "\\edef": _def,
    "\\xdef": _def,
    "\\let": _let,
    "\\DeclareMathOperator": _operator,
    "\\DeclarePairedDelimiter": _paired,
    "\\NewDocumentEnvironment": _document_environment,
    "\\RenewDocumentEnvironment": _document_environment,
    "\\DeclareDocumentEnvironment": _document_environment,
    "\\newenvironment": _environment,
    "\\renewenvironment": _environment,
}
