r"""Fences (`\left` ... `\right`) and environments in the pass that writes the normal form."""

from __future__ import annotations

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
from im2latex_cli.latex.normal.columns import (
    SPANS,
    ColumnsError,
    is_plain,
    without_spans,
    written_out,
)
from im2latex_cli.latex.normal.parser import END, HANDLERS, STOPS, Parser, Problem, describe
from im2latex_cli.latex.symbols import FENCE_SYNONYMS, MATRIX_OF_FENCES, SYNONYMS
from im2latex_cli.latex.tokenizer import tokenize

_STYLES = {"smallmatrix": SCRIPT, "subarray": SCRIPT}
_MATRIX = ENVIRONMENTS["matrix"]
"""An array of centred columns with 5 points less on both sides."""
_SPANNED = frozenset(("array", "matrix", *MATRIX_OF_FENCES.values()))
"""Environments made of LaTeX's array."""
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
        _respanned(parser, entry, None)
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
    _respanned(parser, entry, spec)
    left: list[str] = []
    right: list[str] = []
    if not is_plain(spec):
        left, spec, right = _with_material(parser, entry, spec)
    if all(letter == "|" for letter in spec):
        raise Problem(f"{entry.name} has no column")
    return left, spec, right


def _respanned(parser: Parser, entry: EnvironmentSpec, spec: list[str] | None) -> None:
    """Write cells and rules that name the columns they span in the plain way."""
    if entry.name not in _SPANNED or not SPANS.intersection(parser.tokens):
        return
    end = _end_of(parser.tokens, parser.at)
    try:
        parser.tokens[parser.at : end] = without_spans(spec, parser.tokens[parser.at : end])
    except ColumnsError as error:
        raise Problem(f"{entry.name} {error}") from error


def _with_material(
    parser: Parser, entry: EnvironmentSpec, spec: list[str]
) -> tuple[list[str], list[str], list[str]]:
    """Write what stands between the columns into the cells that are still to be read."""
    end = _end_of(parser.tokens, parser.at)
    body = parser.tokens[parser.at : end]
    behind = [token for token in parser.tokens[end + 1 :] if token != "\\right."]
    ends = behind == [END] and parser.depth <= len(parser.tokens) - end - 1
    try:
        left, letters, written, right = written_out(spec, body, ends=ends)
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
