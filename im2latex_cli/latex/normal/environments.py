r"""Fences (`\left` ... `\right`) and environments in the pass that writes the normal form.

Material between the columns of an array is written into its cells: `@{X}` stands in place of the
space between two columns, `!{X}` within it, `>{X}` and `<{X}` in each cell. With LaTeX's 5 points
on both sides of a column (`\arraycolsep`) the same picture is `\hspace{-10pt}X` in the cell that
follows, where that is flush left, or a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from im2latex_cli.latex.commands import (
    BEGIN,
    ENVIRONMENTS,
    LEFT,
    MIDDLE,
    NEWLINE,
    RIGHT,
    EnvironmentSpec,
)
from im2latex_cli.latex.commands import END as ENDS
from im2latex_cli.latex.normal.atoms import DISPLAY, INNER, NONE, ORD, SCRIPT, TEXT, append
from im2latex_cli.latex.normal.parser import HANDLERS, STOPS, Parser, Problem, describe
from im2latex_cli.latex.symbols import FENCE_SYNONYMS, MATRIX_OF_FENCES, SYNONYMS
from im2latex_cli.latex.tokenizer import tokenize

PLAIN_COLUMNS = frozenset("lcr|")
_BETWEEN = ("@", "!")
_IN_CELLS = (">", "<")
_BREAKS = frozenset((NEWLINE, "\\cr", "\\tabularnewline"))


class ColumnsError(ValueError):
    """Why a column argument cannot be written out, in one line without the array's name."""


@dataclass(slots=True)
class _Column:
    """One column: its letter and what stands around every cell; `own`: in every row the same."""

    letter: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    own: bool = False


@dataclass(slots=True)
class _Spec:
    """A column argument: columns and rules, and the space taken off both sides of the array."""

    items: list[_Column | str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)

    @property
    def columns(self) -> list[_Column]:
        return [item for item in self.items if isinstance(item, _Column)]


def is_plain(spec: Sequence[str]) -> bool:
    """Whether a column argument has nothing but letters and rules."""
    return PLAIN_COLUMNS.issuperset(spec)


def written_out(spec: Sequence[str], body: Sequence[str]) -> tuple[list[str], ...]:
    r"""Write the material of a column argument into the cells.

    Args:
        spec: the argument's tokens, repeats (`*{2}{c}`) included.
        body: the tokens between the argument and the array's end.

    Returns:
        What comes before the array, its plain column letters, its body, what comes behind it.

    Raises:
        ColumnsError: it cannot be read, or no picture with plain columns is the same.
    """
    read = _read(_repeated(list(spec)))
    letters = [item.letter if isinstance(item, _Column) else item for item in read.items]
    return read.left, letters, _body(body, read.columns), read.right


def _repeated(spec: list[str], depth: int = 0) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(spec):
        if spec[at] == "*":
            times, at = _argument(spec, at + 1)
            again, at = _argument(spec, at)
            count = "".join(times)
            if not count.isdecimal() or not count.isascii() or len(count) > 2 or depth > 3:
                raise ColumnsError("has an unreadable column argument")
            out += _repeated(again, depth + 1) * int(count)
        elif spec[at] in _BETWEEN or spec[at] in _IN_CELLS:
            inner, end = _argument(spec, at + 1)
            out += [spec[at], "{", *inner, "}"]
            at = end
        else:
            out.append(spec[at])
            at += 1
    return out


def _argument(spec: Sequence[str], start: int) -> tuple[list[str], int]:
    """One argument inside a column argument, and where it ends."""
    if start < len(spec) and spec[start] not in "{}":
        return [spec[start]], start + 1
    depth = 0
    for at in range(start, len(spec)):
        depth += (spec[at] == "{") - (spec[at] == "}")
        if depth == 0:
            return list(spec[start + 1 : at]), at + 1
    raise ColumnsError("has an unreadable column argument")


def _read(spec: Sequence[str]) -> _Spec:
    layout = _Spec()
    pending: tuple[str, list[str]] | None = None
    before: list[str] = []
    at = 0
    while at < len(spec):
        token = spec[at]
        if token in ("@", "!", ">", "<"):
            material, at = _argument(spec, at + 1)
            if token == ">":
                before = material + before
            elif token == "<" and layout.items and isinstance(layout.items[-1], _Column):
                layout.items[-1].after = material + layout.items[-1].after
            elif token == "<" or pending is not None:
                raise ColumnsError(f"has {token} where no column can take it")
            else:
                pending = (token, material)
            continue
        at += 1
        if token == "|":
            if pending is not None:
                raise ColumnsError(f"has a rule beside {pending[0]}{{}}")
            layout.items.append(token)
        elif token in ("l", "c", "r"):
            column = _Column(token, before)
            before = []
            _join(layout, pending, column)
            pending = None
        else:
            raise ColumnsError(f"has the unknown column type {token}")
    if before:
        raise ColumnsError("has > where no column can take it")
    _end(layout, pending)
    return layout


def _space(length: int) -> list[str]:
    return [f"\\hspace{{{length}pt}}"] if length else []


def _join(layout: _Spec, pending: tuple[str, list[str]] | None, column: _Column) -> None:
    """Add a column, and before it what stands between it and the one before."""
    if pending is not None:
        mark, material = pending
        if layout.items and not isinstance(layout.items[-1], _Column):
            raise ColumnsError(f"has a rule beside {mark}{{}}")
        whole = 10 if mark == "@" else 5
        if not layout.items and mark == "@" and not material:
            layout.left = _space(-5)
        elif not layout.items:
            inner = [*_space(-5), "{", *material, "}", *_space(-whole)]
            layout.items.append(_Column("c", inner, own=True))
        elif not material:
            column.before = _space(-10 if mark == "@" else 0) + column.before
        elif column.letter == "l":
            back = _space(10 - whole)
            column.before = [*_space(-whole), "{", *material, "}", *back, *column.before]
        else:
            inner = [*_space(-whole), "{", *material, "}", *_space(-whole)]
            layout.items.append(_Column("c", inner, own=True))
    layout.items.append(column)


def _end(layout: _Spec, pending: tuple[str, list[str]] | None) -> None:
    if pending is None:
        return
    mark, material = pending
    if not layout.columns or not isinstance(layout.items[-1], _Column):
        raise ColumnsError(f"has a rule beside {mark}{{}}")
    whole = 10 if mark == "@" else 5
    if not material:
        layout.right = _space(-5 if mark == "@" else 0)
    else:
        inner = [*_space(-whole), "{", *material, "}", *_space(-5)]
        layout.items.append(_Column("c", inner, own=True))


def _body(body: Sequence[str], columns: Sequence[_Column]) -> list[str]:
    """The rows with the material of each column in them."""
    out: list[str] = []
    for row, ending in _split_rows(body):
        start = 0
        while start < len(row) and row[start] == "\\hline":
            start += 1
        out += row[:start]
        cells = _cells(row[start:])
        if ending or len(cells) > 1 or cells[0]:
            out += _row(cells, columns)
        out += ending
    return out


def _row(cells: Sequence[list[str]], columns: Sequence[_Column]) -> list[str]:
    given = sum(not column.own for column in columns)
    if len(cells) < given and any("}" in column.before or column.own for column in columns):
        raise ColumnsError("has a row without all of its columns, beside material between them")
    written = iter(cells)
    out: list[list[str]] = []
    for column in columns:
        if column.own:
            out.append(column.before)
        elif (cell := next(written, None)) is not None:
            framed = ["{", *cell, "}"] if cell and ("}" in column.before or column.after) else cell
            out.append([*column.before, *framed, *column.after])
    out += written  # more than there are columns: refused by who reads the rows
    return [token for cell in out for token in ("&", *cell)][1:]


def _depth(token: str) -> int:
    if token == "{" or token in LEFT or token.startswith("\\begin{"):
        return 1
    return -1 if token == "}" or token in RIGHT or token.startswith("\\end{") else 0


def _split_rows(body: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    rows: list[tuple[list[str], list[str]]] = []
    row: list[str] = []
    depth = 0
    for token in body:
        depth += _depth(token)
        if depth == 0 and (token in _BREAKS or token.startswith(NEWLINE)):
            rows.append((row, [token]))
            row = []
        else:
            row.append(token)
    return [*rows, (row, [])]


def _cells(row: Sequence[str]) -> list[list[str]]:
    cells: list[list[str]] = [[]]
    depth = 0
    for token in row:
        depth += _depth(token)
        if depth == 0 and token == "&":
            cells.append([])
        else:
            cells[-1].append(token)
    return cells


_STYLES = {"smallmatrix": SCRIPT, "subarray": SCRIPT}
_MATRIX = ENVIRONMENTS["matrix"]
"""An array of centred columns with 5 points less on both sides."""
_LONGEST_DISTANCE = 16
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
    position = _position(parser)
    left, letters, right = _column_argument(parser, entry)
    columns = entry.columns
    if entry.argument:
        columns = sum(letter != "|" for letter in letters)
        if entry.columns and len(letters) > entry.columns:
            raise Problem(f"{entry.name} has more than {entry.columns} column")
        if entry.argument == "n":
            columns = 2 * int("".join(letters))
    rows, used = _rows(parser, entry, columns)
    if position and any(token.startswith(NEWLINE) for token in rows):
        parser.aligned = position
    parser.style, parser.switched = outer, switched
    letters = _in_use(letters, used, entry)
    if left and right and len(letters) <= _MATRIX.columns and set(letters) == {"c"}:
        left, right, letters, entry = [], [], [], _MATRIX
    append(out, left)
    _write(out, entry, letters, rows)
    out += parser.scripts()
    append(out, right)
    return int(entry.atom)


def _write(out: list[str], entry: EnvironmentSpec, letters: list[str], rows: list[str]) -> None:
    r"""Write an environment; a subarray of one centred column is a `\substack`."""
    if entry.name == "subarray" and letters == ["c"]:
        out += ["\\substack", "{", *rows, "}"]
        return
    out.append(f"\\begin{{{entry.name}}}")
    if entry.argument:
        out += ["{", *letters, "}"]
    out += [*rows, f"\\end{{{entry.name}}}"]


def _in_use(letters: list[str], used: int, entry: EnvironmentSpec) -> list[str]:
    """The columns that some row has: TeX takes no notice of the others."""
    if entry.argument == "n":
        return list(str(min(int("".join(letters)), (used + 1) // 2)))
    count = 0
    for at, letter in enumerate(letters):
        count += letter != "|"
        if count > used:
            return letters[:at]
    return letters


def _rows(parser: Parser, entry: EnvironmentSpec, columns: int) -> tuple[list[str], int]:
    """The rows, and how many columns the longest has."""
    rows: list[str] = []
    cell, used, style = 1, 1, parser.style
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
            used = max(used, cell)
            if cell > columns:
                raise Problem(f"{entry.name} has a row of more than {columns} columns")
            rows.append("&")
            parser.at += 1
        elif token.startswith(NEWLINE):
            parser.at += 1
            if entry.name == "array" and token == NEWLINE:
                token = _with_distance(parser)
            rows.append(token if parser.keep else NEWLINE)
            cell = 1
            _lines(parser, rows)
        elif ENDS.get(token) is entry:
            parser.at += 1
            _trim(rows)
            return rows, used
        else:
            raise Problem(f"\\begin{{{entry.name}}} is not closed before {describe(token)}")


def _with_distance(parser: Parser) -> str:
    r"""The line break just read, with a distance that blanks part from it: `\\ [2pt]`.

    Arrays look behind blanks for it, amsmath's environments do not.
    """
    tokens, at = parser.tokens, parser.at
    if tokens[at] != "[" or "]" not in tokens[at : at + _LONGEST_DISTANCE]:
        return NEWLINE
    end = tokens.index("]", at) + 1
    found = tokenize(NEWLINE + "".join(tokens[at:end]))
    if len(found) != 1:
        return NEWLINE
    parser.at = end
    return found[0]


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


def _position(parser: Parser) -> str:
    """Step over the `[t]` behind an environment's name; t, b, or nothing."""
    tokens, at = parser.tokens, parser.at
    if tokens[at] == "[" and tokens[at + 1] in "tcb" and tokens[at + 2 : at + 3] == ["]"]:
        parser.at += 3
        return tokens[at + 1].replace("c", "")
    return ""


def _column_argument(
    parser: Parser, entry: EnvironmentSpec
) -> tuple[list[str], list[str], list[str]]:
    """Column letters, or a number; spaces before and behind the array where it is to be moved."""
    if not entry.argument:
        return [], [], []
    tokens, start = parser.tokens, parser.at
    end = _closing(tokens, start) if tokens[start] == "{" else 0
    if not end:
        raise Problem(f"{entry.name} lacks its column argument")
    spec = tokens[start + 1 : end]
    parser.at = end + 1
    if entry.argument == "n":
        if not spec or not all(letter in "0123456789" for letter in spec) or len(spec) > 2:
            raise Problem(f"{entry.name} needs a number of columns")
        return [], spec, []
    left: list[str] = []
    right: list[str] = []
    if not is_plain(spec):
        left, spec, right = _with_material(parser, entry, spec)
    if all(letter == "|" for letter in spec):
        raise Problem(f"{entry.name} has no column")
    return left, spec, right


def _with_material(
    parser: Parser, entry: EnvironmentSpec, spec: list[str]
) -> tuple[list[str], list[str], list[str]]:
    """Write what stands between the columns into the cells that are still to be read."""
    end = _end_of(parser.tokens, parser.at)
    body = parser.tokens[parser.at : end]
    try:
        left, letters, written, right = written_out(spec, body)
    except ColumnsError as error:
        raise Problem(f"{entry.name} {error}") from error
    parser.tokens[parser.at : end] = written
    parser.again = True
    return (left, letters, right) if parser.keep else ([], letters, [])


def _closing(tokens: list[str], start: int) -> int:
    """The brace that closes the one at `start`; 0 if none does."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += (tokens[at] == "{") - (tokens[at] == "}")
        if depth == 0:
            return at
    return 0


def _end_of(tokens: list[str], start: int) -> int:
    r"""Where the `\end` of the environment is whose body begins at `start`."""
    depth = 0
    for at in range(start, len(tokens)):
        if tokens[at] in BEGIN:
            depth += 1
        elif tokens[at] in ENDS:
            depth -= 1
            if depth < 0:
                return at
    return len(tokens) - 1


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
