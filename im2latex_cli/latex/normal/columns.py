r"""Material between the columns of an array, written into its cells.

`@{X}` stands in place of the space between two columns, `!{X}` within it, `>{X}` and `<{X}` in
each cell. With LaTeX's 5 points on both sides of a column (`\arraycolsep`) the same picture is
`\hspace{-10pt}X` in the cell that follows, where that is flush left, or a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from im2latex_cli.latex.commands import LEFT, NEWLINE, RIGHT

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
    found = _Spec()
    pending: tuple[str, list[str]] | None = None
    before: list[str] = []
    at = 0
    while at < len(spec):
        token = spec[at]
        if token in ("@", "!", ">", "<"):
            material, at = _argument(spec, at + 1)
            if token == ">":
                before = material + before
            elif token == "<" and found.items and isinstance(found.items[-1], _Column):
                found.items[-1].after = material + found.items[-1].after
            elif token == "<" or pending is not None:
                raise ColumnsError(f"has {token} where no column can take it")
            else:
                pending = (token, material)
            continue
        at += 1
        if token == "|":
            if pending is not None:
                raise ColumnsError(f"has a rule beside {pending[0]}{{}}")
            found.items.append(token)
        elif token in ("l", "c", "r"):
            column = _Column(token, before)
            before = []
            _join(found, pending, column)
            pending = None
        else:
            raise ColumnsError(f"has the unknown column type {token}")
    if before:
        raise ColumnsError("has > where no column can take it")
    _end(found, pending)
    return found


def _space(length: int) -> list[str]:
    return [f"\\hspace{{{length}pt}}"] if length else []


def _join(found: _Spec, pending: tuple[str, list[str]] | None, column: _Column) -> None:
    """Add a column, and before it what stands between it and the one before."""
    if pending is not None:
        mark, material = pending
        if found.items and not isinstance(found.items[-1], _Column):
            raise ColumnsError(f"has a rule beside {mark}{{}}")
        whole = 10 if mark == "@" else 5
        if not found.items and mark == "@" and not material:
            found.left = _space(-5)
        elif not found.items:
            inner = [*_space(-5), "{", *material, "}", *_space(-whole)]
            found.items.append(_Column("c", inner, own=True))
        elif not material:
            column.before = _space(-10 if mark == "@" else 0) + column.before
        elif column.letter == "l":
            back = _space(10 - whole)
            column.before = [*_space(-whole), "{", *material, "}", *back, *column.before]
        else:
            inner = [*_space(-whole), "{", *material, "}", *_space(-whole)]
            found.items.append(_Column("c", inner, own=True))
    found.items.append(column)


def _end(found: _Spec, pending: tuple[str, list[str]] | None) -> None:
    if pending is None:
        return
    mark, material = pending
    if not found.columns or not isinstance(found.items[-1], _Column):
        raise ColumnsError(f"has a rule beside {mark}{{}}")
    whole = 10 if mark == "@" else 5
    if not material:
        found.right = _space(-5 if mark == "@" else 0)
    else:
        inner = [*_space(-whole), "{", *material, "}", *_space(-5)]
        found.items.append(_Column("c", inner, own=True))


def _body(body: Sequence[str], columns: Sequence[_Column]) -> list[str]:
    """The rows with the material of each column in them."""
    out: list[str] = []
    for row, ending in _rows(body):
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


def _rows(body: Sequence[str]) -> list[tuple[list[str], list[str]]]:
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
