r"""mhchem's `\ce` in core LaTeX: `\ce{H2O}` is `\mathrm{H}_{2}\mathrm{O}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from im2latex_cli.latex.dialects.reading import argument, before, option

Tokens = list[str]

_ARROWS = {
    "<-->": ["\\leftrightarrows"],
    "<=>": ["\\rightleftharpoons"],
    "<->": ["\\longleftrightarrow"],
    "->": ["\\longrightarrow"],
    "<-": ["\\longleftarrow"],
}
"""By length: the first that fits is taken."""
_REFUSED = ("<=>>", "<<=>")
"""Arrows of two lengths, which core LaTeX does not have."""
_LABELLED = {"->": "\\xrightarrow", "<-": "\\xleftarrow"}
_BONDS = {"-": "-", "=": "=", "#": "\\equiv"}
_PHASES = {"v": "\\downarrow", "^": "\\uparrow"}
"""Signs of a solid and a gas that form, if they stand alone."""
_GREEK = ["\\alpha", "\\beta", "\\gamma", "\\delta", "\\mu", "\\eta"]
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
        ahead = "".join(takewhile(lambda one: len(one) == 1, self.tokens[self.at : self.at + 6]))
        sign = next((one for one in _ARROWS if ahead.startswith(one)), None)
        if sign is None or ahead.startswith(_REFUSED):
            return False
        behind = ahead[len(sign) :]
        if behind[1:2] == "[" or (behind[:1] == "[" and sign not in _LABELLED):
            return False  # `->T[...]`, and labels on arrows that have none in core LaTeX
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

    def step(self, token: str) -> bool:  # noqa: C901, PLR0912 - the table of the notation
        if token in _SPACE:
            self.at += 1
            self.atom = False
        elif self.phase() or self.amount():
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
            greek = token == "-" and self.tokens[self.at - 1] in _GREEK
            self.out += ["\\text", "{", "-", "}"] if greek else ["{", _BONDS[token], "}"]
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

    def phase(self) -> bool:
        """Take an arrow for a solid or a gas that forms: ` v ` or `(v)`."""
        ahead = self.tokens[self.at : self.at + 3]
        bracketed = ahead[:1] == ["("] and ahead[2:] == [")"]
        mark = ahead[1] if bracketed else ahead[0]
        behind = self.tokens[self.at + 1 : self.at + 2]
        alone = self.is_at_blank() and (not behind or behind[0] in _SPACE)
        if mark not in _PHASES or not (bracketed or alone):
            return False
        self.out.append(_PHASES[mark])
        self.at += 3 if bracketed else 1
        return True

    def amount(self) -> bool:
        """Take a small letter alone before an element: it counts, and is italic."""
        ahead = self.tokens[self.at : self.at + 3]
        if not (
            len(ahead) == 3
            and self.is_at_blank()
            and _is_variable(ahead[:1])
            and ahead[1] in _SPACE
            and len(ahead[2]) == 1
            and ahead[2].isupper()
        ):
            return False
        self.out += [ahead[0], "\\,"]
        self.at += 1
        return True

    def is_at_blank(self) -> bool:
        """Whether a blank or nothing precedes."""
        return not self.at or self.tokens[self.at - 1] in _SPACE

    def digits(self) -> None:
        run = self.run_of("0123456789" if self.atom else "0123456789.")
        if self.atom:
            self.charge("_", run)
            return
        if self.tokens[self.at : self.at + 1] == ["/"] and "".join(run).isdigit():
            self.at += 1
            below = self.run_of("0123456789")
            if below and self.out[-1:] != ["("]:
                self.out += ["\\tfrac", "{", *run, "}", "{", *below, "}", "\\,"]
                return
            run = [*run, "/", *below]
        closed = self.tokens[self.at : self.at + 1] == [")"]
        self.out += [*run, *([] if closed else ["\\,"])]

    def run_of(self, characters: str) -> Tokens:
        """Take the tokens from here on that are among these characters."""
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at] in characters:
            self.at += 1
        return self.tokens[start : self.at]

    def script(self, mark: str) -> bool:
        group = argument(self.tokens, self.at + 1)
        if group is None:
            return False
        inside, self.at = group
        if len(inside) == 1 and (mark == "^" or not self.atom):
            inside = [*inside, *self.run_of("0123456789+-" if self.atom else "0123456789")]
        if not self.atom:
            return self.leading(mark, inside)
        radical = ["\\bullet" if token == "." else token for token in inside]
        self.charge(mark, _roman(radical if mark == "^" else inside))
        return True

    def charge(self, mark: str, inside: Sequence[str]) -> None:
        """Write a script; a charge comes after the number of atoms, not above it."""
        self.out += ["{", "}"] if mark == "^" and self.counted else []
        self.out += [mark, "{", *inside, "}"]
        self.counted = mark == "_"

    def leading(self, mark: str, inside: Sequence[str]) -> bool:
        """Mass number and atomic number before an element."""
        opposite = "_" if mark == "^" else "^"
        other = argument(self.tokens, self.at + 1)
        if self.tokens[self.at : self.at + 1] != [opposite] or other is None:
            self.out += ["{", "}", mark, "{", *_roman(inside), "}"]
            return True
        self.at = other[1]
        if len(other[0]) == 1:
            other = ([*other[0], *self.run_of("0123456789")], self.at)
        pair = (other[0], inside) if mark == "^" else (inside, other[0])
        self.out += before(_roman(pair[0]), _roman(pair[1]))
        return True

    def is_charge(self) -> bool:
        """Whether a sign is a charge: every plus is, and a minus that is no bond."""
        ahead = self.tokens[self.at + 1 : self.at + 2]
        if self.tokens[self.at] == "+":
            return True
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


def _is_variable(tokens: Sequence[str]) -> bool:
    """Whether these are one small letter, which mhchem sets in italics in scripts."""
    return len(tokens) == 1 and len(tokens[0]) == 1 and "a" <= tokens[0] <= "z"


def _roman(tokens: Sequence[str]) -> Tokens:
    if _is_variable(tokens[: -1 if tokens[-1:] in (["+"], ["-"]) else None]):
        return list(tokens)
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
