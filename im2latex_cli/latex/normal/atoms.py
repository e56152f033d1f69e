"""TeX's classes of atoms as the normaliser uses them: which braces and which fonts matter."""

from __future__ import annotations

from collections.abc import Iterator

from im2latex_cli.latex import symbols
from im2latex_cli.latex.commands import (
    COMMANDS,
    LEFT,
    MIDDLE,
    RIGHT,
    TEXT_WORDS,
    Atom,
    CommandKind,
    Limits,
)
from im2latex_cli.latex.tokenizer import CONTROL_SPACE, SPACE

NONE, ORD, OP, BIN, REL, OPEN, CLOSE, PUNCT, INNER = map(int, Atom)
"""Classes as plain numbers: comparing them is what the pass does most."""

DISPLAY, TEXT, SCRIPT, SCRIPTSCRIPT = 0, 1, 2, 3
"""TeX's styles."""

PLAIN: dict[str, int] = {
    entry.name: int(entry.atom)
    for entry in COMMANDS.values()
    if entry.kind is CommandKind.SYMBOL
    and entry.limits is Limits.NEVER
    and entry.name not in ("\\not", "\\dots", "\\mathstrut")
}
CLASSES: dict[str, int] = {
    entry.name: int(entry.atom) for entry in COMMANDS.values() if entry.atom is not Atom.NONE
}
ALPHABET = frozenset(
    entry.name for entry in COMMANDS.values() if entry.alphabet or entry.kind is CommandKind.ACCENT
)
LONE_BIN = frozenset((NONE, OP, BIN, REL, OPEN, PUNCT))
SPACES = frozenset(entry.name for entry in COMMANDS.values() if entry.kind is CommandKind.SPACE)
FONTS = frozenset(entry.name for entry in COMMANDS.values() if entry.kind is CommandKind.FONT)
SHAPED = frozenset(("\\boldsymbol", "\\pmb"))
"""Fonts that set their argument in a box of its own, whatever it is."""
LACKING = {
    f"\\{font}": frozenset(
        name if len(name) == 1 else f"\\{name}" for name in symbols.LACKING[font].split()
    )
    for font in symbols.LACKING
}
ACCENTS = frozenset(entry.name for entry in COMMANDS.values() if entry.kind is CommandKind.ACCENT)
_OWN_FONTS = FONTS.difference(SHAPED) | TEXT_WORDS | {"\\operatorname", "\\operatorname*"}
_SPREADS = (
    frozenset(PLAIN)
    | SPACES
    | frozenset(("{", "}", "_", "^", "\\frac", *LEFT, *RIGHT, *MIDDLE))
    | FONTS.difference(SHAPED)
    | frozenset(
        entry.name
        for entry in COMMANDS.values()
        if entry.kind is CommandKind.SYMBOL and entry.limits is not Limits.NEVER
    )
)
"""What a font command reaches through to the letters around it or in it."""
_LEANING = frozenset("fgvwyVWY")
"""Roman letters behind which TeX adds a little space, unless a character of their font follows."""
_SAME_FONT = frozenset("0123456789+=()[];:!?") | {
    f"\\{name}" for name in symbols.CAPITAL_GREEK.split()
}
ROMAN = frozenset(symbols.DIGITS) | {f"\\{name}" for name in symbols.CAPITAL_GREEK.split()}
r"""Upright already: `\mathrm` changes nothing about them."""
_ARGUMENTS = {
    **dict.fromkeys((*FONTS.difference(("\\pmb",)), *TEXT_WORDS, "\\sqrt"), 1),
    **dict.fromkeys((f"\\{one}" for one in symbols.SHORT_ACCENTS.split()), 1),
    **dict.fromkeys(r"\widehat \widetilde \dddot \ddddot \overline \underline".split(), 1),
    **dict.fromkeys(r"\frac \dfrac \tfrac \binom \dbinom \tbinom".split(), 2),
}
"""Commands that make one ordinary atom or one accent, with the number of their arguments."""
SINGLE = frozenset(entry for entry, atom in PLAIN.items() if atom == ORD)

# Which braces may go: a group is an ordinary atom to its neighbours, so its first and last atom
# must space as one (The TeXbook, chapter 18, table of inter-atom spaces).
ENTERS: dict[int, frozenset[int]] = {
    NONE: frozenset((ORD, CLOSE)),
    ORD: frozenset(range(9)),
    OP: frozenset(range(9)) - {ORD, CLOSE},
    BIN: LONE_BIN,
    REL: frozenset((NONE, OPEN)),
    OPEN: frozenset(range(9)) - {OP},
    CLOSE: frozenset((NONE, ORD, OPEN, CLOSE)),
    PUNCT: frozenset((NONE, ORD, OPEN, CLOSE, PUNCT, INNER)),
    INNER: frozenset(range(9)) - {ORD, CLOSE},
}
LEAVES: dict[int, frozenset[int]] = {
    NONE: frozenset(range(9)),
    ORD: frozenset(range(9)),
    OP: frozenset((REL, CLOSE, PUNCT)),
    BIN: frozenset(),
    REL: frozenset(),
    OPEN: frozenset(),
    CLOSE: frozenset(range(9)),
    PUNCT: frozenset(),
    INNER: frozenset((REL, BIN)),
}


_THIN, _MEDIUM, _THICK = 1, 2, 3
_SPACED: dict[tuple[int, int], int] = {
    **dict.fromkeys([(ORD, OP), (ORD, INNER), (OP, ORD), (OP, OP), (OP, INNER)], _THIN),
    **dict.fromkeys([(CLOSE, OP), (CLOSE, INNER), (INNER, ORD), (INNER, OP)], _THIN),
    **dict.fromkeys([(INNER, OPEN), (INNER, PUNCT), (INNER, INNER)], _THIN),
    **dict.fromkeys([(PUNCT, other) for other in (ORD, OP, REL, OPEN, CLOSE)], _THIN),
    **dict.fromkeys([(PUNCT, PUNCT), (PUNCT, INNER)], _THIN),
    **dict.fromkeys([(one, REL) for one in (ORD, OP, CLOSE, INNER)], _THICK),
    **dict.fromkeys([(REL, other) for other in (ORD, OP, OPEN, INNER)], _THICK),
    **dict.fromkeys([(one, BIN) for one in (ORD, CLOSE, INNER)], _MEDIUM),
    **dict.fromkeys([(BIN, other) for other in (ORD, OP, OPEN, INNER)], _MEDIUM),
}
"""Spaces between atoms (The TeXbook, page 170); pairs that are not here have none."""


def spaces_alike(before: int, one: int, other: int, behind: int) -> bool:
    """Whether atoms of two classes have the same spaces to their neighbours.

    Args:
        before: class of the atom before them; NONE where the list begins.
        one: the first class.
        other: the second class; NONE: no atom at all.
        behind: class of the atom behind them; NONE where the list ends.
    """
    if BIN in (before, behind, one):
        return False
    if other == NONE:
        spaces = [_SPACED.get(pair, 0) for pair in ((before, one), (one, behind))]
        return sorted(spaces) == [0, _SPACED.get((before, behind), 0)]
    return all(
        _SPACED.get(pair, 0) == _SPACED.get(instead, 0)
        for pair, instead in (((before, one), (before, other)), ((one, behind), (other, behind)))
    )


def append(out: list[str], more: list[str]) -> None:
    """Write `more` behind `out`, spaces in their merged form."""
    index = 0
    while index < len(more) and more[index] in SPACES:
        space(out, more[index])
        index += 1
    if index:
        more = more[index:]
    if more and more[0] in FONTS:
        end = more.index("}")
        # Scripts of several letters stand lower than those of one.
        if is_plain_run(more[2:end]) and more[end + 1 : end + 2] not in (["_"], ["^"]):
            wear(out, more[0], more[2:end])
            more = more[end + 1 :]
    out += more


def wear(out: list[str], font: str, letters: list[str]) -> None:
    """Write letters in a font, into the same font's braces where those stand just before."""
    start = len(out) - 1
    if font not in SHAPED and start > 0 and out[start] == "}":
        while start > 0 and is_plain_run(out[start - 1 : start]):
            start -= 1
        if start > 1 and out[start - 1] == "{" and out[start - 2] == font:
            out[-1:] = [*letters, "}"]
            return
    out += [font, "{", *letters, "}"]


def is_plain_run(tokens: list[str]) -> bool:
    """Whether these are letters and digits, at least one."""
    return bool(tokens) and all(len(token) == 1 and token in ALPHABET for token in tokens)


def space(out: list[str], token: str) -> None:
    r"""Write a space; two quads are a `\qquad`, spaced long arrows have names."""
    before = out[-1] if out else ""
    if token == "\\quad" and before == "\\quad":
        out[-1] = "\\qquad"
    elif token == "\\qquad" and before == "\\quad":
        out[-1:] = ["\\qquad", "\\quad"]
    elif token == "\\;" and len(out) > 1 and out[-2] == "\\;" and before in _SPACED_ARROWS:
        out[-2:] = [_SPACED_ARROWS[before]]
    else:
        out.append(token)


_SPACED_ARROWS = {
    "\\Longrightarrow": "\\implies",
    "\\Longleftrightarrow": "\\iff",
    "\\Longleftarrow": "\\impliedby",
}


def font_run(
    font: str, inner: list[str], style: int, *, released: frozenset[str]
) -> tuple[list[str], list[str], list[str]]:
    """Dress tokens in a font: what it does not change stays outside.

    Returns:
        What comes before, what the font holds (or is left bare), what comes after.
    """
    start, end = 0, len(inner)
    if not changes(font, inner):
        return [], inner, []
    parts = None if is_roman_words(font, inner, style) else spread(font, inner, released=released)
    if parts is not None:
        return [], parts, []
    while inner[start] in SPACES or (inner[start] in PLAIN and inner[start] not in ALPHABET):
        if inner[start + 1] in ("_", "^"):
            break
        start += 1
    while end > start and (
        inner[end - 1] in SPACES or (inner[end - 1] in PLAIN and inner[end - 1] not in ALPHABET)
    ):
        end -= 1
    return inner[:start], dress(font, inner[start:end], style), inner[end:]


def changes(font: str, inner: list[str]) -> bool:
    """Whether a font command changes any of these tokens."""
    if font in SHAPED:
        return True
    if ALPHABET.isdisjoint(inner):
        return False
    return _OWN_FONTS.isdisjoint(inner) or any(t in ALPHABET for _, t in _outside_fonts(inner))


def lacking(font: str, inner: list[str]) -> str:
    """The first letter that a font command changes and its font does not hold, or nothing."""
    letters = LACKING.get(font)
    if letters is None or letters.isdisjoint(inner):
        return ""
    return next((token for _, token in _outside_fonts(inner) if token in letters), "")


def _outside_fonts(tokens: list[str]) -> Iterator[tuple[int, str]]:
    """Tokens outside the braces of fonts, texts and names of operators, with their places."""
    depth = own = 0  # `own`: how deep the outermost of those braces is
    for at, token in enumerate(tokens):
        depth += (token == "{") - (token == "}")
        if token == "{" and not own and at and tokens[at - 1] in _OWN_FONTS:
            own = depth
        elif token == "}" and depth < own:
            own = 0
        elif not own:
            yield at, token


def spread(font: str, inner: list[str], *, released: frozenset[str]) -> list[str] | None:
    r"""A font command around each run of letters in place of one around all.

    Args:
        font: `\mathbf` and the like.
        inner: what it holds.
        released: letters that look the same without it.

    Returns:
        Tokens that paint the same; None if something in `inner` keeps the font from its letters,
        or a letter with scripts follows another letter (TeX kerns them).
    """
    out: list[str] = []
    run: list[str] = []
    reached = dict(_outside_fonts(inner))
    for at, token in enumerate(inner):
        letter = at in reached and token in ALPHABET
        if letter and token in ACCENTS:
            return None
        if letter and token not in released:
            run.append(token)
            continue
        if len(run) > 1 and token in ("_", "^"):
            return None
        if run and run[-1] in _LEANING and font == "\\mathrm" and token in _SAME_FONT:
            return None
        if at in reached and not (letter or token in _SPREADS):
            return None
        if run:
            out += [font, "{", *run, "}"]
            run = []
        out.append(token)
    return [*out, font, "{", *run, "}"] if run else out


def dress(font: str, inner: list[str], style: int) -> list[str]:
    """A font command around tokens; several roman words are text."""
    if is_roman_words(font, inner, style):
        return ["\\text", "{", *(SPACE if t == CONTROL_SPACE else t for t in inner), "}"]
    return [font, "{", *inner, "}"]


def is_roman_words(font: str, inner: list[str], style: int) -> bool:
    """Whether a font command holds several roman words, which are text."""
    roman = font == "\\mathrm" and CONTROL_SPACE in inner
    return roman and style < SCRIPT and is_words(inner)


def is_words(tokens: list[str]) -> bool:
    """Whether these are letters, digits and single spaces between them."""
    blank = True
    for token in tokens:
        if token == CONTROL_SPACE:
            if blank:
                return False
            blank = True
        elif len(token) == 1 and token.isalnum() and token.isascii():
            blank = False
        else:
            return False
    return not blank


def is_single(tokens: list[str]) -> bool:
    """Whether TeX sees one ordinary character."""
    if len(tokens) == 1:
        return tokens[0] in SINGLE
    return len(tokens) == 4 and tokens[0] in FONTS and tokens[0] != "\\pmb" and tokens[2] in SINGLE


def is_one_atom(tokens: list[str]) -> bool:
    """Whether braces around one command with its arguments change nothing beside scripts.

    A group that holds an ordinary atom or an accent and nothing else is that atom in TeX, too; the
    accent of an accented letter is the exception.
    """
    count = _ARGUMENTS.get(tokens[0], 0)
    if not count or tokens[-1] != "}":
        return False
    depth = ends = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        ends += token == "}" and not depth
    if depth or ends != count:
        return False
    if tokens[0] in ACCENTS:
        return ACCENTS.isdisjoint(tokens[1:])
    return tokens[0] != "\\boldsymbol" or all(PLAIN.get(one) == ORD for one in tokens[2:-1])


def is_space(token: str) -> bool:
    """Whether a token of the normal form is nothing but space."""
    return token in SPACES or token.startswith(("\\hspace{", "\\mspace{"))


def is_flat(tokens: list[str]) -> bool:
    """Whether display style would paint the same: letters, signs and subscripts only."""
    return all(
        token in ("{", "}", "_")
        or (
            (entry := COMMANDS.get(token)) is not None
            and entry.kind in (CommandKind.SYMBOL, CommandKind.FONT)
            and entry.atom is not Atom.OP
        )
        for token in tokens
    )
