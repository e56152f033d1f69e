"""What each kind of command does in the pass that writes the normal form."""

from __future__ import annotations

from im2latex_cli.latex import symbols
from im2latex_cli.latex.commands import COMMANDS, DELIMITERS, RIGHT, Atom, Kind, Limits
from im2latex_cli.latex.parser import (
    CLOSE,
    DISPLAY,
    END,
    HANDLERS,
    INNER,
    MEASURED,
    NONE,
    OP,
    ORD,
    REL,
    SCRIPT,
    SCRIPTSCRIPT,
    STOPS,
    TEXT,
    Parser,
    Problem,
    append,
    changes,
    dress,
    plain_class,
    space,
)
from im2latex_cli.latex.tokenizer import CONTROL_SPACE
from im2latex_cli.latex.spellings import (
    FENCE_SYNONYMS,
    IGNORED_WITH_ARGUMENT,
    SPACED_LENGTHS,
    SYNONYMS,
)

_FUNCTIONS = frozenset(symbols.FUNCTIONS.split())
_LIMIT_FUNCTIONS = frozenset(symbols.LIMIT_FUNCTIONS.split())
_FRACTIONS = {
    "\\frac": ("\\frac", None),
    "\\dfrac": ("\\frac", DISPLAY),
    "\\tfrac": ("\\frac", TEXT),
    "\\binom": ("\\binom", None),
    "\\dbinom": ("\\binom", DISPLAY),
    "\\tbinom": ("\\binom", TEXT),
}
_STYLES = {
    "\\displaystyle": DISPLAY,
    "\\textstyle": TEXT,
    "\\scriptstyle": SCRIPT,
    "\\scriptscriptstyle": SCRIPTSCRIPT,
}
_ARGUMENT_STYLES = {
    "\\stackrel": (SCRIPT, None),
    "\\overset": (SCRIPT, None),
    "\\underset": (SCRIPT, None),
    "\\xrightarrow": (SCRIPT,),
    "\\xleftarrow": (SCRIPT,),
    "\\overbrace": (DISPLAY,),
    "\\underbrace": (DISPLAY,),
    "\\boxed": (DISPLAY,),
    "\\cfrac": (DISPLAY, DISPLAY),
}
_CLASS_WRAPPERS = {
    f"\\math{name}": int(atom)
    for name, atom in (
        ("bin", Atom.BIN),
        ("rel", Atom.REL),
        ("open", Atom.OPEN),
        ("close", Atom.CLOSE),
        ("punct", Atom.PUNCT),
    )
}
_CLOSING = RIGHT | frozenset(
    r") ] \} \rangle \rceil \rfloor \rgroup \rmoustache \bigr \Bigr \biggr \Biggr".split()
)
_MOVES_DOTS = frozenset(
    entry.name
    for entry in COMMANDS.values()
    if entry.kind is Kind.SYMBOL and entry.atom in (Atom.BIN, Atom.REL)
).difference(
    r"\bmod \bowtie \cong \neq \models \notin \uparrow \downarrow \updownarrow".split(),
    r"\Uparrow \Downarrow \Updownarrow".split(),
) | frozenset(
    r"\sum \prod \coprod \bigcap \bigcup \bigvee \bigwedge \bigoplus \bigotimes \bigodot".split()
    + r"\biguplus \bigsqcup".split()
)
_INTEGRALS = frozenset(r"\int \oint \iint \iiint \iiiint \idotsint".split())


def bare_script(parser: Parser, out: list[str], last: int) -> int:
    """Scripts on nothing hang on an empty group."""
    scripts = parser.scripts()
    if scripts:
        out += ["{", "}", *scripts]
        return ORD
    return parser.empty(out, last)


def tie(parser: Parser, out: list[str], last: int) -> int:
    """`~`: a space and, since LaTeX defines it so, an empty group."""
    parser.at += 1
    if parser.keep:
        space(out, CONTROL_SPACE)
    return NONE if parser.bare else parser.empty(out, last)


def blank(parser: Parser, out: list[str], last: int) -> int:
    """A space command."""
    if parser.keep:
        space(out, parser.tokens[parser.at])
    parser.at += 1
    return NONE


def length(parser: Parser, out: list[str], last: int) -> int:
    r"""A space given as a length: `\hspace{1cm}`."""
    token = parser.tokens[parser.at]
    parser.at += 1
    if parser.keep and "{0" + token[-3:] != token[-5:]:
        space(out, SPACED_LENGTHS.get(token, token))
    return NONE


def nothing(parser: Parser, out: list[str], last: int) -> int:
    """A token that leaves no trace."""
    parser.at += 1
    return NONE


def rule(parser: Parser, out: list[str], last: int) -> int:
    r"""`\rule{1pt}{2pt}`, one token."""
    out.append(parser.tokens[parser.at])
    parser.at += 1
    out += parser.scripts()
    return ORD


def ignored_with_argument(parser: Parser, out: list[str], last: int) -> int:
    r"""`\label{...}` and the like, the argument unread."""
    name = parser.tokens[parser.at]
    parser.at += 1
    depth = 0
    while True:
        token = parser.tokens[parser.at]
        if token == END:
            if depth or name != "\\label":
                raise Problem(f"{name} lacks its argument")
            return NONE
        parser.at += 1
        depth += (token == "{") - (token == "}")
        if depth <= 0:
            if depth < 0:
                raise Problem(f"{name} lacks its argument")
            return NONE


def text_color(parser: Parser, out: list[str], last: int) -> int:
    r"""`\textcolor{red}{x}` is `{x}`: pictures are grey."""
    ignored_with_argument(parser, out, last)
    inner = parser.argument("\\textcolor")
    return parser.place(out, last, inner, switched=False)


def style(parser: Parser, out: list[str], last: int) -> int:
    r"""`\displaystyle` and the like, where they change the style."""
    token = parser.tokens[parser.at]
    parser.at += 1
    if parser.style != _STYLES[token]:
        parser.style = _STYLES[token]
        parser.switched = True
        out.append(token)
    return NONE


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
    return "" if flag == "\\displaylimits" else flag


def operator(parser: Parser, out: list[str], last: int) -> int:
    r"""`\sum`, `\int`, `\sin`: symbols that take limits."""
    token = parser.tokens[parser.at]
    parser.at += 1
    out.append(token)
    limits(parser, out, COMMANDS[token].limits)
    return OP


def named(parser: Parser, out: list[str], last: int) -> int:
    r"""`\operatorname{...}` and `\mathop{...}`: known names become `\sin` and the like."""
    token = parser.tokens[parser.at]
    parser.at += 1
    inner = parser.argument(token)
    if inner[:2] == ["\\mathrm", "{"] and inner.index("}") == len(inner) - 1:
        letters = inner[2:-1]
        word = "".join(letters)
    else:
        letters, word = inner, "" if token == "\\mathop" else "".join(inner)
    if not word.isalnum() or not word.isascii() or (token == "\\mathop" and len(word) < 2):
        out += [token, "{", *(letters if token != "\\mathop" else inner), "}"]
        limits(parser, out, COMMANDS[token].limits)
        return OP
    _name(parser, out, word, moves=token != "\\operatorname")
    return OP


def _name(parser: Parser, out: list[str], word: str, *, moves: bool) -> None:
    """Write a named operator; `moves` where its scripts move below in display style."""
    flag = _flag(parser)
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


def fraction(parser: Parser, out: list[str], last: int) -> int:
    r"""`\frac` and `\binom`; `\dfrac` where the style is display already is `\frac`."""
    token = parser.tokens[parser.at]
    parser.at += 1
    name, own = _FRACTIONS[token]
    current = parser.style if own is None else own
    inner = min(current + 1, SCRIPTSCRIPT)
    above = parser.argument(token, inner)
    below = parser.argument(token, inner)
    out += [name if current == parser.style else token, "{", *above, "}", "{", *below, "}"]
    out += parser.scripts()
    return ORD


def root(parser: Parser, out: list[str], last: int) -> int:
    r"""`\sqrt[3]{x}`."""
    parser.at += 1
    outer, parser.style = parser.style, SCRIPTSCRIPT
    index = parser.option()
    parser.style = outer
    radicand = parser.argument("\\sqrt")
    out.append("\\sqrt")
    if index:
        out += ["[", *index, "]"]
    out += ["{", *radicand, "}", *parser.scripts()]
    return ORD


def command(parser: Parser, out: list[str], last: int) -> int:
    """Any command of the table: its option, its arguments, its scripts."""
    token = parser.tokens[parser.at]
    parser.at += 1
    entry = COMMANDS[token]
    out.append(token)
    if entry.optional:
        option = parser.option()
        if option:
            out += ["[", *option, "]"]
    styles = _ARGUMENT_STYLES.get(token, (None,) * len(entry.args))
    for wanted in styles:
        out += ["{", *parser.argument(token, wanted), "}"]
    atom = int(entry.atom)
    if token in ("\\overset", "\\underset"):
        atom = parser.last if parser.first == parser.last else ORD
    if entry.limits is Limits.NEVER:
        out += parser.scripts()
    else:
        limits(parser, out, entry.limits)
    return atom


def class_wrapper(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathrel{...}` and the like; nothing around a symbol of that class."""
    token = parser.tokens[parser.at]
    parser.at += 1
    atom = _CLASS_WRAPPERS[token]
    inner = parser.argument(token)
    if len(inner) == 1 and plain_class(inner[0]) == atom:
        out += inner
    else:
        out += [token, "{", *inner, "}"]
    out += parser.scripts()
    return atom


def ordinary(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathord{x}` is the group `{x}`."""
    name = parser.tokens[parser.at]
    parser.at += 1
    inner = parser.argument(name)
    return parser.place(out, last, inner, switched=not _STYLES.keys().isdisjoint(inner))


def font(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathrm{...}`: spaces at its ends go outside; nothing where it changes nothing."""
    token = parser.tokens[parser.at]
    parser.at += 1
    inner = parser.argument(token)
    if not changes(token, inner):
        return parser.place(out, last, inner, switched=False)
    scripts = parser.scripts()
    if scripts:
        out += [*dress(token, inner, parser.style), *scripts]
        return ORD
    start, end = 0, len(inner)
    while start < end and inner[start] == CONTROL_SPACE:
        start += 1
    while end > start and inner[end - 1] == CONTROL_SPACE:
        end -= 1
    append(out, inner[:start])
    if start == end:
        return parser.empty(out, last)
    out += [*dress(token, inner[start:end], parser.style), *inner[end:]]
    return ORD


def big(parser: Parser, out: list[str], last: int) -> int:
    r"""`\big(`: a size and a delimiter."""
    token = parser.tokens[parser.at]
    parser.at += 1
    mark = parser.tokens[parser.at]
    braced = mark == "{"
    if braced:
        parser.at += 1
        mark = parser.tokens[parser.at]
    mark = FENCE_SYNONYMS.get(mark, SYNONYMS.get(mark, mark))
    if mark not in DELIMITERS:
        raise Problem(f"{token} lacks its delimiter")
    parser.at += 1
    if braced:
        parser.close("}", "{")
    out += [token, mark, *parser.scripts()]
    return int(COMMANDS[token].atom)


def negation(parser: Parser, out: list[str], last: int) -> int:
    r"""`\not=` is `\neq`; any other `\not` stays before its symbol."""
    parser.at += 1
    if parser.tokens[parser.at] == "=":
        parser.at += 1
        out += ["\\neq", *parser.scripts()]
    else:
        out += ["\\not", *parser.scripts()]
    return REL


def dots(parser: Parser, out: list[str], last: int) -> int:
    r"""`\dots` chooses by what follows, as amsmath does; written is what it chose."""
    token = parser.tokens[parser.at]
    parser.at += 1
    following = parser.tokens[parser.at]
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
    by_kind = {
        Kind.SPACE: blank,
        Kind.STYLE: style,
        Kind.LIMITS: stray_limits,
        Kind.BIG: big,
        Kind.COMMAND: command,
        Kind.ACCENT: command,
        Kind.FONT: font,
    }
    for entry in COMMANDS.values():
        if entry.kind in by_kind:
            HANDLERS[entry.name] = by_kind[entry.kind]
        elif entry.kind is Kind.SYMBOL and entry.limits is not Limits.NEVER:
            HANDLERS[entry.name] = operator
    for name in _FRACTIONS:
        HANDLERS[name] = fraction
    for name in _CLASS_WRAPPERS:
        HANDLERS[name] = class_wrapper
    for name in ("\\operatorname", "\\operatorname*", "\\mathop"):
        HANDLERS[name] = named
    for name in IGNORED_WITH_ARGUMENT:
        HANDLERS[name] = ignored_with_argument
    for name in ("\\dots", "\\dotsc", "\\dotso", "\\dotsi"):
        HANDLERS[name] = dots
    for name in ("_", "^", "'"):
        HANDLERS[name] = bare_script
    HANDLERS["~"] = tie
    HANDLERS["\\sqrt"] = root
    HANDLERS["\\not"] = negation
    HANDLERS["\\mathord"] = HANDLERS["\\ensuremath"] = ordinary
    HANDLERS["\\textcolor"] = text_color
    MEASURED["\\hspace"] = MEASURED["\\mspace"] = length
    MEASURED["\\vspace"] = nothing
    MEASURED["\\rule"] = rule
