r"""Text inside formulas in the pass that writes the normal form: `\text`, `\mbox`, `\textbf`."""

from __future__ import annotations

from im2latex_cli.latex.commands import TEXT_ACCENTS, TEXT_SYMBOLS, TEXT_WORDS
from im2latex_cli.latex.dialects.unicode_math import is_cjk
from im2latex_cli.latex.normal.atoms import ORD, SCRIPT, append, is_words
from im2latex_cli.latex.normal.parser import END, HANDLERS, Parser, Problem
from im2latex_cli.latex.spellings import SYNONYMS
from im2latex_cli.latex.tokenizer import CONTROL_SPACE, SPACE

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
