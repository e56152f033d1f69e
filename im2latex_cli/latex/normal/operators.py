r"""Operators, their limits and their names in the pass that writes the normal form."""

from __future__ import annotations

from im2latex_cli.latex import symbols
from im2latex_cli.latex.commands import COMMANDS, RIGHT, Atom, CommandKind, Limits
from im2latex_cli.latex.dialects.reading import argument
from im2latex_cli.latex.normal.atoms import DISPLAY, INNER, NONE, OP, ORD, PLAIN, space
from im2latex_cli.latex.normal.parser import HANDLERS, Parser, Problem, describe_unknown
from im2latex_cli.latex.symbols import SYNONYMS

_FUNCTIONS = frozenset(symbols.FUNCTIONS.split())
_LIMIT_FUNCTIONS = frozenset(symbols.LIMIT_FUNCTIONS.split())
_MOVING = frozenset(
    entry.name for entry in COMMANDS.values() if entry.limits is Limits.DISPLAY and not entry.args
)
_CLOSING = RIGHT | frozenset(
    r") ] \} \rangle \rceil \rfloor \rgroup \rmoustache \bigr \Bigr \biggr \Biggr".split()
)
_MOVES_DOTS = frozenset(
    entry.name
    for entry in COMMANDS.values()
    if entry.kind is CommandKind.SYMBOL and entry.atom in (Atom.BIN, Atom.REL)
).difference(
    r"\bmod \bowtie \cong \neq \models \notin \uparrow \downarrow \updownarrow".split(),
    r"\Uparrow \Downarrow \Updownarrow".split(),
) | frozenset(
    r"\sum \prod \coprod \bigcap \bigcup \bigvee \bigwedge \bigoplus \bigotimes \bigodot".split()
    + r"\biguplus \bigsqcup".split()
)
_INTEGRALS = frozenset(r"\int \oint \iint \iiint \iiiint \idotsint".split())


_ON_AXIS = frozenset(
    r"+ - < > ( ) [ ] \pm \mp \times \oplus \otimes \odot \leq \geq \in \ni \subset \supset".split()
    + r"\subseteq \supseteq \parallel \mid \circlearrowleft \circlearrowright".split()
)
"""Signs that `\\mathop` leaves where they are, as an axis runs through their middle."""


def stray_limits(parser: Parser, out: list[str], last: int) -> int:
    r"""`\limits` where no operator precedes."""
    raise Problem(f"{parser.tokens[parser.at]} must follow an operator")


def limits(parser: Parser, out: list[str], default: Limits) -> None:
    r"""Scripts of an operator, with `\limits` where the place is not the usual one."""
    flag = _flag(parser)
    scripts = parser.scripts()
    usual = default is Limits.ALWAYS or (default is Limits.DISPLAY and parser.style == DISPLAY)
    if scripts and flag and (flag == "\\limits") != usual:
        out.append(flag)
    out += scripts


def _flag(parser: Parser) -> str:
    flag = ""
    while parser.tokens[parser.at] in ("\\limits", "\\nolimits", "\\displaylimits"):
        flag = parser.tokens[parser.at]
        parser.at += 1
    if flag == "\\displaylimits":
        return "\\limits" if parser.style == DISPLAY else "\\nolimits"
    return flag


def operator(parser: Parser, out: list[str], last: int) -> int:
    r"""`\sum`, `\int`, `\sin`: symbols that take limits."""
    token = parser.tokens[parser.at]
    parser.at += 1
    out.append(token)
    if token[1:] in _FUNCTIONS:  # amsmath's take no notice of \limits
        _flag(parser)
    limits(parser, out, COMMANDS[token].limits)
    return OP


def named(parser: Parser, out: list[str], last: int) -> int:
    r"""`\operatorname{...}` and `\mathop{...}`: known names become `\sin` and the like."""
    token = parser.tokens[parser.at]
    parser.at += 1
    began = parser.at
    sign = parser.tokens[began]
    if token == "\\mathop" and PLAIN.get(sign, ORD) != ORD and sign not in _ON_AXIS:
        raise Problem(f"\\mathop needs braces around {sign}: without them TeX moves it up or down")
    inner = parser.argument(token)
    if token != "\\mathop" and "'" in parser.tokens[began : parser.at]:
        raise Problem(f"a quote in {token} is an apostrophe in TeX; a prime is ^\\prime there")
    if inner[:2] == ["\\mathrm", "{"] and inner.index("}") == len(inner) - 1:
        letters = inner[2:-1]
        word = "".join(letters)
    else:
        letters, word = inner, "" if token == "\\mathop" else "".join(inner)
    if token == "\\mathop" and len(inner) == 1 and inner[0] in _MOVING:
        out.append(inner[0])
        limits(parser, out, Limits.DISPLAY)
        return OP
    if token == "\\mathop" and len(inner) == 1 and inner[0][1:] in _FUNCTIONS:
        word = inner[0][1:]
    if not word.isalnum() or not word.isascii() or (token == "\\mathop" and len(word) < 2):
        out += [token, "{", *(letters if token != "\\mathop" else inner), "}"]
        if token == "\\operatorname":
            _flag(parser)
        limits(parser, out, COMMANDS[token].limits)
        return OP
    _name(parser, out, word, moves=token != "\\operatorname")
    return OP


def _name(parser: Parser, out: list[str], word: str, *, moves: bool) -> None:
    """Write a named operator; `moves` where its scripts move below in display style."""
    flag = _flag(parser) if moves else _flag(parser)[:0]
    scripts = parser.scripts()
    display = parser.style == DISPLAY
    below = flag == "\\limits" or (not flag and moves and display)
    known = f"\\{word}"
    if word in _FUNCTIONS and not (scripts and below):
        out += [known, *scripts]
    elif word in _LIMIT_FUNCTIONS:
        unusual = scripts and below != display
        out += [known, *((flag or "\\nolimits",) if unusual else ()), *scripts]
    elif scripts and below:
        out += ["\\operatorname*", "{", *word, "}", *(() if display else ("\\limits",)), *scripts]
    else:
        out += ["\\operatorname", "{", *word, "}", *scripts]


def sideset(parser: Parser, out: list[str], last: int) -> int:
    r"""`\sideset{_a^b}{_c^d}\sum`: scripts at the four corners of an operator.

    amsmath hangs those on the left on a box as tall as the operator, in display style, behind an
    empty atom. Limits are centred on the operator alone, which is the middle of the whole where
    both sides are alike.
    """
    tokens = parser.tokens
    left = argument(tokens, parser.at + 1)
    right = argument(tokens, left[1]) if left else None
    word = tokens[right[1]] if right else ""
    if not left or not right or word not in _MOVING or parser.bare:
        raise Problem(describe_unknown("\\sideset"))
    end = right[1] + 1
    limited = tokens[end] in ("_", "^", "'", "\\limits", "\\nolimits", "\\displaylimits")
    if limited and (left[0] != right[0] or word in _INTEGRALS):
        raise Problem(describe_unknown("\\sideset"))
    operator = [word, "\\nolimits", *right[0]]
    if left[0] or parser.style != DISPLAY:
        strut = ["{", "\\vphantom", "{", word, "}", "}", *left[0]] if left[0] else []
        operator = ["\\mathop", "{", "\\displaystyle", *strut, "{", *operator, "}", "}"]
    tokens[parser.at : end] = ["{", "}", *operator]
    parser.again = True
    return NONE


def dots(parser: Parser, out: list[str], last: int) -> int:
    r"""`\dots` chooses by what follows, as amsmath does; written is what it chose."""
    token = parser.tokens[parser.at]
    parser.at += 1
    following = "}" if parser.bare else parser.tokens[parser.at]
    following = SYNONYMS.get(following, following)
    name, thin = "\\ldots", following in _CLOSING or following == "&"
    if token == "\\dotsi" or (token == "\\dots" and following in _INTEGRALS):
        name = "\\cdots"
        if parser.keep:
            space(out, "\\!")
    elif token == "\\dots":
        if following in _MOVES_DOTS:
            name = "\\cdots"
    elif token == "\\dotsc":
        thin = thin or following in (";", ".")
    elif token == "\\dotso":
        thin = thin or following in (",", ";", ".")
    if token == "\\dots" and thin and parser.keep:
        name, thin = token, False
    out += [name, *parser.scripts()]
    if thin and name == "\\ldots" and parser.keep:
        space(out, "\\,")
    return INNER


def register() -> None:
    """Put every handler of this module under its tokens."""
    for entry in COMMANDS.values():
        if entry.kind is CommandKind.LIMITS:
            HANDLERS[entry.name] = stray_limits
        elif entry.kind is CommandKind.SYMBOL and entry.limits is not Limits.NEVER:
            HANDLERS[entry.name] = operator
    for name in ("\\operatorname", "\\operatorname*", "\\mathop"):
        HANDLERS[name] = named
    for name in ("\\dots", "\\dotsc", "\\dotso", "\\dotsi"):
        HANDLERS[name] = dots
    HANDLERS["\\sideset"] = sideset
