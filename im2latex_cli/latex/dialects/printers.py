"""The normal form printed for others: for KaTeX, and as the project im2markup writes it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from im2latex_cli.latex import symbols
from im2latex_cli.latex.commands import (
    COMMANDS,
    LEFT,
    MIDDLE,
    NEWLINE,
    RIGHT,
    TEXT_ACCENTS,
    TEXT_WORDS,
    CommandKind,
)
from im2latex_cli.latex.normal.desugar import INFIX, desugar
from im2latex_cli.latex.normal.parser import DEEPEST
from im2latex_cli.latex.symbols import MATRIX_OF_FENCES, SYNONYMS
from im2latex_cli.latex.tokenizer import SPACE, join, tokenize

STAND_INS = {
    "\\slash": ("/",),
    "\\pounds": ("£",),
    "\\P": ("¶",),
    "\\strut": ("\\mathstrut",),
    "\\iiiint": ("\\iint", "\\!", "\\!", "\\iint"),
    "\\idotsint": ("\\int", "\\cdots", "\\int"),
    "\\mbox": ("\\text",),
    "\\hbox": ("\\text",),
    "\\textsl": ("\\textit",),
    "\\emph": ("\\textit",),
    "\\textsc": ("\\text",),
}
TEXT_LETTERS = {
    "\\ss": "ß",
    "\\ae": "æ",
    "\\AE": "Æ",
    "\\oe": "œ",
    "\\OE": "Œ",
    "\\o": "ø",
    "\\O": "Ø",
    "\\l": "ł",
    "\\L": "Ł",
    "\\aa": "å",
    "\\AA": "Å",
    "\\i": "ı",
    "\\j": "ȷ",
    "\\/": "",
    "\\textquoteleft": "‘",
    "\\textquoteright": "’",
    "\\textendash": "–",
    "\\textemdash": "—",
    "\\textbar": "|",
    "\\textless": "<",
    "\\textgreater": ">",
    "\\slash": "/",
    "~": "\u00a0",
    "\\nobreakspace": "\u00a0",
}
"""Symbols inside text that are one character."""
_MATH = {"\\textbackslash": "\\backslash", "\\textasciitilde": "\\sim"}
_AS_THEY_ARE = {"\\{", "\\}"}
LIGATURES = {("`", "`"): "“", ("'", "'"): "”", ("-", "-"): "–", ("–", "-"): "—"}
ACCENT_MARKS = {
    "\\'": "\u0301",
    "\\`": "\u0300",
    "\\^": "\u0302",
    '\\"': "\u0308",
    "\\~": "\u0303",
    "\\=": "\u0304",
    "\\.": "\u0307",
    "\\c": "\u0327",
    "\\v": "\u030c",
    "\\u": "\u0306",
    "\\H": "\u030b",
}


def katex(tokens: Sequence[str]) -> str:
    """Write a normal form for KaTeX and MathJax."""
    out: list[str] = []
    ahead = iter(tokens)
    for token in ahead:
        out += STAND_INS.get(token, (token,))
        if token in TEXT_WORDS:
            out += _group(ahead)
    return join(out)


def _group(ahead: Iterator[str]) -> list[str]:
    """Take a text word's argument with its braces."""
    out = [next(ahead, "{")]
    depth, accent = 0, ""
    for token in ahead:
        if token == "}" and not depth:
            break
        if token in ("{", "}"):
            depth += 1 if token == "{" else -1
            accent = accent if token == "{" else ""
        elif token in TEXT_ACCENTS:
            accent = ACCENT_MARKS[token]
        elif token in TEXT_WORDS:
            _as_math(out, [*STAND_INS.get(token, (token,)), *_group(ahead)])
        elif len(token) == 1 or token in TEXT_LETTERS:
            _character(out, TEXT_LETTERS.get(token, token), accent)
            accent = ""
        elif token == SPACE:
            out.append("\u00a0" if out[-1] == SPACE else SPACE)  # two would become one
        elif token in _AS_THEY_ARE:
            out.append(token)
        else:
            _as_math(out, [_MATH.get(token, token)])
    return [*out, "}"]


def _character(out: list[str], character: str, accent: str) -> None:
    pair = (out[-1], character)
    if pair in LIGATURES:
        out[-1] = LIGATURES[pair]
    else:
        out += unicodedata.normalize("NFC", character + accent)


def _as_math(out: list[str], tokens: list[str]) -> None:
    if out[-1] == "$":  # $$ would begin a display
        out.pop()
    else:
        out.append("$")
    out += [*tokens, "$"]


_CONTROL_SPACE = re.compile(r"(?<!\\)((?:\\\\)*)\\\s+")
_MARK = "\ue000"  # replaces the control space, whose token is a word
_LABEL = re.compile(r"\\label\s*\{[^}]*\}")
_FUNCTIONS = frozenset(symbols.FUNCTIONS.split())
_LIMIT_FUNCTIONS = frozenset((*symbols.LIMIT_FUNCTIONS.split(), "liminf", "limsup"))
_RENAMED = {
    "\\Bbb": "\\mathbb",
    "\\bold": "\\mathbf",
    "\\frak": "\\mathfrak",
    "\\text": "\\mathrm",
    "\\mbox": "\\mathrm",
    "\\hbox": "\\mathrm",
    "\\vbox": "\\mathrm",
    "\\textrm": "\\mathrm",
    "\\bm": "\\mathbf",
}
_FENCED = {name: fences for fences, name in MATRIX_OF_FENCES.items()}
_LENGTHS = ("\\hspace{", "\\mspace{", "\\vspace{", "\\rule{")
_STOPS = frozenset(("}", "&", NEWLINE, "\\cr")) | RIGHT


class _Unreadable(Exception):  # noqa: N818 (a finding, not an error)
    """That project's parser would refuse the formula."""


def im2markup(formula: str) -> tuple[str, ...]:
    """Write a formula as im2markup's normaliser does.

    Args:
        formula: any string.

    Returns:
        Its tokens; a control space is a lone backslash, as in its files; empty if the formula
        cannot be parsed.
    """
    line = formula.strip()
    line = _LABEL.sub("", line.removeprefix("%").replace("$", " ").replace("\\>", " "))
    tokens = tokenize(_CONTROL_SPACE.sub(rf"\1{_MARK}", line))
    try:
        tokens = desugar(_roman(tokens))
        printer = _Printer(tokens)
        result = printer.sequence()
        if printer.at < len(tokens):
            return ()
    except _Unreadable:
        return ()
    return tuple("\\" if token == _MARK else token for token in result if _ascii(token))


def _ascii(token: str) -> bool:
    return token.isascii() or token == _MARK


def _roman(tokens: list[str]) -> list[str]:
    r"""`{\rm` and `\rm{` become `\mathrm{`; without a matrix a line break is a thin space."""
    result: list[str] = []
    matrix = any(token.startswith("\\begin") or "matrix" in token for token in tokens)
    for token in tokens:
        if result and (result[-1], token) in {("{", "\\rm"), ("\\rm", "{")}:
            result[-1:] = ["\\mathrm", "{"]
        elif token.startswith(NEWLINE) and not matrix and "\\cases" not in tokens:
            result.append("\\,")
        else:
            result.append(token)
    return result


class _Printer:
    """One pass over the tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def sequence(self) -> list[str]:
        """Atoms with their scripts until something closes."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise _Unreadable
        out: list[str] = []
        while (token := self.peek()) and not self._stops(token):
            if token not in ("_", "^", "'"):
                out += self.atom()
            elif not out:
                out += ["{", "}"]
            out += self.scripts()
        self.depth -= 1
        return out

    def _stops(self, token: str) -> bool:
        return token in _STOPS or token in MIDDLE or token.startswith((NEWLINE, "\\end{"))

    def scripts(self) -> list[str]:
        """Scripts in its order; of several the last one wins."""
        below: list[str] = []
        above: list[str] = []
        while (token := self.peek()) in ("_", "^", "'", "\\limits", "\\nolimits"):
            self.at += 1
            if token == "_":
                below = ["_", *self.argument()]
            elif token == "^":
                above = ["^", *self.argument()]
            elif token == "'":
                primes = ["\\prime"]
                while self.peek() == "'":
                    self.at += 1
                    primes.append("\\prime")
                above = ["^", "{", *primes, "}"]
        return below + above

    def argument(self) -> list[str]:
        """One argument, braced."""
        token = self.peek()
        if token == "{":
            return self.group()
        if not token or self._stops(token):
            raise _Unreadable
        return ["{", *self.atom(), "}"]

    def group(self) -> list[str]:
        self.at += 1
        inner = self.sequence()
        self._expect("}")
        return ["{", *inner, "}"]

    def _expect(self, token: str) -> None:
        if self.peek() != token:
            raise _Unreadable
        self.at += 1

    def atom(self) -> list[str]:
        """One atom without its scripts."""
        token = self.peek()
        if token == "{":
            return self.group()
        self.at += 1
        if token.startswith(_LENGTHS):
            return [token.split("{")[0], *token[token.index("{") :]]
        if token in LEFT:
            return self._fences(token)
        if token.startswith("\\begin{"):
            return self._environment(token)
        if token[1:] in _FUNCTIONS or token[1:] in _LIMIT_FUNCTIONS:
            command = "\\operatorname" if token[1:] in _FUNCTIONS else "\\operatorname*"
            return [command, "{", *token[1:], "}"]
        return [] if token in ("\\limits", "\\nolimits") else self._command(token)

    def _command(self, token: str) -> list[str]:
        entry = COMMANDS.get(SYNONYMS.get(token, token))
        command = _RENAMED.get(token, token)
        if entry is not None and entry.kind is CommandKind.TEXT:
            return [command, *self._text()]
        if entry is None or not entry.args:
            is_known = entry is not None or len(token) == 1 or token in SYNONYMS
            if not is_known and token in INFIX:
                raise _Unreadable
            return [command]
        out = [command]
        if entry.optional and self.peek() == "[":
            out += self._option()
        for _ in entry.args:
            out += self.argument()
        return out

    def _option(self) -> list[str]:
        self.at += 1
        out = ["["]
        while (token := self.peek()) != "]":
            if not token or self._stops(token):
                raise _Unreadable
            if token in ("_", "^", "'"):
                out += self.scripts()
            else:
                out += self.atom()
        self.at += 1
        return [*out, "]"]

    def _text(self) -> list[str]:
        """Text: letters, blanks as `~`."""
        self._expect("{")
        out = ["{"]
        depth = 1
        while depth:
            token = self.peek()
            if not token:
                raise _Unreadable
            self.at += 1
            depth += (token == "{") - (token == "}")
            out.append("~" if token == SPACE else token)
        return out

    def _fences(self, left: str) -> list[str]:
        out = [left, *self.sequence()]
        while self.peek() in MIDDLE:
            out.append(self.peek())
            self.at += 1
            out += self.sequence()
        if self.peek() not in RIGHT:
            raise _Unreadable
        out.append(self.peek())
        self.at += 1
        return out

    def _environment(self, begin: str) -> list[str]:
        """Cells in braces, every row with its line break, empty rows dropped."""
        name = begin[len("\\begin{") : -1]
        left, right = _FENCED.get(name, ("", ""))
        printed = "matrix" if left else name
        out = [left] if left else []
        out.append(f"\\begin{{{printed}}}")
        if name in ("array", "subarray", "alignedat"):
            out += self.argument()
        out += self._rows(f"\\end{{{name}}}")
        out.append(f"\\end{{{printed}}}")
        return [*out, right] if right else out

    def _rows(self, end: str) -> list[str]:
        out: list[str] = []
        row: list[str] = []
        filled = False
        while True:
            while self.peek() == "\\hline":
                self.at += 1
                row.append("\\hline")
            cell = self.sequence()
            filled = filled or bool(cell)
            whole = len(cell) > 1 and cell[0] == "{" and _closes_last(cell)
            row += cell if whole else ["{", *cell, "}"]
            token = self.peek()
            self.at += 1
            if token == "&":
                row.append("&")
                continue
            if filled:
                out += [*row, NEWLINE]
            elif "\\hline" in row:
                out += [t for t in row if t == "\\hline"]
            row, filled = [], False
            if token == end:
                return out
            if not (token.startswith(NEWLINE) or token == "\\cr"):
                raise _Unreadable


def _closes_last(tokens: list[str]) -> bool:
    """Whether the first brace closes with the last token."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token == "{") - (token == "}")
        if depth == 0:
            return index == len(tokens) - 1
    return False
