r"""One pass over the tokens of a formula that writes its normal form.

Each list of math material (`sequence`) returns its canonical tokens; what a command does is a
handler in `HANDLERS` (the modules `handlers`, `environments` and `text` fill it). TeX's classes of
atoms are followed through the pass, because they decide which braces change the picture.
"""

from __future__ import annotations

from collections.abc import Callable

from im2latex_cli.latex.commands import NEWLINE, TEXT_WORDS
from im2latex_cli.latex.dialects.packages import PACKAGE_COMMANDS
from im2latex_cli.latex.normal.atoms import (
    BIN,
    CLASSES,
    CLOSE,
    DISPLAY,
    ENTERS,
    INNER,
    LEAVES,
    LONE_BIN,
    NONE,
    OP,
    OPEN,
    ORD,
    PLAIN,
    ROMAN,
    SCRIPT,
    SCRIPTSCRIPT,
    SPACES,
    append,
    font_run,
    is_one_atom,
    is_plain_run,
    is_single,
    lacking,
)
from im2latex_cli.latex.normal.desugar import INFIX
from im2latex_cli.latex.symbols import IGNORED, OLD_FONTS, SYNONYMS

DEEPEST = 60
"""Groups inside groups; more is refused (TeX itself ends at 255)."""

END = ""
"""Stands after the last token."""

OPTION_END = "\\]option"
"""Stands for the bracket that ends an optional argument."""

_SCRIPTS = frozenset("_^'")


class Problem(Exception):  # noqa: N818 (it is a finding, caught by `normalize`)
    """Why the formula is not well-formed, in one line."""


class Parser:
    """The state of one pass.

    Attributes:
        tokens: the formula, END last.
        at: the next token.
        style: the current TeX style.
        keep: whether spaces stay.
        first: class of the first atom of the list read last, NONE where it has none.
        last: class of its last atom.
        switched: whether that list changes the style of what follows in its group.
        bare: whether the next atom takes no scripts (it is an argument without braces).
        again: whether a choice rested on a later token that may change its spelling, so that
            another pass over the result may find more.
        dressed: font commands and switches around what is read now.
        aligned: the position (`t` or `b`) that an environment of several rows asked for, or "".
    """

    __slots__ = (
        "again",
        "aligned",
        "at",
        "bare",
        "depth",
        "dressed",
        "first",
        "keep",
        "last",
        "style",
        "switched",
        "tokens",
    )

    def __init__(self, tokens: list[str], *, keep: bool) -> None:
        self.tokens = [*tokens, END]
        self.at = 0
        self.style = DISPLAY
        self.keep = keep
        self.depth = 0
        self.first = self.last = NONE
        self.switched = False
        self.bare = False
        self.again = False
        self.aligned = ""
        self.dressed = 0

    def sequence(self, before: int = NONE) -> list[str]:  # noqa: C901, PLR0912 (the hot loop)
        """Read atoms until a token that only the caller can judge.

        Args:
            before: class of what TeX puts before the list.
        """
        self.depth += 1
        if self.depth > DEEPEST:
            raise Problem(f"groups are nested more than {DEEPEST} deep")
        tokens, out, bare = self.tokens, [], self.bare
        self.bare = self.switched = False
        first, before_switch, last = NONE, NONE, before
        font, start = "", 0  # the font switch in force, and where it began
        while True:
            token = tokens[self.at]
            atom = PLAIN.get(token)
            if atom is not None:
                out.append(token)
                self.at += 1
                if tokens[self.at] in _SCRIPTS:
                    out += self.scripts()
            elif token in HANDLERS:
                atom = HANDLERS[token](self, out, last)
            elif token in OLD_FONTS:
                self.at += 1
                if font:
                    first, last = self._dress(out, (font, start, before_switch), first, last)
                else:
                    self.dressed += 1
                font, start, before_switch = OLD_FONTS[token], len(out), first
                continue
            elif token in SYNONYMS:
                tokens[self.at] = SYNONYMS[token]
                continue
            elif token in IGNORED:
                self.at += 1
                continue
            elif token in STOPS or token.startswith(NEWLINE):
                break
            else:
                atom = self._measured(token, out, last)
            if atom:
                if not first:
                    first = atom
                last = ORD if atom == BIN and last in LONE_BIN else atom
        if font:
            self.dressed -= 1
            first, last = self._dress(out, (font, start, before_switch), first, last)
        self.first, self.last, self.bare = first, last, bare
        self.depth -= 1
        return out

    def scripts(self) -> list[str]:
        """Read what hangs on the last atom; subscript first, primes as superscript."""
        if self.bare:
            return []
        tokens = self.tokens
        below: list[str] | None = None
        above: list[str] | None = None
        while True:
            token = tokens[self.at]
            if token == "_":
                if below is not None:
                    raise Problem("double subscript")
                self.at += 1
                below = self.script()
            elif token in {"^", "'"}:
                if above is not None:
                    raise Problem("double superscript")
                above = self._superscript()
            else:
                break
        if not below and not above:
            return []
        if below is None or (not below and self.depth == 1):  # no depth matters there
            return ["^", "{", *(above or ()), "}"]
        if above is None:
            return ["_", "{", *below, "}"]
        return ["_", "{", *below, "}", "^", "{", *above, "}"]

    def _superscript(self) -> list[str]:
        """Read primes and what is raised with them."""
        above: list[str] = []
        while self.tokens[self.at] == "'":
            above.append("\\prime")
            self.at += 1
        if self.tokens[self.at] == "^":
            self.at += 1
            above += self.script()
        return above

    def script(self) -> list[str]:
        """Read one sub- or superscript."""
        return self.argument("a script", self.script_style())

    def script_style(self) -> int:
        """The style of a script on what is read now."""
        return SCRIPT if self.style < SCRIPT else SCRIPTSCRIPT

    def argument(self, whose: str, style: int | None = None) -> list[str]:
        """Read one argument, in braces or a single atom.

        Args:
            whose: what the argument belongs to, for the message where it is missing.
            style: the style it is set in; the current one where None.
        """
        while True:
            token = self.tokens[self.at]
            if token in SYNONYMS:
                self.tokens[self.at] = SYNONYMS[token]
            elif token in IGNORED:
                self.at += 1
            else:
                break
        outer, switched = self.style, self.switched
        if style is not None:
            self.style = style
        out: list[str] = []
        if token == "{":
            self.at += 1
            out = self.sequence()
            self.close("}", "{")
        elif token in PLAIN:
            self.at += 1
            out.append(token)
            self.first = self.last = PLAIN[token]
            if self.last == BIN:
                self.last = ORD
        elif token in HANDLERS and token not in _SCRIPTS:
            bare, self.bare = self.bare, True
            self.first = self.last = HANDLERS[token](self, out, NONE)
            self.bare = bare
        else:
            raise Problem(f"{whose} lacks its argument")
        self.style, self.switched = outer, switched
        return out

    def option(self, style: int | None) -> list[str] | None:
        """Read an argument in square brackets, if one is here, in a style or the current one."""
        if self.tokens[self.at] != "[":
            return None
        depth, end = 0, self.at + 1
        while self.tokens[end] != END:
            token = self.tokens[end]
            depth += (token == "{") - (token == "}")
            if depth < 0 or (depth == 0 and token == "]"):
                break
            end += 1
        if self.tokens[end] != "]":
            raise Problem("[ without ]")
        self.tokens[end] = OPTION_END
        self.at += 1
        outer, switched = self.style, self.switched
        if style is not None:
            self.style = style
        out = self.sequence()
        self.close(OPTION_END, "[")
        self.style, self.switched = outer, switched
        return ["{", *out, "}"] if "]" in out else out

    def close(self, closer: str, opener: str) -> None:
        """Step over the closer of what was just read."""
        token = self.tokens[self.at]
        if token != closer:
            raise Problem(f"{opener} is not closed before {describe(token)}")
        self.at += 1

    def group(self, out: list[str], last: int) -> int:
        """Handle `{...}`: without the braces where they change nothing."""
        self.at += 1
        boxed = self.tokens[self.at] if self.tokens[self.at] in TEXT_WORDS else ""
        outer, switched = self.style, self.switched
        inner = self.sequence()
        self.close("}", "{")
        self.style = outer
        inner_switched, self.switched = self.switched, switched
        if boxed and self.tokens[self.at] in _SCRIPTS and is_single(inner):
            inner = self.boxed_letter(boxed, inner)
        return self.place(out, last, inner, switched=inner_switched)

    def place(self, out: list[str], last: int, inner: list[str], *, switched: bool) -> int:
        """Write a group that was just read (`first` and `last` are its), with its scripts.

        Args:
            out: where to.
            last: class of the atom before it.
            inner: its tokens.
            switched: whether it changes the style of what follows in it.
        """
        first, final = self.first, self.last
        if self.bare:  # an argument: its braces come with the command
            out += inner
            return final
        scripts = self.scripts()
        if scripts:
            if first == ORD and (is_single(inner) or is_one_atom(inner)):
                out += inner
            else:
                out += ["{", *inner, "}"]
            out += scripts
            return ORD
        if not inner:
            return self.empty(out, last)
        following = self.tokens[self.at]
        if last == NONE and following in STOPS:
            self.switched = self.switched or switched
        elif (
            switched
            or last not in ENTERS[first]
            or (first == INNER and last == OP and self.style >= SCRIPT)
            or not (following in STOPS or PLAIN.get(following, ORD) in LEAVES[final])
        ):
            out += ["{", *inner, "}"]
            self.again = True
            return ORD
        append(out, inner)
        return final

    def boxed_letter(self, name: str, inner: list[str]) -> list[str]:
        """A letter of a text command in that command: scripts stand otherwise beside a box.

        Args:
            name: the text command.
            inner: the letter, which may be in a math font.
        """
        word = SYNONYMS.get(name, name)
        letter = inner[0] if len(inner) == 1 else inner[2]
        return ["\\text" if word == "\\mbox" and self.style < SCRIPT else word, "{", letter, "}"]

    def empty(self, out: list[str], last: int) -> int:
        """Write `{}`, an ordinary atom without ink, where it spaces what stands beside it."""
        at = self.at
        while self.tokens[at] in SPACES:
            at += 1
        following = self.tokens[at]
        if (
            last in (ORD, CLOSE)
            or following in ("~", "{", "_", "^", "'")
            or (following in STOPS and (last == NONE or following == END))
            or CLASSES.get(following) == ORD
            or (CLASSES.get(following) == OPEN and last != OP)
        ):
            return NONE
        out += ["{", "}"]
        self.again = True
        return ORD

    def released(self, font: str) -> frozenset[str]:
        """The letters that need no font command here to look as it would make them look."""
        return ROMAN if font == "\\mathrm" and not self.dressed else frozenset()

    def _measured(self, token: str, out: list[str], last: int) -> int:
        """Handle a token that holds a length, or refuse an unknown one."""
        shape = token.split("{", 1)[0]
        handler = MEASURED.get(shape) if "{" in token else None
        if handler is None:
            raise Problem(describe_unknown(token))
        return handler(self, out, last)

    def _dress(
        self, out: list[str], switch: tuple[str, int, int], first: int, last: int
    ) -> tuple[int, int]:
        """Put what a font switch reached into the font command of today.

        Args:
            out: the list it stands in.
            switch: the font, where its reach begins, class of the list's first atom before that.
            first: class of the list's first atom.
            last: class of its last.

        Returns:
            The classes of the first and the last atom now.
        """
        font, start, before = switch
        missing = lacking(font, out[start:])
        if missing:
            raise Problem(f"the font of {font} has no {missing}")
        found = font_run(font, out[start:], self.style, released=self.released(font))
        lead, body, tail = found
        dressed = body[:1] == [font] and body.index("}") < len(body) - 1
        dressed = dressed and not is_plain_run(body[2 : body.index("}")])
        self.again = True
        del out[start:]
        out += lead + body + tail
        if dressed and not before and not any(token in PLAIN for token in lead):
            first = ORD
        if dressed and not any(token in PLAIN for token in tail):
            last = ORD
        return first, last


Handler = Callable[[Parser, list[str], int], int]
"""Reads one construct, writes it to a list, returns its class (NONE: no atom)."""

HANDLERS: dict[str, Handler] = {"{": Parser.group}
"""By token; filled by the modules that know the constructs."""

MEASURED: dict[str, Handler] = {}
"""By the name before a length."""

STOPS: set[str] = {"}", "&", END, OPTION_END}
"""Tokens that end a list; filled with environments and fences."""


def describe(token: str) -> str:
    """A token for a message."""
    return "the end" if token == END else ("]" if token == OPTION_END else token)


_LENGTHS = {
    "hspace": "{1cm}", "hskip": " 1cm", "kern": " 1cm",
    "mspace": "{3mu}", "mskip": " 3mu", "mkern": " 3mu",
}  # fmt: skip
"""Commands that take a length, with one as they want it."""

_WHY_NOT = {
    "$": "a dollar sign inside the formula",
    "#": "# is a macro parameter; its sign is \\#",
    "\\": "a lone backslash at the end",
    "\\left": "\\left lacks its delimiter",
    "\\right": "\\right lacks its delimiter",
    "\\middle": "\\middle lacks its delimiter",
    "\\hline": "\\hline must begin a row",
    "\\rule": "\\rule needs two lengths, as in \\rule{1cm}{2pt}, and cannot be raised",
    **{
        f"\\{word}": f"\\{word} needs a length, as in \\{word}{length}"
        for word, length in _LENGTHS.items()
    },
    **{word: f"a second {word} in one group" for word in INFIX},
    **{
        word: f"{word} has a normal form without a line, between (), [], {{}} or nothing, and with "
        "a line of 0.4pt: write \\left( \\frac{a}{b} \\right)"
        for word in ("\\above", "\\abovewithdelims", "\\overwithdelims", "\\atopwithdelims")
    },
    "\\genfrac": "\\genfrac has a normal form without a line, between (), [], {} or nothing, and "
    "with a line of 0.4pt: write \\left( \\frac{a}{b} \\right)",
    "\\sideset": "\\sideset has a normal form around a large operator without limits",
}


def describe_unknown(token: str) -> str:
    """Why a token has no place in a formula."""
    if token in _WHY_NOT:
        return _WHY_NOT[token]
    if token.startswith(("\\begin", "\\end")):
        return f"unknown environment {token}"
    if token in PACKAGE_COMMANDS:
        return f"{token} is known, but not with what follows it here"
    if token.startswith("\\"):
        return f"unknown command {token}"
    return f"character {token!r} (U+{ord(token[0]):04X}) has no place in LaTeX math"
