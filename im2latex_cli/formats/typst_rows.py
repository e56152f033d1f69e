"""Pieces of Typst mathematics (spaces, rules, text), and how those of a row are joined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from im2latex_cli.formats.characters import DECORATED_LIMITS, FUNCTIONS, SPACES_EM, ems
from im2latex_cli.formats.runs import Run
from im2latex_cli.formats.typst_symbols import (
    ACCENTS,
    BELOW,
    FONTS,
    SPACES,
    STYLES,
    delimits,
    quote,
)
from im2latex_cli.latex.commands import COMMANDS, STACKS, Atom
from im2latex_cli.latex.tree import (
    BigDelimiter,
    Command,
    Environment,
    Group,
    Node,
    Row,
    Scripts,
    Text,
    Word,
    walk,
)

_JOINED = re.compile(r"[|][-=\]|]|\[[|]")


class RowPart(NamedTuple):
    """A part of a row.

    Attributes:
        text: Typst; nothing paints nothing.
        spaced: whether Typst prints white space beside it.
        before: whether white space may precede it.
        after: likewise behind it.
        scripted: whether it has scripts already.
    """

    text: str
    spaced: bool = False
    before: bool = True
    after: bool = True
    scripted: bool = False


class Context(NamedTuple):
    """Context of a row.

    Attributes:
        display: whether it is set in display style.
        argument: whether commas would end it.
    """

    display: bool = True
    argument: bool = False


_SHRINKING = frozenset(("\\frac", "\\cfrac", "\\binom", *STACKS.values()))
PLAIN = frozenset((Atom.ORD, Atom.NONE))


def atom_of(node: Node) -> Atom:
    """Return the class of a symbol; anything else is ordinary."""
    entry = COMMANDS.get(node.token if isinstance(node, Word) else "")
    return entry.atom if entry else Atom.ORD


def carried(node: Node) -> Node:
    """Return the delimiter that a node is, its scripts aside."""
    return node.base if isinstance(node, Scripts) and node.base is not None else node


def bare_pairs(row: Row) -> dict[int, int]:
    """Find pairs of delimiters that need no quotes, opening ones first."""
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    for index, node in enumerate(row):
        mark = carried(node)
        if _opens(mark):
            if node == mark:
                waiting.append(index)
        elif _closes(mark):
            start = waiting.pop() if waiting else index
            if _match_size(row[start], mark) and (_is_sized(mark) or _flat(row[start + 1 : index])):
                pairs[start] = index
            elif type(row[start]) is not type(mark):
                waiting.clear()
    return _unnested(pairs)


def _is_sized(node: Node) -> bool:
    return isinstance(node, BigDelimiter)


def _opens(node: Node) -> bool:
    match node:
        case Word(token):
            return delimits(token, Atom.OPEN)
        case BigDelimiter(name):
            return name.endswith("l")
    return False


def _closes(node: Node) -> bool:
    match node:
        case Word(token):
            return delimits(token, Atom.CLOSE)
        case BigDelimiter(name):
            return name.endswith("r")
    return False


def _match_size(first: Node, last: Node) -> bool:
    """Whether an opening and a closing delimiter are of one size."""
    match first, last:
        case BigDelimiter(name=opening), BigDelimiter(name=closing):
            return opening[:-1] == closing[:-1] and opening != closing
        case Word(), Word():
            return first != last
    return False


def _unnested(pairs: dict[int, int]) -> dict[int, int]:
    """Leave out bare pairs that overlap others without lying inside of them."""
    return {
        start: end
        for start, end in pairs.items()
        if not any(start < other < end < last for other, last in pairs.items())
        and not any(other < start < last < end for other, last in pairs.items())
    }


def _flat(row: Row) -> bool:
    """Whether a row is no taller than a parenthesis, so that Typst does not stretch that."""
    return all(_is_flat(node) for node in row)


def _is_flat(node: Node) -> bool:
    match node:
        case Word(token):
            if token in STYLES or token.startswith(("\\rule", "\\middle")):
                return False
            entry = COMMANDS.get(token)
            return not (entry and entry.atom is Atom.OP and token not in FUNCTIONS)
        case Group(body):
            return _flat(body)
        case Command(name, _, (Group(body),)):
            transparent = (
                name[1:] in FONTS or name[1:] in ACCENTS or name.startswith("\\operatorname")
            )
            return transparent and _flat(body)
        case Text("\\fbox"):
            return False
        case Text():
            return True
        case Scripts(base, sub, sup):
            return (base is None or _is_flat(base)) and all(
                _is_small(script) for script in (sub, sup) if script is not None
            )
    return False


def _is_small(row: Row) -> bool:
    """Whether a script is one line of plain symbols."""
    return all(
        isinstance(node, Word) or (isinstance(node, Command) and _is_flat(node)) for node in row
    ) and _flat(row)


def separates_digits(row: Row, index: int) -> bool:
    """Whether a point, or a comma in braces, is between two digits."""
    node = row[index]
    comma = isinstance(node, Group) and node.body == (Word(","),)
    if not (comma or (isinstance(node, Word) and node.token == ".")):
        return False
    if not 0 < index < len(row) - 1:
        return False
    before, after = row[index - 1], carried(row[index + 1])
    return all(isinstance(side, Word) and side.token.isdigit() for side in (before, after))


def raises(base: Node) -> bool:
    """Whether Typst would put scripts above and below although TeX puts them beside."""
    match base:
        case Word():
            return atom_of(base) is Atom.REL
        case Command("\\mathrel" | "\\stackrel"):
            return True
    return False


def raises_row(row: Row) -> bool:
    """As `raises`, of a row of one node."""
    return len(row) == 1 and raises(row[0])


def shrinks(row: Row) -> bool:
    """Whether text style would change a row."""
    for node in walk(row):
        match node:
            case Command(name) if name in _SHRINKING:
                return True
            case Word() if atom_of(node) is Atom.OP:
                return True
            case Environment() | Command("\\mathop" | "\\operatorname*"):
                return True
    return False


def as_one(pieces: list[RowPart]) -> RowPart:
    """Put pieces together as one."""
    if len(pieces) == 1:
        return pieces[0]
    return RowPart(join_pieces(pieces) or '""', spaced=any(piece.spaced for piece in pieces))


def join_pieces(pieces: Sequence[RowPart]) -> str:
    """Put the pieces of a row together, with white space only if it prints nothing."""
    text = ""
    last = RowPart("")
    for piece in pieces:
        if not piece.text:
            continue
        if text:
            text += _between(last, piece)
        text += piece.text
        last = piece
    return text


def _between(left: RowPart, right: RowPart) -> str:
    touching = left.text[-1] + right.text[0]
    if _JOINED.fullmatch(touching):
        return '""'
    if left.spaced or right.spaced:
        return "" if _may_touch(left.text, right.text) else '""'
    if not (left.after and right.before):
        if left.text == "." or right.text == ".":
            return ""
        return "" if _may_touch(left.text, right.text) or right.text[0] in ")],.;\\" else " "
    if left.text[-1].isdigit() and left.text.isdigit() and right.text[0].isdigit():
        return ""
    called = re.fullmatch(r"[A-Za-z]'*", left.text) and right.text[0] == "("
    return "" if called else " "


def _may_touch(left: str, right: str) -> bool:
    """Whether two pieces without white space between them still read as two."""
    if '"' in (left[-1], right[0]):
        return True
    if right[0] in "([." or right.startswith(("'", "_", "^")):
        return left[-1] in "(["
    word_ends = left[-1].isalnum() or left[-1] == "."
    word_begins = right[0].isalnum()
    return not (word_ends and word_begins)


def space(token: str) -> RowPart:
    """Write a command that is a space."""
    return RowPart(SPACES.get(token) or f"#h({SPACES_EM[token]:.4g}em)")


def distance(token: str) -> RowPart:
    r"""Write `\hspace{...}` or `\mspace{...}`."""
    return RowPart(f"#h({ems(token[8:-1]):.4g}em)")


def rule(token: str) -> RowPart:
    r"""Write `\rule{...}{...}`."""
    width, height = (ems(length) for length in token[6:-1].split("}{"))
    if width < 0 or height <= 0:
        return RowPart(f"#h({width:.4g}em)")  # TeX paints nothing
    box = f"#box(width: {width:.4g}em, height: {height:.4g}em, fill: black)"
    return RowPart(box, spaced=True)


def decorated_limit(token: str) -> RowPart:
    r"""Write a limit with a line or an arrow, such as `\varliminf`."""
    accent = DECORATED_LIMITS[token][1:]
    if accent in BELOW:
        body = f'accent(op("lim"), "\\u{{{BELOW[accent]}}}")'
    else:
        body = f'{accent}(op("lim"))'
    return RowPart(f"op({body}, limits: #true)")


def text_run(run: Run) -> RowPart:
    """Write text in one font."""
    text = quote(run.text)
    for font in reversed(run.fonts):
        if font == "box":
            text = f"#box(stroke: 0.4pt, inset: 3pt, ${text}$)"
        elif font == "smallcaps":
            text = f"#smallcaps({text.removeprefix('#')})" if text[0] == '"' else text
        else:
            text = f"{font}({text})"
    return RowPart(text, spaced=True)


def carries_prime(text: str) -> bool:
    """Whether a prime after this text is part of it."""
    return bool(re.search(r"[A-Za-z)\]0-9]$", text)) and not text.startswith(
        ("limits(", "scripts(")
    )


def in_call(text: str) -> str:
    """Escape a lone comma that becomes an argument."""
    return f"\\{text}" if text in (",", ";") else text
