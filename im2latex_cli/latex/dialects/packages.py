r"""Commands of common packages and of plain TeX, in words of LaTeX and amsmath that paint the same.

mathtools (`\coloneqq`, `dcases`, `pmatrix*`), physics (`\dv`, `\bra`, `\abs`), siunitx and mhchem
(both in `science.py`), fractions and roots of plain TeX (`plain_tex.py`). What is broken stays
as it is, and the parser refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from im2latex_cli.latex.commands import NEWLINE
from im2latex_cli.latex.dialects import plain_tex, science
from im2latex_cli.latex.dialects.reading import (
    argument,
    arguments,
    before,
    group_end,
    option,
    rows,
    split_cells,
)
from im2latex_cli.latex.normal.atoms import is_flat
from im2latex_cli.latex.tokenizer import tokenize

Tokens = list[str]
Rewriter = Callable[[Sequence[str], int], tuple[Tokens, int] | None]
"""Takes the formula and the place of a command; returns its replacement, and the place behind
it; None if its arguments are not there."""

_MOST = 40_000
"""Tokens that a formula may grow to."""

_COLON = r"\mathrel{\mathop{:}}"
_WORDS = {
    "vcentcolon": _COLON,
    "ordinarycolon": ":",
    "dblcolon": _COLON + _COLON,
    "coloneqq": rf"{_COLON}=",
    "coloneq": rf"{_COLON}\mathrel{{-}}",
    "eqqcolon": rf"={_COLON}",
    "eqcolon": rf"\mathrel{{-}}{_COLON}",
    "Coloneqq": rf"{_COLON}{_COLON}=",
    "colonapprox": rf"{_COLON}\approx",
    "colonsim": rf"{_COLON}\sim",
    "nuparrow": r"\not\uparrow",
    "lparen": "(",
    "rparen": ")",
    **dict.fromkeys(("gradient", "grad"), r"\boldsymbol{\nabla}"),
    "divergence": r"\boldsymbol{\nabla}\boldsymbol{\cdot}",
    "curl": r"\boldsymbol{\nabla}\boldsymbol{\times}",
    **dict.fromkeys(("vdot", "dotproduct"), r"\boldsymbol{\cdot}"),
    **dict.fromkeys(("cross", "crossproduct"), r"\boldsymbol{\times}"),
    **dict.fromkeys(("qcomma", "qc"), r",\quad"),
    **dict.fromkeys(("pv", "principalvalue"), r"\mathcal{P}"),
    "PV": r"\mathrm{P.V.}",
    **{name: rf"\operatorname{{{name}}}" for name in ("tr", "Tr", "rank", "erf", "Res")},
    "laplacian": r"\nabla^{2}",
    "degree": r"^{\circ}",
    "celsius": r"^{\circ}\mathrm{C}",
    "infinity": r"\infty",
}
_TEMPLATES = {
    **dict.fromkeys(("abs", "absolutevalue", "vqty"), (1, r"\left|#1\right|")),
    "norm": (1, r"\left\|#1\right\|"),
    **dict.fromkeys(("bra", "Bra"), (1, r"\left\langle{#1}\right|")),
    **dict.fromkeys(("ket", "Ket"), (1, r"\left|{#1}\right\rangle")),
    **dict.fromkeys(("comm", "commutator"), (2, r"\left[#1,#2\right]")),
    **dict.fromkeys(("acomm", "anticommutator"), (2, r"\left\{#1,#2\right\}")),
    "order": (1, r"\mathcal{O}\left(#1\right)"),
    **dict.fromkeys(("pb", "poissonbracket", "acommutator"), (2, r"\left\{#1,#2\right\}")),
    "pqty": (1, r"\left(#1\right)"),
    "bqty": (1, r"\left[#1\right]"),
    "Bqty": (1, r"\left\{#1\right\}"),
    **dict.fromkeys(("vb", "vectorbold"), (1, r"\mathbf{#1}")),
    **dict.fromkeys(("vu", "vectorunit"), (1, r"\mathbf{\hat{#1}}")),
    **dict.fromkeys(("va", "vectorarrow"), (1, r"\vec{\mathbf{#1}}")),
    **dict.fromkeys(("vb*", "vectorbold*"), (1, r"\boldsymbol{#1}")),
    **dict.fromkeys(("vu*", "vectorunit*"), (1, r"\boldsymbol{\hat{#1}}")),
    **dict.fromkeys(("va*", "vectorarrow*"), (1, r"\vec{\boldsymbol{#1}}")),
    **dict.fromkeys(("eval", "evaluated"), (1, r"\left.#1\vphantom{\int}\right|")),
    **dict.fromkeys(("qq", "qqtext"), (1, r"\quad\text{#1}\quad")),
    **dict.fromkeys(("qq*", "qqtext*"), (1, r"\text{#1}\quad")),
    "flatfrac": (2, r"\left.#1\middle/#2\right."),
    "vev": (1, r"\left\langle{0}\middle|{#1}\middle|{0}\right\rangle"),
    "overunderset": (3, r"\overset{#1}{\underset{#2}{#3}}"),
}
_STARS_OF = frozenset(("abs", "absolutevalue", "norm", "bra", "ket", "comm", "commutator"))
_STARS_OF |= {"acomm", "anticommutator", "acommutator", "pb", "poissonbracket"}
_BRACED = frozenset(("eval", "evaluated"))
"""Commands whose argument may stand between other marks, as in `\\eval[x|`; these are refused."""
_CONJUNCTIONS = (
    "if then else otherwise unless given using assume since let for all even odd integer "
    "and or as in"
).split()
"""Words that physics sets between formulas: `\\qif`, `\\qand`."""
_FENCED = {"": ("{}", "{}"), "p": ("\\left(", "\\right)"), "b": ("\\left[", "\\right]")}
_FENCED |= {"B": ("\\left\\{", "\\right\\}"), "v": ("\\left|", "\\right|")}
_FENCED |= {"V": ("\\left\\|", "\\right\\|")}
_SMALL = frozenset(f"{kind}smallmatrix" for kind in "pbBvV")
_STARRED = frozenset(f"{kind}matrix*" for kind in _FENCED)
_CASES = {"dcases", "dcases*", "rcases", "drcases", "cases*", "rcases*"}
_PAIRS = {"(": ")", "[": "]", "\\{": "\\}", "|": "|"}


def expand(tokens: list[str]) -> list[str]:
    """Write out the commands and environments of packages; nothing else is touched."""
    for _ in range(8):  # an argument may hold further ones
        result = _once(tokens)
        if result == tokens or len(result) > _MOST:
            break
        tokens = result
    return tokens


def _once(tokens: list[str]) -> list[str]:
    out: Tokens = []
    at = 0
    while at < len(tokens):
        rewriter = REWRITERS.get(tokens[at])
        replacement = rewriter(tokens, at) if rewriter is not None else None
        if replacement is None:
            out.append(tokens[at])
            at += 1
        else:
            out += replacement[0]
            at = replacement[1]
    return out


def _fill(template: Sequence[str], arguments: Sequence[Tokens]) -> Tokens:
    out: Tokens = []
    places = iter(template)
    for token in places:
        out += arguments[int(next(places)) - 1] if token == "#" else [token]
    return out


def _word(latex: str) -> Rewriter:
    replacement = tokenize(latex)
    return lambda _tokens, at: (list(replacement), at + 1)


def _template(name: str, count: int, latex: str) -> Rewriter:
    template = tokenize(latex)
    starred_form = _TEMPLATES.get(f"{name}*")
    with_star = _template(f"{name}*", *starred_form) if starred_form else None

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        start = at + 1
        starred = tokens[start : start + 1] == ["*"]
        plain = starred and name in _STARS_OF
        if starred and with_star is not None:
            return with_star(tokens, start)
        if (starred and not plain) or (name in _BRACED and tokens[start : start + 1] != ["{"]):
            return None
        found = arguments(tokens, start + plain, count)
        if found is None:
            return None
        out = _fill(template, found[0])
        return (_without_fences(out) if plain else out), found[1]

    return rewrite


def _without_fences(tokens: Tokens) -> Tokens:
    """The outermost fences as plain delimiters."""
    first, last = tokens[0].removeprefix("\\left"), tokens[-1].removeprefix("\\right")
    return [first, *tokens[1:-1], last]


def _prescript(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\prescript{14}{2}{C}`: numbers flush right before the letter."""
    groups = arguments(tokens, at + 1, 3)
    if groups is None:
        return None
    above, below, letter = groups[0]
    return [*before(below, above), "{", *letter, "}"], groups[1]


def _derivative(sign: str) -> Rewriter:
    r"""`\dv[n]{f}{x}`, `\dv{x}`, `\pdv{f}{x}{y}`."""

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        start = at + 1
        flat = tokens[start : start + 1] == ["*"]
        start += flat
        order = option(tokens, start)
        start = start if order is None else order[1]
        groups: list[Tokens] = []
        most = 3 if sign == "\\partial" else 2
        while len(groups) < most and tokens[start : start + 1] == ["{"]:
            group = argument(tokens, start)
            if group is None:
                return None
            groups.append(group[0])
            start = group[1]
        if not groups:
            return None
        mark = [sign] if sign == "\\partial" else tokenize(sign)
        power = ["^", "{", *order[0], "}"] if order is not None else []
        if len(groups) == 3:
            above = [*mark, "^", "{", "2", "}", *groups[0]]
            below = [*mark, *groups[1], *mark, *groups[2]]
        else:
            function = groups[0] if len(groups) == 2 else []
            above = [*mark, *power, *function]
            below = [*mark, *groups[-1], *power]
        behind: Tokens = []
        if len(groups) == 1 and (operand := _parenthesis(tokens, start)) is not None:
            behind, start = ["{", *operand[0], "}"], operand[1]
        if flat:
            return ["\\left.", *above, "\\middle/", *below, "\\right.", *behind], start
        return ["\\frac", "{", *above, "}", "{", *below, "}", *behind], start

    return rewrite


def _differential(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\dd{x}`, `\dd[3]{x}`, `\dd x` of physics."""
    order = option(tokens, at + 1)
    start = at + 1 if order is None else order[1]
    power = [] if order is None else ["^", "{", *order[0], "}"]
    mark = ["\\mathrm", "{", "d", "}"]
    if tokens[start : start + 1] == ["{"]:
        group = argument(tokens, start)
        if group is not None:
            return ["\\,", *mark, *power, *group[0]], group[1]
    return [*mark, *power], start


def _braket(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\braket{a}{b}` of physics, `\braket{a|b}` of braket."""
    plain = tokens[at + 1 : at + 2] == ["*"]
    group = argument(tokens, at + 1 + plain)
    if group is None:
        return None
    parts, end = [group[0]], group[1]
    if tokens[end : end + 1] == ["{"] and (other := argument(tokens, end)) is not None:
        parts, end = [parts[0], other[0]], other[1]
    elif "|" in parts[0]:
        parts = _split(parts[0], "|")
    else:
        parts *= 2
    return _between_angles(parts, plain=plain), end


def _between_angles(parts: Sequence[Tokens], *, plain: bool = False) -> Tokens:
    """Parts between angle brackets and bars; `plain` ones have the height of the line."""
    inside = [token for part in parts for token in ("\\middle|", "{", *part, "}")][1:]
    if plain:
        inside = [token.removeprefix("\\middle") for token in inside]
        return ["\\langle", *inside, "\\rangle"]
    return ["\\left\\langle", *inside, "\\right\\rangle"]


def _expectation(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\ev{A}`, `\ev{A}{n}` of physics."""
    stars = _stars(tokens, at + 1)
    group = argument(tokens, at + 1 + stars)
    if group is None:
        return None
    inside, end = group
    if tokens[end : end + 1] == ["{"] and (other := argument(tokens, end)) is not None:
        return _element(other[0], inside, other[0], stars), other[1]
    if stars:
        return ["\\langle", "{", *inside, "}", "\\rangle"], end
    return ["\\left\\langle", *inside, "\\right\\rangle"], end


def _matrix_element(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\mel{a}{B}{c}` of physics."""
    stars = _stars(tokens, at + 1)
    groups = arguments(tokens, at + 1 + stars, 3)
    if groups is None:
        return None
    left, inside, right = groups[0]
    return _element(left, inside, right, stars), groups[1]


def _element(left: Tokens, inside: Tokens, right: Tokens, stars: int) -> Tokens:
    """A matrix element; its inside counts for the height with two stars, the rest without one."""
    if not stars and not is_flat(inside):
        inside = ["\\smash", "{", *inside, "}"]
    return _between_angles([left, inside, right], plain=stars == 1)


def _stars(tokens: Sequence[str], at: int) -> int:
    """How many of two stars stand at `at`."""
    return (tokens[at : at + 1] == ["*"]) + (tokens[at : at + 2] == ["*", "*"])


def _outer(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    group = argument(tokens, at + 1)
    if group is None:
        return None
    one, end = group
    other = one
    if tokens[end : end + 1] == ["{"] and (second := argument(tokens, end)) is not None:
        other, end = second
    middle = ["\\middle\\rangle", "\\!", "\\middle\\langle"]
    return ["\\left|", "{", *one, "}", *middle, "{", *other, "}", "\\right|"], end


def _split(tokens: Tokens, mark: str) -> list[Tokens]:
    parts: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if token == mark and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _quantity(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    r"""`\qty(x)` of physics, `\qty{5}{\metre}` of siunitx."""
    start = at + 1
    opening = tokens[start] if start < len(tokens) else ""
    if opening == "{":
        end = group_end(tokens, start)
        if end is not None and tokens[end : end + 1] == ["{"]:
            return science.quantity(tokens, at)
        group = argument(tokens, start)
        return None if group is None else (["\\left\\{", *group[0], "\\right\\}"], group[1])
    return _parenthesis(tokens, start)


def _parenthesis(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    """Parentheses, brackets or bars that open at `at`, as fences; None if none do."""
    opening = tokens[at] if at < len(tokens) else ""
    if opening not in _PAIRS:
        return None
    closing, depth = _PAIRS[opening], 0
    for place in range(at + 1, len(tokens)):
        token = tokens[place]
        if token == closing and not depth:
            inside = list(tokens[at + 1 : place])
            return [f"\\left{opening}", *inside, f"\\right{closing}"], place + 1
        depth += (token == opening) - (token == closing) if opening != closing else 0
        depth += (token == "{") - (token == "}")
    return None


_MATRICES = {"(": ("p", ")"), "[": ("b", "]"), "|": ("v", "|")}


def _matrix_quantity(kind: str, *, small: bool = False) -> Rewriter:
    r"""`\mqty(a & b)` and `\pmqty{a & b}` of physics: a matrix of the kind its fences say."""

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        start = at + 1
        opening = tokens[start] if start < len(tokens) else ""
        found, name = argument(tokens, start), kind
        if opening != "{":
            fenced = _parenthesis(tokens, start) if opening in _MATRICES and not kind else None
            if fenced is None:
                return None
            found, name = (fenced[0][1:-1], fenced[1]), _MATRICES[opening][0]
        if found is None:
            return None
        name += "smallmatrix" if small else "matrix"
        return [f"\\begin{{{name}}}", *found[0], f"\\end{{{name}}}"], found[1]

    return rewrite


def _conjunction(word: str) -> Rewriter:
    r"""`\qif`: a word between formulas; with a star without the space before it."""
    body = ["\\text", "{", *word, "}", "\\quad"]

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        starred = tokens[at + 1 : at + 2] == ["*"]
        return [*([] if starred else ["\\quad"]), *body], at + 1 + starred

    return rewrite


def _matrix(name: str) -> Rewriter:
    r"""`\begin{pmatrix*}[r]`: an array without space at its sides, between fences."""
    left, right = _FENCED[name[0] if name[0] in _FENCED else ""]

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        end = _end(tokens, at, name)
        bracket = option(tokens, at + 1)
        letter, start = ("c", at + 1) if bracket is None else ("".join(bracket[0]), bracket[1])
        if end is None or letter not in ("l", "c", "r"):
            return None
        body = list(tokens[start:end])
        count = max(_width(row) for row in rows(body))
        columns = ["@", "{", "}", *letter * count, "@", "{", "}"]
        array = ["\\begin{array}", "{", *columns, "}", *body, "\\end{array}"]
        return _between(left, array, right), end + 1

    return rewrite


def _small(name: str) -> Rewriter:
    left, right = _FENCED[name[0]]

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        end = _end(tokens, at, name)
        if end is None:
            return None
        body = ["\\begin{smallmatrix}", *tokens[at + 1 : end], "\\end{smallmatrix}"]
        return _between(left, body, right), end + 1

    return rewrite


def _between(left: str, inside: Tokens, right: str) -> Tokens:
    return inside if left == "{}" else [left, *inside, right]


def _cases(name: str) -> Rewriter:
    r"""`dcases`: cells in display style; `rcases`: the brace on the right; `cases*`: text."""
    style = ["\\displaystyle"] if name.startswith("d") else []

    def rewrite(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
        end = _end(tokens, at, name)
        if end is None:
            return None
        out: Tokens = []
        for row in rows(list(tokens[at + 1 : end])):
            cells = split_cells(row)
            for number, cell in enumerate(cells):
                ending = cell[-1:] if cell and cell[-1].startswith(NEWLINE) else []
                inside = cell[: len(cell) - len(ending)]
                if name.endswith("*") and number == 1:
                    inside = ["\\text", "{", *inside, "}"] if inside else []
                elif inside:
                    inside = [*style, *inside]
                out += [*(["&"] if number else []), *inside, *ending]
        if "rcases" not in name:
            return ["\\begin{cases}", *out, "\\end{cases}"], end + 1
        columns = tokenize(r"{@{}l@{\quad}l@{}}")
        array = ["\\begin{array}", *columns, *out, "\\end{array}"]
        return ["\\left.", *array, "\\right\\}"], end + 1

    return rewrite


def _end(tokens: Sequence[str], at: int, name: str) -> int | None:
    depth = 0
    begin, end = f"\\begin{{{name}}}", f"\\end{{{name}}}"
    for place in range(at, len(tokens)):
        depth += (tokens[place] == begin) - (tokens[place] == end)
        if not depth:
            return place
    return None


def _width(row: Tokens) -> int:
    return len(split_cells(row))


REWRITERS: dict[str, Rewriter] = {
    **{f"\\{name}": _word(latex) for name, latex in _WORDS.items()},
    **{
        f"\\{name}": _template(name, *entry) for name, entry in _TEMPLATES.items() if name.isalpha()
    },
    **{f"\\q{word}": _conjunction(word) for word in _CONJUNCTIONS},
    **{f"\\{kind}mqty": _matrix_quantity(kind) for kind in ("", "p", "b", "v")},
    **{f"\\{name}": _matrix_quantity("v") for name in ("mdet", "matrixdeterminant")},
    "\\smqty": _matrix_quantity("", small=True),
    **{f"\\{name}": _matrix_element for name in ("mel", "matrixel", "matrixelement")},
    **{f"\\{name}": _derivative("\\delta") for name in ("fdv", "functionalderivative")},
    **{f"\\{name}": _derivative("\\mathrm{d}") for name in ("dv", "derivative")},
    **{f"\\{name}": _derivative("\\partial") for name in ("pdv", "partialderivative")},
    **{f"\\{name}": _differential for name in ("dd", "differential")},
    **{f"\\{name}": _braket for name in ("braket", "innerproduct", "ip", "Braket")},
    **{f"\\{name}": _expectation for name in ("expval", "ev", "expectationvalue")},
    **{f"\\{name}": _outer for name in ("ketbra", "dyad", "outerproduct", "op")},
    **{f"\\begin{{{name}}}": _matrix(name) for name in sorted(_STARRED)},
    **{f"\\begin{{{name}}}": _small(name) for name in sorted(_SMALL)},
    **{f"\\begin{{{name}}}": _cases(name) for name in sorted(_CASES)},
    "\\prescript": _prescript,
    **{f"\\{name}": _quantity for name in ("qty", "quantity")},
    **plain_tex.COMMANDS,
    **science.UNITS,
    **science.CHEMISTRY,
}
PACKAGE_COMMANDS = frozenset(REWRITERS)
"""Tokens that `expand` may replace."""
