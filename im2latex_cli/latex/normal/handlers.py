"""What each kind of command does in the pass that writes the normal form."""

from __future__ import annotations

from im2latex_cli.latex.commands import COMMANDS, DELIMITERS, TEXT_WORDS, Atom, CommandKind, Limits
from im2latex_cli.latex.normal.atoms import (
    DISPLAY,
    FONTS,
    NONE,
    ORD,
    PLAIN,
    REL,
    ROMAN,
    SCRIPT,
    SCRIPTSCRIPT,
    SHAPED,
    SPACES,
    TEXT,
    append,
    changes,
    dress,
    is_plain_run,
    is_roman_words,
    is_single,
    lacking,
    space,
    spaces_alike,
    spread,
)
from im2latex_cli.latex.normal.operators import limits
from im2latex_cli.latex.normal.parser import END, HANDLERS, MEASURED, Parser, Problem
from im2latex_cli.latex.symbols import (
    FENCE_SYNONYMS,
    IGNORED,
    IGNORED_WITH_ARGUMENT,
    OLD_FONTS,
    REFUSED,
    SHORT_ACCENTS,
    SPACED_LENGTHS,
    SYNONYMS,
)
from im2latex_cli.latex.tokenizer import CONTROL_SPACE

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
_SET_AS_SCRIPT = frozenset(r"\stackrel \overset \underset \xrightarrow \xleftarrow".split())
_OWN_STYLES = {
    "\\overbrace": DISPLAY,
    "\\underbrace": DISPLAY,
    "\\boxed": DISPLAY,
    "\\cfrac": TEXT,
}
_WITH_MODEL = frozenset(r"\color \textcolor".split())
"""Commands with a colour model in brackets before the colour."""
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
    r"""`\label{...}` and the like, the arguments unread; `\color[rgb]{...}` has an option."""
    name = parser.tokens[parser.at]
    parser.at += 1
    if parser.tokens[parser.at] == "*":
        parser.at += 1
    if name in _WITH_MODEL and parser.tokens[parser.at] == "[":
        _skip_option(parser, name)
    for _ in range(IGNORED_WITH_ARGUMENT.get(name, 1)):
        if parser.tokens[parser.at] == END and name == "\\label":
            return NONE
        _skip_argument(parser, name)
    return NONE


def _skip_option(parser: Parser, name: str) -> None:
    """Step over an argument in brackets."""
    while parser.tokens[parser.at] != "]":
        if parser.tokens[parser.at] in (END, "{", "}"):
            raise Problem(f"{name} has [ without ]")
        parser.at += 1
    parser.at += 1


def _skip_argument(parser: Parser, name: str) -> None:
    """Step over one argument."""
    depth = 0
    while True:
        token = parser.tokens[parser.at]
        depth += (token == "{") - (token == "}")
        if token == END or depth < 0:
            raise Problem(f"{name} lacks its argument")
        parser.at += 1
        if depth == 0:
            return


def lost(parser: Parser, out: list[str], last: int) -> int:
    """Refuse a command whose ink has no place in a normal form."""
    raise Problem(REFUSED[parser.tokens[parser.at]])


def overlapping(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathrlap{x}` at the end of the formula and `\mathllap{x}` at its beginning: `{x}`.

    Elsewhere what has no width overlaps its neighbours, and the formula is refused.
    """
    name = parser.tokens[parser.at]
    parser.at += 1
    inner = parser.argument(name)
    at = parser.at
    while parser.tokens[at] in SPACES or parser.tokens[at] in IGNORED:
        at += 1
    begins = all(token in SPACES for token in out)
    free = begins if name == "\\mathllap" else parser.tokens[at] == END
    scripted = parser.tokens[parser.at] in ("_", "^", "'")
    if inner and (not free or scripted or parser.bare or parser.depth > 1):
        raise Problem(REFUSED[name])
    return parser.place(out, last, inner, switched=not _STYLES.keys().isdisjoint(inner))


def text_color(parser: Parser, out: list[str], last: int) -> int:
    r"""`\textcolor[rgb]{1,0,0}{x}` is `{x}`: pictures are grey."""
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
    index = parser.option(SCRIPTSCRIPT)
    radicand = parser.argument("\\sqrt")
    out.append("\\sqrt")
    if index:
        out += ["[", *index, "]"]
    out += ["{", *radicand, "}", *parser.scripts()]
    return ORD


_LETTER_ACCENTS = frozenset(
    f"\\{name}" for name in (*SHORT_ACCENTS.split(), "widehat", "widetilde")
)
"""Accents that TeX puts on a letter or on a box, with scripts in different places."""
_BEFORE_PARENTHESIS = frozenset(r"\pmod \pod".split())
"""Commands that paint a parenthesis right behind their argument."""


def command(parser: Parser, out: list[str], last: int) -> int:
    """Any command of the table: its option, its arguments, its scripts."""
    token = parser.tokens[parser.at]
    parser.at += 1
    entry = COMMANDS[token]
    out.append(token)
    outer = parser.style
    first = parser.script_style() if token in _SET_AS_SCRIPT else None
    parser.style = _OWN_STYLES.get(token, outer)
    if entry.optional:
        option = parser.option(first)
        if option:
            out += ["[", *option, "]"]
    if token in _BEFORE_PARENTHESIS and parser.tokens[parser.at] in FONTS:
        # TeX takes the font alone as the argument, and the font the parenthesis behind it.
        raise Problem(f"{token} needs braces around {parser.tokens[parser.at]} and its letters")
    boxed = parser.tokens[parser.at : parser.at + 2][-1] if token in _LETTER_ACCENTS else ""
    start = len(out) - 1
    for index in range(len(entry.args)):
        out += ["{", *parser.argument(token, None if index else first), "}"]
    parser.style = outer
    atom = int(entry.atom)
    inner = out[start + 2 : -1]
    if boxed in TEXT_WORDS and is_single(inner) and _is_raised(parser):
        # Beside an accented letter TeX sets a superscript otherwise than beside an accented box.
        out[start + 2 : -1] = parser.boxed_letter(boxed, inner)
    if token in ("\\overset", "\\underset"):
        atom = parser.last if parser.first == parser.last else ORD
    if entry.limits is Limits.NEVER:
        out += parser.scripts()
    else:
        limits(parser, out, entry.limits)
    return atom


def _is_raised(parser: Parser) -> bool:
    """Whether what follows is a superscript, maybe behind a subscript."""
    tokens, at = parser.tokens, parser.at
    if tokens[at] == "_":
        at += 1
        if tokens[at] != "{":
            parser.again = True  # the next pass finds it in braces
        depth = 0
        while tokens[at] != END:
            depth += (tokens[at] == "{") - (tokens[at] == "}")
            at += 1
            if depth <= 0:
                break
    return tokens[at] in ("^", "'")


def choice(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathchoice{a}{b}{c}{d}`: the one for the current style, as if no braces were around it.

    Scripts behind it hang on an empty atom.
    """
    start = parser.at
    parser.at += 1
    found: list[str] = []
    for style_of in range(4):
        began = parser.at
        parser.argument("\\mathchoice", style_of)
        if style_of == parser.style:
            found = parser.tokens[began : parser.at]
    bare = found[:1] == ["{"] and OLD_FONTS.keys().isdisjoint(found) and not parser.bare
    scripted = not parser.bare and parser.tokens[parser.at] in ("_", "^", "'")
    empty = ["{", "}"] if scripted else []
    parser.tokens[start : parser.at] = [*(found[1:-1] if bare else found), *empty]
    parser.at = start
    parser.again = True
    return NONE


def class_wrapper(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathrel{...}` and the like; nothing where another class would be spaced alike."""
    token = parser.tokens[parser.at]
    parser.at += 1
    atom = _CLASS_WRAPPERS[token]
    inner = parser.argument(token)
    if parser.bare:
        out += [token, "{", *inner, "}"]
        return atom
    following = parser.tokens[parser.at]
    ends = following == END and parser.depth == 1
    behind = NONE if ends else PLAIN.get(following, -1)
    known = behind >= 0 and (last != NONE or parser.depth == 1)
    if not inner and known and spaces_alike(last, atom, NONE, behind):
        return NONE
    if len(inner) == 1 and PLAIN.get(inner[0]) == atom:
        out += [*inner, *parser.scripts()]
        return atom
    if inner and known and spaces_alike(last, atom, ORD, behind):
        parser.again = True
        return parser.place(out, last, inner, switched=not _STYLES.keys().isdisjoint(inner))
    parser.again = True
    out += [token, "{", *inner, "}", *parser.scripts()]
    return atom


def ordinary(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathord{x}` is the group `{x}`."""
    name = parser.tokens[parser.at]
    parser.at += 1
    inner = parser.argument(name)
    return parser.place(out, last, inner, switched=not _STYLES.keys().isdisjoint(inner))


def font(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathrm{...}`: around letters alone; nothing where it changes nothing."""
    token = parser.tokens[parser.at]
    parser.at += 1
    within = parser.tokens[parser.at]
    if token not in SHAPED and within in FONTS.difference(SHAPED):
        # TeX takes the second command alone as the argument; the letters behind are in neither.
        raise Problem(f"{token} needs braces around {within} and its letters")
    parser.dressed += 1
    inner = parser.argument(token)
    parser.dressed -= 1
    missing = lacking(token, inner)
    if missing:
        raise Problem(f"the font of {token} has no {missing}")
    if not changes(token, inner):
        parser.again = parser.again or not FONTS.isdisjoint(inner)
        return parser.place(out, last, inner, switched=False)
    parts = _spread(parser, token, inner)
    if parts is not None:
        return parser.place(out, last, parts, switched=False)
    return _dressed(
        parser, out, last, *(_bold(inner) if token == "\\boldsymbol" else (token, inner))
    )


def _spread(parser: Parser, token: str, inner: list[str]) -> list[str] | None:
    """A font's argument with the font around its letters alone; None if it stays whole."""
    released = parser.released(token)
    plain = is_plain_run(inner)
    whole = token in SHAPED or (plain and released.isdisjoint(inner))
    if whole or is_roman_words(token, inner, parser.style):
        return None
    parts = spread(token, inner, released=released)
    if parts is not None:
        parser.again = True
        if plain:
            parser.first = parser.last = ORD
    return parts


def _dressed(parser: Parser, out: list[str], last: int, token: str, inner: list[str]) -> int:
    """A font's argument in the font, spaces at its ends outside."""
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
    append(out, [*dress(token, inner[start:end], parser.style), *inner[end:]])
    return ORD


def _bold(inner: list[str]) -> tuple[str, list[str]]:
    r"""Bold upright letters are `\mathbf`."""
    if ROMAN.issuperset(inner):
        return "\\mathbf", inner
    if inner[:2] == ["\\mathrm", "{"] and is_plain_run(inner[2:-1]):
        return "\\mathbf", inner[2:-1]
    return "\\boldsymbol", inner


def unseen(parser: Parser, out: list[str], last: int) -> int:
    r"""`\phantom{...}` and the like; an empty atom where the height makes no difference."""
    token = parser.tokens[parser.at]
    parser.at += 1
    inner = parser.argument(token)
    scripts = parser.scripts()
    idle = not inner or (token == "\\vphantom" and parser.depth == 1)
    if idle and not scripts and not parser.bare:
        return parser.empty(out, last)
    out += [token, "{", *inner, "}", *scripts]
    return ORD


def strut(parser: Parser, out: list[str], last: int) -> int:
    r"""`\mathstrut`: an empty atom where the height makes no difference."""
    parser.at += 1
    scripts = parser.scripts()
    if parser.depth == 1 and not scripts and not parser.bare:
        return parser.empty(out, last)
    out += ["\\mathstrut", *scripts]
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
    following = parser.tokens[parser.at]
    parser.again = parser.again or following not in PLAIN  # it may hide an equals sign
    if following == "=":
        parser.at += 1
        out += ["\\neq", *parser.scripts()]
    else:
        out += ["\\not", *parser.scripts()]
    return REL


def register() -> None:
    """Put every handler of this module under its tokens."""
    by_kind = {
        CommandKind.SPACE: blank,
        CommandKind.STYLE: style,
        CommandKind.BIG: big,
        CommandKind.COMMAND: command,
        CommandKind.ACCENT: command,
        CommandKind.FONT: font,
    }
    for entry in COMMANDS.values():
        if entry.kind in by_kind:
            HANDLERS[entry.name] = by_kind[entry.kind]
    for name in _FRACTIONS:
        HANDLERS[name] = fraction
    for name in _CLASS_WRAPPERS:
        HANDLERS[name] = class_wrapper
    for name in IGNORED_WITH_ARGUMENT:
        HANDLERS[name] = ignored_with_argument
    for name in REFUSED:
        HANDLERS[name] = lost
    for name in ("\\mathrlap", "\\mathllap"):
        HANDLERS[name] = overlapping
    for name in ("_", "^", "'"):
        HANDLERS[name] = bare_script
    for name in ("\\phantom", "\\hphantom", "\\vphantom"):
        HANDLERS[name] = unseen
    HANDLERS["\\mathstrut"] = strut
    HANDLERS["~"] = tie
    HANDLERS["\\sqrt"] = root
    HANDLERS["\\not"] = negation
    HANDLERS["\\mathord"] = HANDLERS["\\ensuremath"] = ordinary
    HANDLERS["\\textcolor"] = text_color
    HANDLERS["\\mathchoice"] = choice
    MEASURED["\\hspace"] = MEASURED["\\mspace"] = length
    MEASURED["\\vspace"] = nothing
    MEASURED["\\rule"] = rule
