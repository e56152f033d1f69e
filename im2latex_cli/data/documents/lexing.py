r"""LaTeX source as small texts that join to it again, and the formulas of its displays.

Texts are `\name`, `\%`, blanks and characters. A display yields a formula for each row that stands
on its own line: rows of `align`, `gather`, `eqnarray` and their kin are formulas of their own.
Marks of alignment are dropped, since a row alone has nothing to align with; between the equations
of one row, as `align` has them, stays a `\qquad`. A formula that is only broken over lines
(`multline`) is one formula; `aligned`, `split`, `cases` and matrices inside a display stay whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

Tokens = list[str]
LONGEST_GROUP = 5_000
"""Tokens after which a brace counts as one that nobody closes."""

_TOKEN = re.compile(r"\\[A-Za-z@]+|\\.|\s+|.", re.DOTALL)
_COMMENT = re.compile(r"(\\.)|%[^\n]*(?:\n[ \t]*)?", re.DOTALL)


def lex(text: str) -> Tokens:
    """Cut a text into tokens; nothing is lost."""
    return _TOKEN.findall(text)


def unlex(tokens: Sequence[str]) -> str:
    r"""Join tokens; a blank keeps a command apart from a letter that now follows it."""
    parts: list[str] = []
    after_word = False
    for token in tokens:
        if after_word and token[0].isascii() and token[0].isalpha():
            parts.append(" ")
        parts.append(token)
        after_word = is_word(token)
    return "".join(parts)


def is_word(token: str) -> bool:
    r"""Whether a token is a command whose name is letters, as `\frac`."""
    return len(token) > 1 and token[0] == "\\" and (token[1].isalpha() or token[1] == "@")


def without_comments(text: str) -> str:
    """Remove comments as TeX does, with the newline and the blanks that follow it."""
    return _COMMENT.sub(lambda match: match[1] or "", text)


def skip_blanks(tokens: Sequence[str], at: int) -> int:
    """Return the first place from `at` that is no blank."""
    while at < len(tokens) and tokens[at].isspace():
        at += 1
    return at


def group_end(tokens: Sequence[str], at: int) -> int | None:
    """Return the place behind the group that opens at `at`, or None where it stays open."""
    depth = 0
    for place in range(at, min(len(tokens), at + LONGEST_GROUP)):
        if tokens[place] == "{":
            depth += 1
        elif tokens[place] == "}":
            depth -= 1
            if depth == 0:
                return place + 1
    return None


def argument(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """Read one argument: a group without its braces, or one token.

    Returns:
        The argument and the place behind it; None where there is none.
    """
    at = skip_blanks(tokens, at)
    if at >= len(tokens) or tokens[at] == "}":
        return None
    if tokens[at] != "{":
        return [tokens[at]], at + 1
    end = group_end(tokens, at)
    return None if end is None else (list(tokens[at + 1 : end - 1]), end)


def option(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """Read an argument in brackets, braces inside it balanced; None where there is none."""
    at = skip_blanks(tokens, at)
    if at >= len(tokens) or tokens[at] != "[":
        return None
    depth = 0
    for place in range(at + 1, min(len(tokens), at + LONGEST_GROUP)):
        if tokens[place] == "{":
            depth += 1
        elif tokens[place] == "}":
            depth -= 1
            if depth < 0:
                return None
        elif tokens[place] == "]" and depth == 0:
            return list(tokens[at + 1 : place]), place + 1
    return None


WHOLE = frozenset(["equation", "equation*", "displaymath", "math", "dmath", "dmath*"])
PAIRED = frozenset(
    ["align", "align*", "alignat", "alignat*", "flalign", "flalign*", "xalignat", "xalignat*"]
)
PAIRED |= {"xxalignat", "IEEEeqnarray", "IEEEeqnarray*", "darray", "darray*"}
STACKED = frozenset(["gather", "gather*", "eqnarray", "eqnarray*", "dgroup", "dgroup*"])
STACKED |= {"dseries", "dseries*"}
CASES = frozenset(["numcases", "subnumcases"])
"""A left side as argument, and cases behind it."""
BROKEN = frozenset(["multline", "multline*"])
NAMES = WHOLE | PAIRED | STACKED | BROKEN | CASES | {"empheq"}
"""Environments that are formulas."""

_TRIPLE = frozenset(["IEEEeqnarray", "IEEEeqnarray*", "darray", "darray*"])
"""Left side, relation and right side in columns of their own."""
_WITH_ARGUMENT = _TRIPLE | {"alignat", "alignat*", "xalignat", "xalignat*", "xxalignat"}
_INTERRUPTIONS = frozenset(("\\intertext", "\\shortintertext"))
_BREAKS = frozenset(("\\\\", "\\cr", "\\newline"))

Row = tuple[int, Tokens]


def rows(name: str, tokens: Tokens) -> Iterator[Row]:
    """Yield the formulas of one display.

    Args:
        name: of the environment; "equation" for any display without one.
        tokens: what is inside, without comments.

    Yields:
        How many newlines come before the formula, and its tokens.
    """
    if name == "empheq":
        yield from _framed(tokens)
    elif name in PAIRED | STACKED | BROKEN:
        yield from _lines(name, tokens, _behind_columns(name, tokens))
    else:
        yield _newlines(tokens, 0), _with_cases(tokens) if name in CASES else tokens


def _behind_columns(name: str, tokens: Tokens) -> int:
    """Where the rows begin: behind the columns that some environments take."""
    if name not in _WITH_ARGUMENT:
        return 0
    given = option(tokens, 0)
    columns = argument(tokens, 0 if given is None else given[1])
    return 0 if columns is None else columns[1]


def _lines(name: str, tokens: Tokens, start: int) -> Iterator[Row]:
    row: Tokens = []
    begin = at = start
    nesting = marks = 0
    while at < len(tokens):
        here = tokens[at]
        nesting += (here in {"{", "\\begin"}) - (here in {"}", "\\end"})
        if nesting <= 0 and here in _BREAKS:
            at = _behind_break(tokens, at + 1)
            if name not in BROKEN:
                yield _newlines(tokens, begin), row
                row, begin, marks = [], at, 0
        elif nesting <= 0 and here == "&":
            marks += 1
            apart = marks % (3 if name in _TRIPLE else 2) == 0
            row.append("\\qquad" if name in PAIRED and apart else " ")
            at += 1
        elif here in _INTERRUPTIONS and (text := argument(tokens, at + 1)) is not None:
            if "".join(row).strip():
                yield _newlines(tokens, begin), row
            newlines = sum(token.count("\n") for token in tokens[:at])
            yield from ((newlines, math) for math in _between_dollars(text[0])[1::2])
            row, begin, marks = [], text[1], 0
            at = text[1]
        else:
            row.append(here)
            at += 1
    yield _newlines(tokens, begin), row


def _framed(tokens: Tokens) -> Iterator[Row]:
    r"""`\begin{empheq}[box=\fbox]{align}`: the rows of the environment that it names."""
    given = option(tokens, 0)
    start = 0 if given is None else given[1]
    named = argument(tokens, start)
    if named is None:
        yield _newlines(tokens, 0), tokens
        return
    newlines = sum(token.count("\n") for token in tokens[: named[1]])
    name, body = "".join(named[0]).strip(), list(tokens[named[1] :])
    inner, _, count = name.partition("=")  # alignat=2 has its number here
    if inner in _WITH_ARGUMENT and count:
        body = ["{", *count, "}", *body]
    for more, row in rows(inner if inner in NAMES - {"empheq"} else "equation", body):
        yield newlines + more, row


def _with_cases(tokens: Tokens) -> Tokens:
    r"""`\begin{numcases}{f=}` as `f=\begin{cases}`."""
    left = argument(tokens, 0)
    if left is None:
        return tokens
    begin, end = (["\\" + side, "{", *"cases", "}"] for side in ("begin", "end"))
    return [*left[0], *begin, *_text_conditions(tokens[left[1] :]), *end]


def _text_conditions(body: Tokens) -> Tokens:
    r"""The second cells of `numcases` are text: `& if $x>0$ \\` as `& \text{if $x>0$} \\`."""
    out: Tokens = []
    cell: Tokens | None = None
    depth = 0
    for here in [*body, "\\\\"]:
        depth += (here == "{") - (here == "}")
        if cell is not None and not depth and here in _BREAKS:
            out += ["\\text", "{", *cell, "}"] if "".join(cell).strip() else []
            cell = None
        if cell is not None:
            cell.append(here)
        else:
            out.append(here)
        if here == "&" and not depth:
            cell = []
    return out[:-1]


def hoist(tokens: Tokens) -> Tokens:
    r"""Write `\text{a $b$ c}` as `\text{a }{b}\text{ c}`, which amsmath sets alike."""
    if "\\text" not in tokens or "$" not in tokens:
        return tokens
    out: Tokens = []
    at = 0
    while at < len(tokens):
        group = argument(tokens, at + 1) if tokens[at] == "\\text" else None
        parts = [] if group is None else _between_dollars(group[0])
        if group is None or len(parts) % 2 == 0:
            out.append(tokens[at])
            at += 1
            continue
        for number, part in enumerate(parts):
            if part:
                out += [*([] if number % 2 else ["\\text"]), "{", *part, "}"]
        at = group[1]
    return out


def _between_dollars(tokens: Tokens) -> list[Tokens]:
    parts: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if token == "$" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _behind_break(tokens: Tokens, at: int) -> int:
    """Pass over the star and the distance that a line break may have."""
    if tokens[at : at + 1] == ["*"]:
        at += 1
    if skip_blanks(tokens, at) == at and (distance := option(tokens, at)) is not None:
        return distance[1]
    return at


def _newlines(tokens: Tokens, begin: int) -> int:
    while begin < len(tokens) and (tokens[begin].isspace() or tokens[begin] == "%"):
        begin += 1
    return sum(token.count("\n") for token in tokens[:begin])
