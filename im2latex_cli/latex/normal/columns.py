r"""The column argument of an array in the pass that writes the normal form.

Material between the columns of an array is written into its cells: `@{X}` stands in place of the
space between two columns, `!{X}` within it, `>{X}` and `<{X}` in each cell. With LaTeX's 5 points
on both sides of a column (`\arraycolsep`) the same picture is `\hspace{-10pt}X` in the cell that
follows, where that is flush left, or a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from im2latex_cli.latex.dialects.reading import argument, is_break, rows, split_cells

PLAIN_COLUMNS = frozenset("lcr|")
_BETWEEN = ("@", "!")
_IN_CELLS = (">", "<")
_PARAGRAPHS = frozenset("pmb")
_RULES = ("\\hline", "\\cline")
SPANS = frozenset(("\\multicolumn", "\\cline"))


class ColumnsError(ValueError):
    """Why a column argument cannot be written out, in one line without the array's name."""


@dataclass(slots=True)
class _Column:
    """One column.

    Attributes:
        letter: `l`, `c` or `r`.
        between: what stands between the column before and this one, also in rows that end there.
        before: what begins every cell.
        after: what ends every cell.
        own: whether `before` is all that the column holds, in every row.
        text: whether its cells are text.
    """

    letter: str
    between: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    own: bool = False
    text: bool = False


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


def written_out(spec: Sequence[str], body: Sequence[str], *, ends: bool) -> tuple[list[str], ...]:
    r"""Write the material of a column argument into the cells.

    Args:
        spec: the argument's tokens, repeats (`*{2}{c}`) included.
        body: the tokens between the argument and the array's end.
        ends: whether the formula ends with the array, so that the width of its last column does
            not show.

    Returns:
        What comes before the array, its plain column letters, its body, what comes behind it.

    Raises:
        ColumnsError: it cannot be read, or no picture with plain columns is the same.
    """
    read = _read(_repeated(list(spec)))
    if any(column.text for column in read.columns[: -1 if ends else None]):
        raise ColumnsError(
            "has a column of a fixed width, which no normal form has: write l, and \\text{} around "
            "its cells"
        )
    letters = [item.letter if isinstance(item, _Column) else item for item in read.items]
    return read.left, letters, _body(body, read.columns), read.right


def without_spans(spec: Sequence[str] | None, body: list[str]) -> list[str]:
    r"""Write `\multicolumn` of one column as its cell and `\cline` below all columns as `\hline`.

    Args:
        spec: the tokens of the column argument; None for centred columns, as many as are used.
        body: the rows of the array or matrix.

    Raises:
        ColumnsError: a cell spans columns or differs from its column, or a rule spans some only.
    """
    if SPANS.isdisjoint(body):
        return body
    columns = None if spec is None else _columns(_repeated(list(spec)))
    split = [_parted(row) for row in rows(body)]
    used = max(_used(cells) for _, cells in split)
    out: list[str] = []
    for rules, cells in split:
        out += _rules(rules, used if columns is None else len(columns))
        first = 0
        for number, cell in enumerate(cells):
            out += [*(["&"] if number else []), *_spanned(cell, first, columns or ["c"] * used)]
            first += _span(cell)
    return out


def _columns(spec: Sequence[str]) -> list[str]:
    """Each column's letter with the rules behind it, those before the first one too."""
    out: list[str] = []
    lead = ""
    at = 0
    while at < len(spec):
        token = spec[at]
        at += 1
        if token in _BETWEEN or token in _IN_CELLS:
            _, at = _argument(spec, at)
            out[-1:] = [f"{(out or [''])[-1]}{token}"]  # equals no column of \multicolumn
        elif token in _PARAGRAPHS and spec[at : at + 1] == ["{"]:
            _, at = _argument(spec, at)
            out.append(token)
        elif token != "|":
            out.append(lead + token)
            lead = ""
        elif out:
            out[-1] += token
        else:
            lead += token
    return out


def _parted(row: list[str]) -> tuple[list[str], list[list[str]]]:
    """The rules above a row, and its cells; its line break is in the last one."""
    at = 0
    while row[at : at + 1] and row[at] in _RULES:
        at = _argument(row, at + 1)[1] if row[at] == "\\cline" else at + 1
    return row[:at], split_cells(row[at:])


def _span(cell: Sequence[str]) -> int:
    """How many columns a cell spans."""
    if "\\multicolumn" not in cell[:1]:
        return 1
    count = "".join(_argument(cell, 1)[0])
    if not _is_number(count) or not int(count):
        raise ColumnsError("has an unreadable \\multicolumn")
    return int(count)


def _used(cells: Sequence[Sequence[str]]) -> int:
    return sum(map(_span, cells))


def _rules(rules: Sequence[str], columns: int) -> list[str]:
    r"""Write rules above a row; several `\cline` may make up a whole one."""
    out: list[str] = []
    ruled: set[int] = set()
    at = 0
    while at < len(rules):
        if rules[at] == "\\hline":
            out.append(rules[at])
            at += 1
            continue
        span, at = _argument(rules, at + 1)
        first, _, last = "".join(span).partition("-")
        if not _is_number(first) or not _is_number(last or first):
            raise ColumnsError("has an unreadable \\cline")
        ruled.update(range(int(first), int(last or first) + 1))
        if ruled.issuperset(range(1, columns + 1)):
            out.append("\\hline")
            ruled.clear()
    if ruled:
        raise ColumnsError(
            "has \\cline below some of its columns, which no normal form has: write \\hline"
        )
    return out


def _spanned(cell: list[str], first: int, columns: Sequence[str]) -> list[str]:
    r"""A cell without its `\multicolumn`, where the column has the same letter and rules."""
    if "\\multicolumn" not in cell[:1]:
        return cell
    _, at = _argument(cell, 1)
    kind, at = _argument(cell, at)
    inside, at = _argument(cell, at)
    wanted = columns[first : first + _span(cell)]
    if len(wanted) == 1 and ["".join(kind)] == wanted:
        return [*inside, *cell[at:]]
    if not inside and is_plain([*"".join(wanted)]) and "|" not in "".join((*kind, *wanted)):
        return ["&"] * (len(wanted) - 1) + cell[at:]
    if len(wanted) == 1:
        raise ColumnsError(
            "has \\multicolumn with another alignment or other rules than its column, which no "
            "normal form has: write the cell alone"
        )
    raise ColumnsError(
        "has \\multicolumn over several columns, which no normal form has: write the cell into one "
        "column, or leave it out"
    )


def _is_number(digits: str) -> bool:
    return digits.isdecimal() and digits.isascii() and len(digits) < 3


def _repeated(spec: list[str], depth: int = 0) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(spec):
        if spec[at] == "*":
            times, at = _argument(spec, at + 1)
            again, at = _argument(spec, at)
            count = "".join(times)
            if not _is_number(count) or depth > 3:
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
    found = argument(spec, start)
    if found is None:
        raise ColumnsError("has an unreadable column argument")
    return found


def _read(spec: Sequence[str]) -> _Spec:
    layout = _Spec()
    pending: tuple[str, list[str]] | None = None
    before: list[str] = []
    at = 0
    while at < len(spec):
        token = spec[at]
        if token in _BETWEEN or token in _IN_CELLS:
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
        else:
            column, at = _column(token, spec, at)
            column.before, before = before, []
            _join(layout, pending, column)
            pending = None
    if before:
        raise ColumnsError("has > where no column can take it")
    _end(layout, pending)
    return layout


def _column(token: str, spec: Sequence[str], at: int) -> tuple[_Column, int]:
    """The column of a letter; a paragraph is flush left, and has a width behind its letter."""
    if token in ("l", "c", "r"):
        return _Column(token), at
    if token in _PARAGRAPHS and spec[at : at + 1] == ["{"]:
        return _Column("l", text=True), _argument(spec, at)[1]
    raise ColumnsError(f"has the unknown column type {token}")


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
            layout.items.append(_Column("c", before=inner, own=True))
        elif not material:
            column.between = _space(-10 if mark == "@" else 0)
        elif column.letter == "l":
            column.between = [*_space(-whole), "{", *material, "}", *_space(10 - whole)]
        else:
            inner = [*_space(-whole), "{", *material, "}", *_space(-whole)]
            layout.items.append(_Column("c", before=inner, own=True))
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
        layout.items.append(_Column("c", before=inner, own=True))


def _body(body: Sequence[str], columns: Sequence[_Column]) -> list[str]:
    """The rows with the material of each column in them."""
    out: list[str] = []
    for row in rows(list(body)):
        ending = [row.pop()] if row and is_break(row[-1]) else []
        start = 0
        while start < len(row) and row[start] == "\\hline":
            start += 1
        out += row[:start]
        cells = split_cells(row[start:])
        if ending or len(cells) > 1 or cells[0]:
            out += _row(cells, columns)
        out += ending
    return out


def _row(cells: Sequence[list[str]], columns: Sequence[_Column]) -> list[str]:
    """A row; one that ends early still has what stands behind its last column."""
    written = iter(cells)
    out: list[list[str]] = []
    for column in columns:
        if column.own:
            out.append(column.before)
            continue
        cell = next(written, None)
        if cell is None:
            out += [column.between] * ("}" in column.between)
            break
        before = column.between + column.before
        if column.text and cell:
            cell = _words(cell)
        framed = ["{", *cell, "}"] if cell and ("}" in before or column.after) else cell
        out.append([*before, *framed, *column.after])
    out += written  # more than there are columns: refused by who reads the rows
    return [token for cell in out for token in ("&", *cell)][1:]


def _words(cell: Sequence[str]) -> list[str]:
    r"""The text of a cell in `\text`; of several words the spaces are not known here."""
    if not all(len(token) == 1 and token.isascii() and token.isalnum() for token in cell):
        raise ColumnsError("has a column of paragraphs: write l, and \\text{} around its cells")
    return ["\\text", "{", *cell, "}"]
