r"""Fences (`\left` ... `\right`) and environments in the pass that writes the normal form."""

from __future__ import annotations

from im2latex_cli.latex.atoms import DISPLAY, INNER, NONE, ORD, SCRIPT, TEXT
from im2latex_cli.latex.commands import BEGIN, LEFT, MIDDLE, NEWLINE, RIGHT, Environment
from im2latex_cli.latex.commands import END as ENDS
from im2latex_cli.latex.parser import END, HANDLERS, STOPS, Parser, Problem, describe
from im2latex_cli.latex.spellings import FENCE_SYNONYMS, MATRIX_OF_FENCES, SYNONYMS

_STYLES = {"smallmatrix": SCRIPT, "subarray": SCRIPT}
_PAIRED = frozenset(("aligned", "alignedat"))


def _fence(token: str, side: str) -> str:
    mark = token[len(side) :]
    return side + FENCE_SYNONYMS.get(mark, mark)


def fences(parser: Parser, out: list[str], last: int) -> int:
    r"""`\left( ... \middle| ... \right)`; a matrix alone between them is a `pmatrix`."""
    left = _fence(parser.tokens[parser.at], "\\left")
    parser.at += 1
    outer, switched = parser.style, parser.switched
    inner = parser.sequence()
    while parser.tokens[parser.at] in MIDDLE:
        inner.append(_fence(parser.tokens[parser.at], "\\middle"))
        parser.at += 1
        inner += parser.sequence()
    token = parser.tokens[parser.at]
    if token not in RIGHT:
        raise Problem(f"{left} is not closed before {describe(token)}")
    parser.at += 1
    right = _fence(token, "\\right")
    parser.style, parser.switched = outer, switched
    matrix = MATRIX_OF_FENCES.get((left, right))
    if (
        matrix
        and inner[:1] == ["\\begin{matrix}"]
        and inner.index("\\end{matrix}") == len(inner) - 1
    ):
        inner[0], inner[-1] = f"\\begin{{{matrix}}}", f"\\end{{{matrix}}}"
        out += inner
    else:
        out += [left, *inner, right]
    out += parser.scripts()
    return INNER


def environment(parser: Parser, out: list[str], last: int) -> int:
    r"""`\begin{...} ... \end{...}`: cells, rows, lines."""
    begin = parser.tokens[parser.at]
    entry = BEGIN[begin]
    parser.at += 1
    outer, switched = parser.style, parser.switched
    parser.style = DISPLAY if entry.display else _STYLES.get(entry.name, TEXT)
    _skip_position(parser)
    written, columns = [begin], entry.columns
    if entry.argument:
        letters = _column_letters(parser, entry)
        written += ["{", *letters, "}"]
        columns = len([letter for letter in letters if letter != "|"])
        if entry.columns and len(letters) > entry.columns:
            raise Problem(f"{entry.name} has more than {entry.columns} column")
        if entry.argument == "n":
            columns = 2 * int("".join(letters))
    written += _rows(parser, entry, columns)
    written.append(f"\\end{{{entry.name}}}")
    parser.style, parser.switched = outer, switched
    out += written
    out += parser.scripts()
    return int(entry.atom)


def _rows(parser: Parser, entry: Environment, columns: int) -> list[str]:
    rows: list[str] = []
    cell, style = 1, parser.style
    _lines(parser, rows)
    while True:
        before = ORD if entry.name in _PAIRED and cell % 2 == 0 else NONE
        parser.style = style
        inner = parser.sequence(before)
        if rows[-1].startswith(NEWLINE) if rows else entry.position:
            _guard(inner)
        rows += inner
        token = parser.tokens[parser.at]
        token = SYNONYMS.get(token, token)
        if token == "&":
            cell += 1
            if cell > columns:
                raise Problem(f"{entry.name} has a row of more than {columns} columns")
            rows.append("&")
            parser.at += 1
        elif token.startswith(NEWLINE):
            rows.append(token if parser.keep else NEWLINE)
            parser.at += 1
            cell = 1
            _lines(parser, rows)
        elif ENDS.get(token) is entry:
            parser.at += 1
            _trim(rows)
            return rows
        else:
            raise Problem(f"\\begin{{{entry.name}}} is not closed before {describe(token)}")


def _trim(rows: list[str]) -> None:
    """Drop the line break behind the last row; one that ends an empty row paints that row."""
    if rows[-1:] == [NEWLINE] and len(rows) > 1 and not rows[-2].startswith(NEWLINE):
        rows.pop()


def _guard(inner: list[str]) -> None:
    r"""Keep `\\` or `\begin{aligned}` from taking the `*` or `[` behind it as its own."""
    if inner[:1] == ["*"]:
        inner[:1] = ["{", "*", "}"]
    elif inner[:1] == ["["]:
        inner[:0] = ["{", "}"]


def _lines(parser: Parser, rows: list[str]) -> None:
    while parser.tokens[parser.at] == "\\hline":
        rows.append("\\hline")
        parser.at += 1


def _skip_position(parser: Parser) -> None:
    """Drop the `[t]` behind an environment's name."""
    tokens, at = parser.tokens, parser.at
    if tokens[at] == "[" and tokens[at + 1] in "tcb" and tokens[at + 2 : at + 3] == ["]"]:
        parser.at += 3


def _column_letters(parser: Parser, entry: Environment) -> list[str]:
    if parser.tokens[parser.at] != "{":
        raise Problem(f"{entry.name} lacks its column argument")
    depth, end = 0, parser.at
    while True:
        token = parser.tokens[end]
        if token == END:
            raise Problem(f"{entry.name} lacks its column argument")
        depth += (token == "{") - (token == "}")
        end += 1
        if depth == 0:
            break
    spec = parser.tokens[parser.at + 1 : end - 1]
    parser.at = end
    if entry.argument == "n":
        if not spec or not all(letter in "0123456789" for letter in spec) or len(spec) > 2:
            raise Problem(f"{entry.name} needs a number of columns")
        return spec
    return _letters(spec, entry.name)


def _letters(spec: list[str], name: str) -> list[str]:
    """Column letters with repeats written out; material between columns is dropped."""
    letters: list[str] = []
    index = 0
    while index < len(spec):
        token = spec[index]
        if token in ("l", "c", "r", "|"):
            letters.append(token)
            index += 1
        elif token in ("@", "!"):
            _, index = _braced(spec, index + 1, name)
        elif token == "*":
            times, index = _braced(spec, index + 1, name)
            repeated, index = _braced(spec, index, name)
            count = "".join(times)
            if not count.isdecimal() or not count.isascii() or len(count) > 2:
                raise Problem(f"{name} has an unreadable column argument")
            letters += _letters(repeated, name) * int(count)
        else:
            raise Problem(f"{name} has the unknown column type {token}")
    if not any(letter != "|" for letter in letters):
        raise Problem(f"{name} has no column")
    return letters


def _braced(spec: list[str], start: int, name: str) -> tuple[list[str], int]:
    """A braced argument in a column argument, and where it ends."""
    if spec[start : start + 1] != ["{"]:
        raise Problem(f"{name} has an unreadable column argument")
    depth, index = 0, start
    while index < len(spec):
        depth += (spec[index] == "{") - (spec[index] == "}")
        index += 1
        if depth == 0:
            return spec[start + 1 : index - 1], index
    raise Problem(f"{name} has an unreadable column argument")


def stacked(parser: Parser, out: list[str], last: int) -> int:
    r"""`\substack{a \\ b}`: rows in one argument."""
    parser.at += 1
    if parser.tokens[parser.at] != "{":
        raise Problem("\\substack lacks its argument")
    parser.at += 1
    outer, switched = parser.style, parser.switched
    parser.style = SCRIPT
    rows: list[str] = []
    while True:
        inner = parser.sequence()
        if rows:
            _guard(inner)
        rows += inner
        token = parser.tokens[parser.at]
        token = SYNONYMS.get(token, token)
        if not token.startswith(NEWLINE):
            break
        rows.append(token if parser.keep else NEWLINE)
        parser.at += 1
    parser.close("}", "{")
    parser.style, parser.switched = outer, switched
    _trim(rows)
    out += ["\\substack", "{", *rows, "}", *parser.scripts()]
    return ORD


def register() -> None:
    """Put every handler of this module under its tokens."""
    for token in BEGIN:
        HANDLERS[token] = environment
    for token in LEFT:
        HANDLERS[token] = fences
    HANDLERS["\\substack"] = stacked
    STOPS.update(ENDS, RIGHT, MIDDLE, {NEWLINE})
