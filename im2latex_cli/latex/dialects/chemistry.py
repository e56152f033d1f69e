r"""mhchem's `\ce` in core LaTeX: `\ce{H2O}` is `\mathrm{H}_{2}\mathrm{O}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from im2latex_cli.latex.dialects.reading import argument, before, option

Tokens = list[str]

_ARROWS = {
    "<=>>": ["\\rightleftharpoons"],
    "<<=>": ["\\rightleftharpoons"],
    "<=>": ["\\rightleftharpoons"],
    "<->": ["\\longleftrightarrow"],
    "<-->": ["\\longleftrightarrow"],
    "->": ["\\longrightarrow"],
    "<-": ["\\longleftarrow"],
}
"""By length: the first that fits is taken."""
_LABELLED = {"->": "\\xrightarrow", "<-": "\\xleftarrow"}
_BONDS = {"-": "-", "=": "=", "#": "\\equiv"}
_SPACE = ["\\", "~", "\\nobreakspace", "\\space", "\\,", "\\;", "\\quad"]


def formula(tokens: Sequence[str]) -> Tokens | None:
    r"""Write the argument of `\ce`; None if something in it is not known here."""
    return _FormulaReader(tokens).run()


class _FormulaReader:
    """One pass over the argument; its spaces are tokens."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = list(tokens)
        self.at = 0
        self.out: Tokens = []
        self.counted = False  # a number of atoms precedes
        self.atom = False  # an element or a bracket precedes: digits are its number of atoms

    def run(self) -> Tokens | None:
        while self.at < len(self.tokens):
            if not self.arrow() and not self.step(self.tokens[self.at]):
                return None
        return self.out

    def arrow(self) -> bool:
        ahead = "".join(takewhile(lambda one: len(one) == 1, self.tokens[self.at : self.at + 4]))
        sign = next((one for one in _ARROWS if ahead.startswith(one)), None)
        if sign is None:
            return False
        self.at += len(sign)
        above = option(self.tokens, self.at)
        below = None if above is None else option(self.tokens, above[1])
        if above is None or sign not in _LABELLED:
            self.out += _ARROWS[sign]
        else:
            self.at = above[1] if below is None else below[1]
            under = ["[", *(formula(below[0]) or below[0]), "]"] if below is not None else []
            over = formula(above[0]) or above[0]
            self.out += [_LABELLED[sign], *under, "{", *over, "}"]
        self.atom = False
        return True

    def step(self, token: str) -> bool:  # noqa: C901 - the table of the notation
        if token in _SPACE:
            self.at += 1
            self.atom = False
        elif len(token) == 1 and token.isalpha():
            self.letters()
        elif len(token) == 1 and token.isdigit():
            self.digits()
        elif token in ("^", "_"):
            return self.script(token)
        elif token in ("+", "-") and self.atom and self.is_charge():
            self.charge("^", [token])
            self.at += 1
        elif token in ("(", "[", "{", "}", ")", "]", "\\{", "\\}"):
            self.bracket(token)
        elif token in ("*", "."):
            self.add("\\cdot")
        elif token in _BONDS and self.atom:
            self.out += ["{", _BONDS[token], "}"]
            self.at += 1
            self.atom = False
        elif token in ("+", "=", ",", ";", "/", ":"):
            self.add(token)
        elif token == "$":
            return self.mathematics()
        elif token.startswith("\\") and token[1:].isalpha():
            self.out.append(token)
            self.at += 1
            self.atom = True
        else:
            return False
        return True

    def add(self, token: str) -> None:
        self.out.append(token)
        self.at += 1
        self.atom = False

    def letters(self) -> None:
        start = self.at
        self.at += 1
        while self.at < len(self.tokens) and self.tokens[self.at : self.at + 1][0].isalpha():
            if len(self.tokens[self.at]) > 1:
                break
            self.at += 1
        run = self.tokens[start : self.at]
        self.out += ["\\mathrm", "{", *run, "}"]
        self.atom, self.counted = True, False

    def digits(self) -> None:
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at] in "0123456789.":
            self.at += 1
        run = self.tokens[start : self.at]
        if self.atom:
            self.charge("_", run)
        else:
            self.out += [*run, "\\,"]

    def script(self, mark: str) -> bool:
        if mark == "^" and not self.atom and self.tokens[self.at + 1 : self.at + 2] != ["{"]:
            self.at += 1
            self.out.append("\\uparrow")
            return True
        group = argument(self.tokens, self.at + 1)
        if group is None:
            return False
        inside, self.at = group
        if mark == "^" and len(inside) == 1:
            while self.at < len(self.tokens) and self.tokens[self.at] in "0123456789+-":
                inside = [*inside, self.tokens[self.at]]
                self.at += 1
        if not self.atom:
            return self.leading(mark, inside)
        self.charge(mark, _roman(inside))
        return True

    def charge(self, mark: str, inside: Sequence[str]) -> None:
        """Write a script; a charge comes after the number of atoms, not above it."""
        self.out += ["{", "}"] if mark == "^" and self.counted else []
        self.out += [mark, "{", *inside, "}"]
        self.counted = mark == "_"

    def leading(self, mark: str, inside: Sequence[str]) -> bool:
        """Mass number and atomic number before an element."""
        other = argument(self.tokens, self.at + 1)
        if self.tokens[self.at : self.at + 1] != ["_" if mark == "^" else "^"] or other is None:
            self.out += ["{", "}", mark, "{", *_roman(inside), "}"]
            return True
        self.at = other[1]
        pair = (other[0], inside) if mark == "^" else (inside, other[0])
        self.out += before(_roman(pair[0]), _roman(pair[1]))
        return True

    def is_charge(self) -> bool:
        """Whether a sign is a charge: nothing follows it, or no element can."""
        ahead = self.tokens[self.at + 1 : self.at + 2]
        return not ahead or (not (ahead[0].isalnum() and len(ahead[0]) == 1) and ahead[0] != ">")

    def bracket(self, token: str) -> None:
        self.out.append(token)
        self.at += 1
        self.atom, self.counted = token in (")", "]", "}", "\\}"), False

    def mathematics(self) -> bool:
        try:
            end = self.tokens.index("$", self.at + 1)
        except ValueError:
            return False
        self.out += ["{", *self.tokens[self.at + 1 : end], "}"]
        self.at = end + 1
        self.atom = True
        return True


def _roman(tokens: Sequence[str]) -> Tokens:
    out: Tokens = []
    for token in tokens:
        is_letter = len(token) == 1 and token.isalpha()
        out += ["\\mathrm", "{", token, "}"] if is_letter else [token]
    return out


def _ce(tokens: Sequence[str], at: int) -> tuple[Tokens, int] | None:
    if tokens[at + 1 : at + 2] != ["{"]:
        return None
    group = argument(tokens, at + 1)
    body = None if group is None else formula(group[0])
    return None if group is None or body is None else (["{", *body, "}"], group[1])


REWRITERS: dict[str, Callable[[Sequence[str], int], tuple[Tokens, int] | None]] = {"\\ce": _ce}
