r"""Text inside formulas: `\text`, `\mbox`, `\textbf`.

Math inside text, `\text{if $x>0$}`, is brought outside before the pass that writes the normal form;
the pass then reads texts without math.
"""

from __future__ import annotations

from im2latex_cli.latex.commands import (
    COMMANDS,
    TEXT_ACCENTS,
    TEXT_SYMBOLS,
    TEXT_WORDS,
    CommandKind,
)
from im2latex_cli.latex.dialects.unicode_math import is_cjk
from im2latex_cli.latex.normal.atoms import ORD, SCRIPT, append, is_flat, is_words
from im2latex_cli.latex.normal.parser import END, HANDLERS, Parser, Problem
from im2latex_cli.latex.symbols import SYNONYMS
from im2latex_cli.latex.tokenizer import CONTROL_SPACE, SPACE

_CLOSING = {"$": "$", "\\(": "\\)"}
_BOLD = "\\boldmath"
_FULL_SIZE = frozenset(("\\mbox", "\\hbox"))
_WORDS = TEXT_WORDS - {"\\fbox"}
_ACCENTS = frozenset(one.name for one in COMMANDS.values() if one.kind is CommandKind.ACCENT)
_DEEPEST = 20
"""Text in the math of a text in math, so often; the parser refuses what stays."""


def shifted(tokens: list[str]) -> bool:
    """Whether there is a dollar sign or its like."""
    return "$" in tokens or "\\(" in tokens or "\\[" in tokens


def out_of_text(tokens: list[str], depth: int = 0) -> list[str]:
    r"""Write `\text{if $x>0$ or}` as `{\text{if }{x>0}\text{ or}}`.

    What has no place outside text (math in `\fbox`, tall math of a script) stays, and so does
    what is unbalanced: the parser will name it.
    """
    if depth == _DEEPEST:
        return tokens
    out: list[str] = []
    scripts = [False]  # for each open brace: whether it stands in a script
    at = 0
    while at < len(tokens):
        token = tokens[at]
        script = scripts[-1] or (bool(out) and out[-1] in ("_", "^"))
        if token in _WORDS and (end := _end(tokens, at + 1)) and not _is_raised(tokens, at, end):
            out += _split(token, tokens[at + 2 : end], depth, script=script) or tokens[at : end + 1]
            at = end
        else:
            out.append(token)
            if token == "{":
                scripts.append(script)
            elif token == "}" and len(scripts) > 1:
                scripts.pop()
        at += 1
    return out


def _is_raised(tokens: list[str], start: int, end: int) -> bool:
    """Whether scripts stand on an accent over this text: beside a box TeX sets them otherwise."""
    accent = tokens[start - 2 : start - 1] if tokens[start - 1 : start] == ["{"] else []
    return (
        accent != []
        and accent[0] in _ACCENTS
        and tokens[end + 1 : end + 2] == ["}"]
        and tokens[end + 2 : end + 3] in (["^"], ["_"], ["'"])
    )


def _end(tokens: list[str], at: int) -> int:
    """The brace that closes the one at `at`; 0 where there is none."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += (tokens[place] == "{") - (tokens[place] == "}")
        if depth <= 0:
            return place if depth == 0 and place > at else 0
    return 0


def _split(word: str, body: list[str], depth: int, *, script: bool) -> list[str]:
    """Text and math side by side in braces; empty where that cannot be done."""
    if not shifted(body):
        return []
    out, run, at, bold = ["{"], list[str](), 0, False
    while at < len(body):
        token = body[at]
        if token in _CLOSING:
            end = _shift_back(body, at)
            math = out_of_text(body[at + 1 : end], depth + 1)
            inner = _math(word, math, bold=bold, script=script) if end else []
            if not inner:
                return []
            out += [*_text(word, run), *inner]
            run, at = [], end
        elif token == _BOLD:
            bold = True
        elif token == "{":
            end = _end(body, at)
            if shifted(body[at:end]):
                return []
            run += body[at : end + 1]
            at = end
        else:
            run.append(token)
        at += 1
    return [*out, *_text(word, run), "}"]


def _shift_back(body: list[str], at: int) -> int:
    """Where the math that begins at `at` ends; 0 if it does not."""
    depth, closing = 0, _CLOSING[body[at]]
    for place in range(at + 1, len(body)):
        if depth == 0 and body[place] == closing:
            return place
        depth += (body[place] == "{") - (body[place] == "}")
    return 0


def _text(word: str, body: list[str]) -> list[str]:
    return [word, "{", *body, "}"] if body else []


def _math(word: str, inner: list[str], *, bold: bool, script: bool) -> list[str]:
    """A group that paints what `$...$` paints inside the text; empty where there is none."""
    style: list[str] = []
    if not is_flat(inner) or (script and word in _FULL_SIZE):
        if script and word not in _FULL_SIZE:
            return []
        style = ["\\textstyle"]
    return ["{", *style, *(["\\boldsymbol", "{", *inner, "}"] if bold else inner), "}"]


_MATH_FONTS = {
    "\\text": ("\\mathrm", frozenset("fgvwyVWY")),
    "\\textbf": ("\\mathbf", frozenset("fgvwyVWY")),
    "\\textsf": ("\\mathsf", frozenset("fgrvwyVWY")),
    "\\texttt": ("\\mathtt", frozenset[str]()),
}
"""Math font of the same letters, and the letters after which math adds an italic correction."""

_SENTENCE_ENDS = frozenset(".?!:")
_FORBIDDEN = frozenset("_^&#")


def text(parser: Parser, out: list[str], last: int) -> int:
    r"""A text command: spaces at its ends go outside, a single word is a math font."""
    name = parser.tokens[parser.at]
    if name == "\\mbox" and parser.style < SCRIPT:
        name = "\\text"
    parser.at += 1
    if parser.tokens[parser.at] != "{":
        raise Problem(f"{name} lacks its braces")
    parser.at += 1
    body = _body(parser, name)
    scripts = parser.scripts()
    lead = tail = 0
    if parser.style < SCRIPT and name == "\\text":  # other fonts have wider spaces
        lead, tail = _outside(body, ends=not scripts)
    spaces = [CONTROL_SPACE] if parser.keep else []
    append(out, spaces * lead)
    if not body:
        if not scripts:
            return parser.empty(out, last)
        out += ["{", "}", *scripts]
        return ORD
    font, slanted = _MATH_FONTS.get(name, ("", frozenset()))
    single = len(body) == 1 and scripts  # scripts stand otherwise beside one character
    if font and body[-1] not in slanted and not single and is_words(body):
        name = font
        parser.again = True
    out += [name, "{", *body, "}", *scripts, *spaces * tail]
    return ORD


def _outside(body: list[str], *, ends: bool) -> tuple[int, int]:
    """Take the spaces off the beginning and, where it `ends` there, the end; count them."""
    lead = tail = 0
    while body and body[0] in (SPACE, "~"):
        lead += 1
        del body[0]
    while ends and len(body) > 1 and body[-1] in (SPACE, "~") and _plain(body[-2]):
        tail += 1
        body.pop()
    return lead, tail


def _plain(token: str) -> bool:
    return token not in _SENTENCE_ENDS


def _body(parser: Parser, name: str) -> list[str]:  # noqa: C901 (one case a line)
    """Text up to its closing brace, spaces in one spelling."""
    body: list[str] = []
    depth = 0
    while True:
        token = parser.tokens[parser.at]
        if token == END:
            raise Problem(f"{name} is not closed before the end")
        parser.at += 1
        if body and body[-1] in TEXT_ACCENTS and not _takes_accent(token):
            raise Problem(f"{body[-1]} lacks its letter")
        if token == "}":
            if not depth:
                return body
            depth -= 1
        elif token == "{":
            depth += 1
        elif token in TEXT_WORDS:
            token = SYNONYMS.get(token, token)
            if parser.tokens[parser.at] != "{":
                raise Problem(f"{token} lacks its braces")
        elif token in ("~", CONTROL_SPACE):
            token = "~"
            if body and body[-1] not in (SPACE, "~") and _plain(body[-1]):
                token = SPACE
        elif not _allowed(token):
            raise Problem(f"{token} inside text")
        body.append(token)


def _takes_accent(token: str) -> bool:
    """Whether a token may follow an accent inside text."""
    return token == "{" or (len(token) == 1 and token.isascii() and token.isalpha())


def _allowed(token: str) -> bool:
    if len(token) == 1 and token.isascii():
        return token.isprintable() and token not in _FORBIDDEN and token != "$"
    if is_cjk(token):
        return True
    return token in TEXT_SYMBOLS or token in TEXT_ACCENTS or token.startswith("\\hspace{")


def register() -> None:
    """Put every handler of this module under its tokens."""
    for token in TEXT_WORDS:
        HANDLERS[SYNONYMS.get(token, token)] = text
