r"""Old syntax to modern syntax, token by token: `\over`, `\matrix{...}`, display environments."""

from __future__ import annotations

from dataclasses import dataclass, field

from im2latex_cli.latex.commands import LEFT, NEWLINE, RIGHT, STACKS

INFIX = {"\\over": "\\frac", "\\choose": "\\binom", **STACKS}
"""Commands that stand between their arguments, and what stands before them instead."""

_PLAIN_MATRICES = {
    "\\matrix": "matrix",
    "\\pmatrix": "pmatrix",
    "\\cases": "cases",
    "\\eqalign": "aligned",
    "\\displaylines": "gathered",
    "\\mymatrix": "matrix",
    "\\mypmatrix": "pmatrix",
}
_WRAPPERS = frozenset(
    f"\\{side}{{{name}}}"
    for side in ("begin", "end")
    for name in ("equation", "equation*", "displaymath", "math")
)
_EQNARRAYS = frozenset(
    f"\\{side}{{{name}}}" for side in ("begin", "end") for name in ("eqnarray", "eqnarray*")
)
_NUMBERS = frozenset(("\\eqno", "\\leqno"))
OLD = _NUMBERS | frozenset(INFIX) | frozenset(_PLAIN_MATRICES) | _WRAPPERS | _EQNARRAYS
"""Tokens that `desugar` rewrites."""

_WITH_COLUMNS = frozenset(
    f"\\begin{{{name}}}" for name in ("array", "subarray", "alignedat", "alignat", "alignat*")
)
_SHIFTS = (["$", "$"], ["\\(", "\\)"], ["\\[", "\\]"])


def unwrap(tokens: list[str]) -> list[str]:
    """Take the dollars, or other math shifts, off a whole formula."""
    dollars = tokens.count("$")
    if dollars == 4 and tokens[:2] == tokens[-2:] == ["$", "$"]:
        return tokens[2:-2]
    for opening, closing in _SHIFTS:
        ends = tokens[:1] == [opening] and tokens[-1:] == [closing]
        if ends and tokens.count(opening) == (2 if opening == "$" else 1) and len(tokens) > 1:
            return tokens[1:-1]
    return tokens


def without_breaks(tokens: list[str]) -> list[str]:
    """Drop the line breaks that stand in no environment: in a display TeX takes no notice."""
    out: list[str] = []
    owners: list[bool] = []  # for each open brace or environment: whether it has rows
    for at, token in enumerate(tokens):
        if token[:2] == NEWLINE and not any(owners):
            continue
        out.append(token)
        if token.startswith("\\begin{"):
            owners.append(True)
        elif token == "{":
            owners.append(at > 0 and tokens[at - 1] == "\\substack")
        elif (token == "}" or token.startswith("\\end{")) and owners:
            owners.pop()
    return out


def _without_number(tokens: list[str]) -> list[str]:
    r"""Drop `\eqno` and the number behind it, outside braces: it ends a display."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token == "{") - (token == "}")
        if token in _NUMBERS and not depth:
            return tokens[:at]
    return tokens


def desugar(tokens: list[str]) -> list[str]:
    """Rewrite old syntax; what is unbalanced stays unbalanced."""
    if not _NUMBERS.isdisjoint(tokens):
        tokens = _without_number(tokens)
    if not _WRAPPERS.isdisjoint(tokens):
        tokens = [token for token in tokens if token not in _WRAPPERS]
    if not _EQNARRAYS.isdisjoint(tokens):
        tokens = _without_eqnarray(tokens)
    if not _PLAIN_MATRICES.keys().isdisjoint(tokens):
        tokens = _with_environments(tokens)
    if not INFIX.keys().isdisjoint(tokens):
        tokens = _prefixed(tokens)
    return tokens


def _without_eqnarray(tokens: list[str]) -> list[str]:
    """Rows of three cells to rows of two: the relation begins the second."""
    result: list[str] = []
    cells = depth = 0
    for written in tokens:
        side = written.split("{", 1)[0]
        token = f"{side}{{aligned}}" if written in _EQNARRAYS else written
        depth += (token == "{") - (token == "}")
        if token.startswith(NEWLINE) or token in ("\\begin{aligned}", "\\end{aligned}"):
            cells = 0
        if token == "&" and depth == 0:
            cells += 1
            if cells == 2:
                continue
        result.append(token)
    return result


def _with_environments(tokens: list[str]) -> list[str]:
    r"""`\matrix{a & b \cr}` to `\begin{matrix} a & b \\ \end{matrix}`."""
    result: list[str] = []
    closers: list[str] = []  # what each open brace ends with
    pending = ""
    for token in tokens:
        if token in _PLAIN_MATRICES:
            pending = _PLAIN_MATRICES[token]
        elif token == "{":
            closers.append(f"\\end{{{pending}}}" if pending else "}")
            result.append(f"\\begin{{{pending}}}" if pending else "{")
            pending = ""
        elif token == "}" and closers:
            result.append(closers.pop())
        else:
            result.append(token)
            pending = ""
    return result


@dataclass(slots=True)
class _OpenList:
    """An open list: what stands in it, and what stood before its infix command."""

    tokens: list[str] = field(default_factory=list)
    infix: str = ""
    above: list[str] = field(default_factory=list)

    def finished(self) -> list[str]:
        if not self.infix:
            return self.tokens
        return [INFIX[self.infix], "{", *self.above, "}", "{", *self.tokens, "}"]


def _in_columns(depth: int, token: str) -> int:
    """The depth behind this token of a column argument; 0 once it is complete."""
    if token == "{":
        return max(depth, 0) + 1
    return depth - 1 if token == "}" and depth > 0 else depth


def _prefixed(tokens: list[str]) -> list[str]:
    r"""`{a \over b}` to `{\frac{a}{b}}`; a fraction reaches as far as its group or cell."""
    stack = [_OpenList()]
    columns = 0  # braces still open in a column argument; -1 before it
    for token in tokens:
        if columns:
            columns = _in_columns(columns, token)
            stack[-1].tokens.append(token)
            if not columns:
                stack.append(_OpenList())
            continue
        if token in INFIX:
            top = stack[-1]
            if top.infix:  # TeX calls this ambiguous; leave it to be refused
                top.tokens.append(token)
            else:
                top.infix, top.above, top.tokens = token, top.tokens, []
            continue
        closes = token == "}" or token in RIGHT or token.startswith("\\end{")
        opens = token == "{" or token in LEFT or token.startswith("\\begin{")
        next_cell = token in {"&", "\\cr"} or token.startswith(NEWLINE)
        if (closes or next_cell) and len(stack) > 1:
            finished = stack.pop().finished()
            stack[-1].tokens.extend(finished)
        stack[-1].tokens.append(token)
        if token in _WITH_COLUMNS:
            columns = -1
        elif opens or next_cell:
            stack.append(_OpenList())
    while len(stack) > 1:
        finished = stack.pop().finished()
        stack[-1].tokens.extend(finished)
    return stack[0].finished()
