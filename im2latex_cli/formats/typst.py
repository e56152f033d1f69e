r"""Formulas as Typst mathematics.

`typst` writes what stands between the dollars of a displayed equation, `$ ... $`, for Typst 0.13
and later. Symbols have their names where these never changed between releases (`alpha`, `times`,
`->`), else they are Unicode characters, which every release reads.

Where both languages differ:

- Typst stretches any matching parentheses, TeX only `\left(`. Bare ones stand around what is no
  taller than they are; others are written `\(`, which Typst leaves alone.
- Typst prints the white space beside quoted text, `|` and code, so none is written there, and an
  empty string parts what must not touch.
- Cells of `mat`, `vec` and `cases` shrink in text style, so that these stand in `display(...)`
  where the formula is not in display style.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from im2latex_cli.formats.characters import (
    DECORATED_LIMITS,
    FUNCTIONS,
    SIZES_EM,
    SPACES_EM,
    SYMBOLS,
    ems,
    negated,
)
from im2latex_cli.formats.result import Converted
from im2latex_cli.formats.runs import Run, runs
from im2latex_cli.latex.commands import COMMANDS, STACKS, Atom, Kind
from im2latex_cli.latex.spellings import SYNONYMS
from im2latex_cli.latex.tokenizer import join as join_latex
from im2latex_cli.latex.tree import (
    Command,
    Environment,
    Fence,
    Group,
    Line,
    MalformedError,
    Node,
    Row,
    Scripts,
    Sized,
    Text,
    Word,
    parse,
    walk,
)

NAMES = """
alpha beta gamma delta epsilon.alt epsilon zeta eta theta theta.alt iota kappa lambda mu nu xi pi
pi.alt rho rho.alt sigma tau upsilon phi.alt phi chi psi omega Gamma Delta Theta Lambda Xi Pi
Sigma Upsilon Phi Psi Omega oo nabla forall exists in in.not subset subset.eq supset supset.eq
union times div plus.minus minus.plus <= >= != equiv approx prop -> <- <-> => <=> |-> --> ==> <==>
<< >> sum product product.co integral integral.double integral.triple integral.cont emptyset not
and or dots.h dots.c dots.v dots.down dagger bot top therefore because without compose angle
""".split()
_CHARACTERS = """
α β γ δ ϵ ε ζ η θ ϑ ι κ λ μ ν ξ π ϖ ρ ϱ σ τ υ ϕ φ χ ψ ω Γ Δ Θ Λ Ξ Π Σ Υ Φ Ψ Ω ∞ ∇ ∀ ∃ ∈ ∉ ⊂ ⊆ ⊃ ⊇
∪ × ÷ ± ∓ ≤ ≥ ≠ ≡ ≈ ∝ → ← ↔ ⇒ ⇔ ↦ ⟶ ⟹ ⟺ ≪ ≫ ∑ ∏ ∐ ∫ ∬ ∭ ∮ ∅ ¬ ∧ ∨ … ⋯ ⋮ ⋱ † ⊥ ⊤ ∴ ∵ ∖ ∘ ∠
""".split()
NAME_OF = dict(zip(_CHARACTERS, NAMES, strict=True))
"""Names of Typst by character."""

_ESCAPED = frozenset('\\/@`"#$&_√')
_FENCES = frozenset("|‖")
_STYLES = {
    "\\displaystyle": "display",
    "\\textstyle": "inline",
    "\\scriptstyle": "script",
    "\\scriptscriptstyle": "sscript",
}
_SPACES = {"\\,": "thin", "\\:": "med", "\\;": "thick", "\\quad": "quad", "\\nobreakspace": "space"}
_SPACES["\\qquad"] = "quad quad"
_ACCENTS = {
    "hat": "hat",
    "widehat": "hat",
    "tilde": "tilde",
    "widetilde": "tilde",
    "bar": "macron",
    "vec": "arrow",
    "dot": "dot",
    "ddot": "dot.double",
    "dddot": "dot.triple",
    "ddddot": "dot.quad",
    "acute": "acute",
    "grave": "grave",
    "breve": "breve",
    "check": "caron",
    "mathring": "circle",
    "overline": "overline",
    "underline": "underline",
    "overrightarrow": "arrow",
    "overleftarrow": "arrow.l",
    "overleftrightarrow": "arrow.l.r",
}
_BELOW = {
    "underleftarrow": "20ee",
    "underrightarrow": "20ef",
    "underleftrightarrow": "34d",
}
_FONTS = {
    "mathrm": ("upright",),
    "mathbf": ("upright", "bold"),
    "mathit": ("italic",),
    "mathsf": ("upright", "sans"),
    "mathtt": ("mono",),
    "mathcal": ("cal",),
    "mathscr": ("scr",),
    "mathbb": ("bb",),
    "mathfrak": ("frak",),
    "mathnormal": (),
    "boldsymbol": ("bold",),
    "pmb": ("bold",),
}
_CLASSES = {
    "mathord": "normal",
    "mathbin": "binary",
    "mathrel": "relation",
    "mathopen": "opening",
    "mathclose": "closing",
    "mathpunct": "punctuation",
    "mathinner": "normal",
}
_DELIMITERS = {
    "matrix": "#none",
    "smallmatrix": "#none",
    "array": "#none",
    "bmatrix": '"["',
    "Bmatrix": '"{"',
    "vmatrix": '"|"',
    "Vmatrix": '"‖"',
}
_CALLS = {("|", "|"): "abs", ("‖", "‖"): "norm", ("⌊", "⌋"): "floor", ("⌈", "⌉"): "ceil"}
_SHRINKING = frozenset(("\\frac", "\\cfrac", "\\binom", *STACKS.values()))
_MULTILINE = frozenset(("aligned", "alignedat", "gathered"))
_JOINED = re.compile(r"[|][-=\]|]|\[[|]")
_SIMPLE = re.compile(r"[A-Za-z]|[0-9]+(\.[0-9]+)?|[A-Za-z][A-Za-z.]+|[+*-]|[^\x00-\x7f]")


def typst(tokens: Sequence[str]) -> Converted:
    """Write a normal form as Typst mathematics.

    Args:
        tokens: of `normalize`, or a recogniser's.

    Returns:
        One line. What Typst cannot say stands there as quoted text, with a warning; so does a
        whole formula that is not well-formed.
    """
    try:
        row = parse(tokens)
    except MalformedError as error:
        return Converted(_quoted(join_latex(tokens)), (f"the formula is text: {error}",))
    writer = _Writer()
    return Converted(writer.formula(row), tuple(dict.fromkeys(writer.warnings)))


class _Piece(NamedTuple):
    """A part of a row.

    Attributes:
        text: Typst; nothing paints nothing.
        spaced: whether Typst prints white space beside it.
        before: whether white space may stand before it.
        after: likewise behind it.
        scripted: whether it has scripts already.
    """

    text: str
    spaced: bool = False
    before: bool = True
    after: bool = True
    scripted: bool = False


class _Context(NamedTuple):
    """Where a row stands.

    Attributes:
        display: whether it is set in display style.
        argument: whether commas would end it.
    """

    display: bool = True
    argument: bool = False


_ARGUMENT = _Context(display=False, argument=True)


@dataclass(slots=True)
class _Writer:
    """Writes one formula; collects its warnings."""

    warnings: list[str] = field(default_factory=list)

    def formula(self, row: Row) -> str:
        """Write the whole formula; a lone display becomes lines of the equation itself."""
        match row:
            case (Environment(name=name) as environment,) if name in _MULTILINE:
                self.gaps(environment)
                return " \\ ".join(
                    _aligned([self.text(cell, _Context()) for cell in line.cells])
                    for line in environment.lines
                )
        return self.text(row, _Context()) or '""'

    def text(self, row: Row, context: _Context) -> str:
        return _join(self.pieces(row, context))

    def argument(self, group: Group | Row, *, display: bool = False) -> str:
        """Write an argument of a function call; it is never empty."""
        row = group.body if isinstance(group, Group) else group
        return self.text(row, _Context(display, argument=True)) or '""'

    def pieces(self, row: Row, context: _Context) -> list[_Piece]:
        """Write the nodes of a row, pairs of delimiters and style switches among them."""
        pairs = _pairs(row)
        pieces: list[_Piece] = []
        inside = 0  # open bare pairs: commas there end no argument
        index = 0
        while index < len(row):
            node = row[index]
            here = context._replace(argument=context.argument and not inside)
            if isinstance(node, Word) and node.token in _STYLES:
                return [*pieces, *self.styled(node.token, row[index + 1 :])]
            if isinstance(node, Sized) and index in pairs:
                end = pairs[index]
                pieces.append(self.sized_pair(row[index : end + 1], here))
                index = end + 1
                continue
            if index in pairs and isinstance(node, Word):
                inside += 1
                pieces.append(_Piece(_character(node.token), after=False))
            elif isinstance(closer := _closer(node), Word) and index in pairs.values():
                inside -= 1
                piece = _Piece(_character(closer.token), before=False)
                pieces.append(self.attached(piece, node) if node != closer else piece)
            elif isinstance(node, Word) and node.token == "\\not" and index + 1 < len(row):
                pieces.append(self.negation(row[index + 1], here))
                index += 1
            elif _separates_digits(row, index):
                mark = "." if isinstance(node, Word) else '","'
                pieces.append(_Piece(mark, before=False, after=False))
            else:
                pieces += self.node(node, here)
            index += 1
        return pieces

    def styled(self, style: str, rest: Row) -> list[_Piece]:
        if not rest:
            return []
        body = self.argument(rest, display=style == "\\displaystyle")
        return [_Piece(f"{_STYLES[style]}({body})")]

    def node(self, node: Node, context: _Context) -> list[_Piece]:
        match node:
            case Word(token):
                return [self.word(token, context)]
            case Group(body):
                return self.group(body, context)
            case Command():
                return [self.command(node, context)]
            case Text():
                return [self.run(run) for run in runs(node)]
            case Sized(name, mark):
                return [self.sized(name, mark)]
            case Scripts():
                return [self.scripts(node, context)]
            case Fence():
                return [self.fence(node, context)]
            case Environment():
                return [self.environment(node, context)]

    def word(self, token: str, context: _Context) -> _Piece:
        entry = COMMANDS.get(token)
        if entry and entry.kind is Kind.SPACE:
            return _Piece(_SPACES.get(token) or f"#h({SPACES_EM[token]:.4g}em)")
        if token.startswith(("\\hspace{", "\\mspace{")):
            return _Piece(f"#h({ems(token[8:-1]):.4g}em)")
        if token.startswith("\\rule{"):
            width, height = (ems(length) for length in token[6:-1].split("}{"))
            box = f"#box(width: {width:.4g}em, height: {max(height, 0):.4g}em, fill: black)"
            return _Piece(box, spaced=True)
        if token.startswith("\\middle"):
            mark = _mark(token.removeprefix("\\middle"))
            return _Piece(f"mid({mark})")
        if token in ("\\mathstrut", "\\strut"):
            return _Piece("#box(width: 0pt, hide($\\($))", spaced=True)
        if token in DECORATED_LIMITS:
            return self.decorated(token)
        return self.symbol(token, context)

    def symbol(self, token: str, context: _Context) -> _Piece:
        if token in FUNCTIONS:
            return _Piece(_function(FUNCTIONS[token]))
        if token == "\\bmod":
            return _Piece("mod")
        if token in (",", ";"):
            return _Piece(f"\\{token}" if context.argument else token, before=False)
        if token == "\\idotsint":
            return _Piece("integral dots.c integral")
        if token == "\\not":
            return _Piece("cancel(space)")
        if token not in COMMANDS and token not in SYMBOLS:
            self.warnings.append(f"{token} is not known; it is written as text")
            return _Piece(_quoted(token), spaced=True)
        text = _character(token)
        if _delimits(token):
            opens = _delimits(token, Atom.OPEN)
            return _Piece(f"\\{text}", before=opens, after=not opens)
        if text.isascii() and len(text) == 1 and token.isascii() and text == token[-1]:
            return _Piece(text, spaced=text in _FENCES)
        font = "italic({})" if token.startswith("\\var") and text in _UPPERCASE else "{}"
        return _Piece(font.format(text), spaced=text in _FENCES)

    def decorated(self, token: str) -> _Piece:
        accent = DECORATED_LIMITS[token][1:]
        if accent in _BELOW:
            body = f'accent(op("lim"), "\\u{{{_BELOW[accent]}}}")'
        else:
            body = f'{accent}(op("lim"))'
        return _Piece(f"op({body}, limits: #true)")

    def group(self, body: Row, context: _Context) -> list[_Piece]:
        """Write a row in braces: TeX spaces it as one ordinary symbol."""
        if not body:
            return [_Piece('""')]
        if len(body) == 1 and isinstance(body[0], Word) and _atom(body[0]) not in _PLAIN:
            text = self.argument(body, display=context.display)
            return [_Piece(f'class("normal", {text})')]
        return self.pieces(body, context)

    def negation(self, node: Node, context: _Context) -> _Piece:
        if isinstance(node, Word) and len(SYMBOLS.get(node.token, node.token)) == 1:
            return _Piece(_negated(node.token))
        if isinstance(node, Scripts) and isinstance(node.base, Word):
            return self.attached(_Piece(_negated(node.base.token)), node)
        return _Piece(f"cancel({self.argument((node,), display=context.display)})")

    def run(self, run: Run) -> _Piece:
        text = _quoted(run.text)
        for font in reversed(run.fonts):
            if font == "box":
                text = f"#box(stroke: 0.4pt, inset: 3pt, ${text}$)"
            elif font == "smallcaps":
                text = f"#smallcaps({text.removeprefix('#')})" if text[0] == '"' else text
            else:
                text = f"{font}({text})"
        return _Piece(text, spaced=True)

    def sized(self, name: str, mark: str) -> _Piece:
        if mark == ".":
            return _Piece('""')
        size = SIZES_EM[name.strip("\\").rstrip("lrm") if name[-1] in "lrm" else name[1:]]
        return _Piece(f"lr(size: #{size:g}em, {_mark(mark)})")

    def sized_pair(self, row: Row, context: _Context) -> _Piece:
        r"""Write `\bigl(` to `\bigr)` as one call."""
        first, last = row[0], _closer(row[-1])
        if not (isinstance(first, Sized) and isinstance(last, Sized)):
            raise TypeError(row)
        size = SIZES_EM[first.name[1:-1]]
        body = self.delimited(first.mark, last.mark, row[1:-1], display=context.display)
        whole = _Piece(f"lr(size: #{size:g}em, {body})")
        return self.attached(whole, row[-1]) if isinstance(row[-1], Scripts) else whole

    def delimited(self, left: str, right: str, body: Row, *, display: bool) -> str:
        """Write delimiters and what they enclose, for Typst to stretch."""
        bare = _delimits(left, Atom.OPEN) and _delimits(right, Atom.CLOSE)
        inner = self.pieces(body, _Context(display, argument=not bare))
        marks = [_character(mark) if bare else _mark(mark) for mark in (left, right)]
        opening = _Piece(marks[0], after=False) if marks[0] else _Piece('""')
        closing = _Piece(marks[1], before=False) if marks[1] else _Piece('""')
        return _join([opening, *inner, closing])

    def fence(self, fence: Fence, context: _Context) -> _Piece:
        call = _CALLS.get((_character(fence.left), _character(fence.right)))
        if call and not any(_is_middle(node) for node in fence.body):
            return _Piece(f"{call}({self.argument(fence.body, display=context.display)})")
        body = self.delimited(fence.left, fence.right, fence.body, display=context.display)
        bare = _delimits(fence.left, Atom.OPEN) and _delimits(fence.right, Atom.CLOSE)
        return _Piece(body if bare else f"lr({body})")

    def scripts(self, node: Scripts, context: _Context) -> _Piece:
        base = node.base
        match base:
            case None:
                return self.attached(_Piece('""'), node)
            case Group(()):
                return self.attached(_Piece('""'), node)
            case Group(body):
                piece = self.one(body, context)
            case Command("\\overbrace" | "\\underbrace" as name, _, (argument,)):
                return self.brace(name, argument, node, context)
            case Text():
                *before, last = [self.run(run) for run in runs(base)] or [_Piece('""')]
                return _Piece(_join([*before, self.attached(last, node)]), spaced=True)
            case _:
                piece = _joined(self.node(base, context))
        return self.attached(piece, node)

    def one(self, body: Row, context: _Context) -> _Piece:
        """Write a group that carries scripts as one thing."""
        pieces = self.group(body, context)
        if len(pieces) == 1 and not pieces[0].scripted:
            return pieces[0]
        text = self.argument(body, display=context.display)
        return _Piece(f'class("normal", {text})')

    def attached(self, base: _Piece, node: Node) -> _Piece:
        """Write scripts behind their base."""
        if not isinstance(node, Scripts):
            raise TypeError(node)
        text = base.text or '""'
        if node.limits:
            call = "limits" if node.limits == "\\limits" else "scripts"
            text = f"{call}({_in_call(text)})"
        elif node.base is not None and _raises(node.base):
            text = f"scripts({_in_call(text)})"
        if base.scripted or text.startswith("#"):
            return self.attach(text, node)
        count = _primes(node)
        if count and _carries_prime(text):
            text += "'" * count
        elif node.sup is not None:
            sup = self.script(node.sup)
        if node.sub is not None:
            text += f"_{self.script(node.sub)}"
        if node.sup is not None and not (count and "'" in text):
            text += f"^{sup}" if not count else f"^{self.script(node.sup)}"
        return base._replace(text=text, after=True, scripted=True)

    def attach(self, text: str, node: Scripts) -> _Piece:
        """Write scripts by a call: the base has some already, or is code."""
        parts = [_in_call(text)]
        if node.sub is not None:
            parts.append(f"br: {self.argument(node.sub)}")
        if node.sup is not None:
            parts.append(f"tr: {self.argument(node.sup)}")
        return _Piece(f"attach({', '.join(parts)})", scripted=True)

    def script(self, row: Row) -> str:
        match row:
            case (Environment("substack" | "subarray") as rows,):
                cells = [self.text(line.cells[0], _Context(display=False)) for line in rows.lines]
                mark = "&" if "l" in rows.columns else ""
                return "(" + " \\ ".join(mark + (cell or '""') for cell in cells) + ")"
        text = self.text(row, _Context(display=False)) or '""'
        simple = _SIMPLE.fullmatch(text) or re.fullmatch(r'"[^"\\]*"', text)
        return text if simple else f"({text})"

    def brace(self, name: str, argument: Group, node: Scripts, context: _Context) -> _Piece:
        note = node.sup if name == "\\overbrace" else node.sub
        other = node.sub if name == "\\overbrace" else node.sup
        body = self.argument(argument, display=context.display)
        text = f"{name[1:]}({body}{f', {self.argument(note)}' if note is not None else ''})"
        if other is not None:
            mark = "_" if name == "\\overbrace" else "^"
            text = f"limits({text}){mark}{self.script(other)}"
        return _Piece(text, scripted=other is not None)

    def command(self, command: Command, context: _Context) -> _Piece:
        name = command.name[1:]
        if name in _FONTS:
            return self.font(_FONTS[name], command.arguments[0], context)
        if name in _ACCENTS or name in _BELOW:
            return self.accent(name, command.arguments[0], context)
        if name in _CLASSES:
            body = self.argument(command.arguments[0], display=context.display)
            return _Piece(f'class("{_CLASSES[name]}", {body})')
        handler = _COMMANDS.get(command.name)
        if handler:
            return handler(self, command, context)
        self.warnings.append(f"{command.name} is not known; its name is written as text")
        body = _join(
            [
                _Piece(_quoted(command.name)),
                *(
                    piece
                    for group in command.arguments
                    for piece in self.pieces(group.body, context)
                ),
            ]
        )
        return _Piece(body, spaced=True)

    def font(self, fonts: tuple[str, ...], argument: Group, context: _Context) -> _Piece:
        word = "".join(node.token for node in argument.body if isinstance(node, Word))
        letters = len(word) == len(argument.body) > 1 and word.isascii() and word.isalnum()
        if fonts == ("upright",) and letters:
            return _Piece(f'"{word}"', spaced=True)
        if fonts == ("bb",) and word in _DOUBLED and len(argument.body) == 1:
            return _Piece(word * 2)
        text = self.argument(argument, display=context.display)
        if not fonts:
            return _Piece(self.text(argument.body, context))
        for font in reversed(fonts):
            text = f"{font}({text})"
        return _Piece(text)

    def accent(self, name: str, argument: Group, context: _Context) -> _Piece:
        body = self.argument(argument, display=context.display)
        if name in _BELOW:
            return _Piece(f'accent({body}, "\\u{{{_BELOW[name]}}}")')
        dotted = ", dotless: #false" if body in ("i", "j") and "line" not in name else ""
        return _Piece(f"{_ACCENTS[name]}({body}{dotted})")

    def fraction(self, command: Command, context: _Context) -> _Piece:
        style = {"\\dfrac": True, "\\dbinom": True, "\\cfrac": True}.get(
            command.name, False if command.name in ("\\tfrac", "\\tbinom") else context.display
        )
        inner = command.name == "\\cfrac"
        bodies = [self.argument(argument) for argument in command.arguments]
        if inner:
            bodies = [self.in_display(argument) for argument in command.arguments]
            if command.option:
                self.warnings.append("\\cfrac: its numerator is centred")
        text = f"{'binom' if 'binom' in command.name else 'frac'}({bodies[0]}, {bodies[1]})"
        if style != context.display:
            text = f"{'display' if style else 'inline'}({text})"
        return _Piece(text)

    def in_display(self, argument: Group) -> str:
        body = self.argument(argument, display=True)
        return f"display({body})" if _shrinks(argument.body) else body

    def stack(self, command: Command, context: _Context) -> _Piece:
        mark = command.name[len("\\genfrac{")].removeprefix("}").replace("\\", "{")
        delimiter = f'"{mark}"' if mark else "#none"
        top, bottom = (self.argument(argument) for argument in command.arguments)
        return self.boxed_rows(f"vec(delim: {delimiter}, {top}, {bottom})", context)

    def root(self, command: Command, context: _Context) -> _Piece:
        body = self.argument(command.arguments[0], display=context.display)
        if command.option:
            return _Piece(f"root({self.argument(command.option)}, {body})")
        return _Piece(f"sqrt({body})")

    def box(self, command: Command, _: _Context) -> _Piece:
        body = self.argument(command.arguments[0], display=True)
        return _Piece(f"#box(stroke: 0.4pt, inset: 3pt, $display({body})$)", spaced=True)

    def unseen(self, command: Command, context: _Context) -> _Piece:
        body = self.argument(command.arguments[0], display=context.display)
        hidden = f"hide(${'display' if context.display else 'inline'}({body})$)"
        side = {"\\hphantom": "height", "\\vphantom": "width"}.get(command.name)
        return _Piece(f"#box({side}: 0pt, {hidden})" if side else f"#{hidden}", spaced=True)

    def smash(self, command: Command, context: _Context) -> _Piece:
        self.warnings.append("\\smash: its argument keeps its height")
        return _joined(self.group(command.arguments[0].body, context))

    def operator(self, command: Command, context: _Context) -> _Piece:
        row = command.arguments[0].body
        words = [node.token for node in row if isinstance(node, Word)]
        text = "".join(" " if word == "\\," else word for word in words)
        plain = len(words) == len(row) and text.replace(" ", "").isalnum() and text.isascii()
        limits = "" if command.name == "\\operatorname" else ", limits: #true"
        if command.name == "\\mathop":
            return _Piece(f"op({self.argument(row, display=context.display)}{limits})")
        if plain and not limits and text in FUNCTIONS.values():
            return _Piece(_function(text))
        body = f'"{text}"' if plain else f"upright({self.argument(row)})"
        return _Piece(f"op({body}{limits})")

    def lone_brace(self, command: Command, context: _Context) -> _Piece:
        body = self.argument(command.arguments[0], display=context.display)
        return _Piece(f"{command.name[1:]}({body})")

    def over(self, command: Command, context: _Context) -> _Piece:
        r"""`\overset`, `\underset` and `\stackrel`."""
        script, base = command.arguments
        mark = "_" if command.name == "\\underset" else "^"
        body = self.argument(base, display=context.display)
        text = f"limits({body}){mark}{self.script(script.body)}"
        if command.name == "\\stackrel" and not _raises_row(base.body):
            text = f'class("relation", {text})'
            return _Piece(text)
        return _Piece(text, scripted=True)

    def long_arrow(self, command: Command, _: _Context) -> _Piece:
        text = "stretch(->)" if command.name == "\\xrightarrow" else "stretch(<-)"
        if command.arguments[0].body:
            text += f"^{self.script(command.arguments[0].body)}"
        if command.option:
            text += f"_{self.script(command.option)}"
        return _Piece(text, scripted=True)

    def modulo(self, command: Command, context: _Context) -> _Piece:
        body = self.text(command.arguments[0].body, _Context(display=context.display))
        if command.name == "\\mod":
            row = self.pieces(command.arguments[0].body, context)
            return _Piece(_join([_Piece("quad"), _Piece("mod"), *row]))
        inner = [_Piece("mod")] if command.name == "\\pmod" else []
        marks = [_Piece("(", after=False), *inner, _Piece(body), _Piece(")", before=False)]
        return _Piece(_join([_Piece("quad"), *marks]))

    def environment(self, environment: Environment, context: _Context) -> _Piece:
        self.gaps(environment)
        name = environment.name
        if name in ("substack", "subarray"):
            mark = "&" if "l" in environment.columns else ""
            cells = ", ".join(mark + self.argument(line.cells[0]) for line in environment.lines)
            return _Piece(f"inline(vec(delim: #none, {cells}))")
        if name in _MULTILINE:
            lines = ", ".join(self.display_line(line) for line in environment.lines)
            return self.boxed_rows(f"vec(delim: #none, gap: #0.6em, {lines})", context)
        if name == "cases":
            return self.boxed_rows(self.cases(environment), context)
        text = self.matrix(environment)
        if name == "smallmatrix":
            return _Piece(f"inline({text})")
        return self.boxed_rows(text, context)

    def boxed_rows(self, text: str, context: _Context) -> _Piece:
        return _Piece(text if context.display else f"display({text})")

    def display_line(self, line: Line) -> str:
        return (
            _aligned([self.in_display(Group(cell)) if cell else "" for cell in line.cells]) or '""'
        )

    def cases(self, environment: Environment) -> str:
        rows = []
        for line in environment.lines:
            cells = [self.text(cell, _ARGUMENT) for cell in line.cells]
            rows.append(_aligned(["", *_apart(cells)]) if len(cells) > 1 else f"&{cells[0]}")
        return f"cases({', '.join(rows)})"

    def matrix(self, environment: Environment) -> str:
        columns = environment.columns.replace("|", "")
        kinds = set(columns)
        parts = []
        if environment.name != "pmatrix":
            parts.append(f"delim: {_DELIMITERS[environment.name]}")
        if augment := self.augment(environment):
            parts.append(augment)
        rows = []
        for line in environment.lines:
            cells = [self.argument(cell) for cell in line.cells]
            cells += ['""'] * (len(columns) - len(cells))
            if kinds - {"c"}:
                cells = [_in_column(*pair) for pair in zip(cells, columns, strict=False)]
            rows.append(", ".join(cells))
        return f"mat({', '.join([*parts, '; '.join(rows)])})"

    def augment(self, environment: Environment) -> str:
        """Write the rules of a matrix, or nothing."""
        verticals: list[int] = []
        column = 0
        for letter in environment.columns:
            if letter == "|":
                verticals.append(column)
            else:
                column += 1
        lines = environment.lines
        levels = [(number, line.rules) for number, line in enumerate(lines)]
        levels.append((len(lines), environment.rules_below))
        if len(set(verticals)) < len(verticals) or any(rules > 1 for _, rules in levels):
            self.warnings.append("a double rule is drawn as one")
        sides = {
            "hline": [number for number, rules in levels if rules],
            "vline": sorted(set(verticals)),
        }
        written = [
            f"{side}: ({', '.join(map(str, places))},)" for side, places in sides.items() if places
        ]
        return f"augment: #({', '.join(written)})" if written else ""

    def gaps(self, environment: Environment) -> None:
        if any(line.gap for line in environment.lines):
            self.warnings.append("the extra space between rows is left out")


_Handler = Callable[[_Writer, Command, _Context], _Piece]
_COMMANDS: dict[str, _Handler] = {
    **dict.fromkeys(
        ("\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\binom", "\\dbinom", "\\tbinom"),
        _Writer.fraction,
    ),
    **dict.fromkeys(STACKS.values(), _Writer.stack),
    "\\sqrt": _Writer.root,
    "\\boxed": _Writer.box,
    "\\phantom": _Writer.unseen,
    "\\hphantom": _Writer.unseen,
    "\\vphantom": _Writer.unseen,
    "\\smash": _Writer.smash,
    "\\operatorname": _Writer.operator,
    "\\operatorname*": _Writer.operator,
    "\\mathop": _Writer.operator,
    "\\overbrace": _Writer.lone_brace,
    "\\underbrace": _Writer.lone_brace,
    "\\stackrel": _Writer.over,
    "\\overset": _Writer.over,
    "\\underset": _Writer.over,
    "\\xrightarrow": _Writer.long_arrow,
    "\\xleftarrow": _Writer.long_arrow,
    "\\pmod": _Writer.modulo,
    "\\pod": _Writer.modulo,
    "\\mod": _Writer.modulo,
}
_UPPERCASE = {NAME_OF[character] for character in "ΓΔΘΛΞΠΣΥΦΨΩ"}
_DOUBLED = frozenset("CNQRZ")
_PLAIN = frozenset((Atom.ORD, Atom.NONE))
_FUNCTION_NAMES = frozenset(
    """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim ln log max
min Pr sec sin sinh sup tan tanh liminf limsup
""".split()
)


def _function(name: str) -> str:
    word = name.replace(" ", "")
    if word in _FUNCTION_NAMES:
        return word
    return f'op("{name}", limits: #true)'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _character(token: str) -> str:
    """Write a symbol, not escaped where it delimits."""
    text = SYMBOLS.get(token, token) if len(token) > 1 else token
    if text in NAME_OF:
        return NAME_OF[text]
    return f"\\{text}" if text in _ESCAPED else text


def _delimits(token: str, *atoms: Atom) -> bool:
    """Whether Typst takes a token for one half of a pair."""
    entry = COMMANDS.get(SYNONYMS.get(token, token))
    if entry is None or token in ("!", "?") or SYMBOLS.get(token, token) in _FENCES:
        return False
    return entry.atom in (atoms or (Atom.OPEN, Atom.CLOSE))


def _mark(token: str) -> str:
    """Write a delimiter on its own; nothing for the invisible one."""
    if token == ".":
        return ""
    text = _character(token)
    return f"\\{text}" if _delimits(token) else text


def _negated(token: str) -> str:
    character = SYMBOLS.get(token, token)
    struck = negated(character)
    if len(struck) == 1:
        return NAME_OF.get(struck, struck)
    return f'accent({_mark(token)}, "\\u{{338}}")'


def _atom(node: Node) -> Atom:
    entry = COMMANDS.get(node.token if isinstance(node, Word) else "")
    return entry.atom if entry else Atom.ORD


def _raises(base: Node) -> bool:
    """Whether Typst would put scripts above and below where TeX puts them beside."""
    match base:
        case Word():
            return _atom(base) is Atom.REL
        case Command("\\mathrel" | "\\stackrel"):
            return True
    return False


def _raises_row(row: Row) -> bool:
    return len(row) == 1 and _raises(row[0])


def _is_middle(node: Node) -> bool:
    return isinstance(node, Word) and node.token.startswith("\\middle")


def _shrinks(row: Row) -> bool:
    """Whether text style would change a row."""
    for node in walk(row):
        match node:
            case Command(name) if name in _SHRINKING:
                return True
            case Word() if _atom(node) is Atom.OP:
                return True
            case Environment() | Command("\\mathop" | "\\operatorname*"):
                return True
    return False


def _closer(node: Node) -> Node:
    """Return the delimiter that a node is, its scripts aside."""
    return node.base if isinstance(node, Scripts) and node.base is not None else node


def _pairs(row: Row) -> dict[int, int]:
    """Find delimiters that belong together and may stand bare, opening ones first."""
    pairs: dict[int, int] = {}
    waiting: list[int] = []
    for index, node in enumerate(row):
        mark = _closer(node)
        if _opens(mark):
            if node == mark:
                waiting.append(index)
        elif _closes(mark):
            start = waiting.pop() if waiting else index
            if _match(row[start], mark) and (_is_sized(mark) or _flat(row[start + 1 : index])):
                pairs[start] = index
            elif type(row[start]) is not type(mark):
                waiting.clear()
    return _unnested(pairs)


def _is_sized(node: Node) -> bool:
    return isinstance(node, Sized)


def _opens(node: Node) -> bool:
    match node:
        case Word(token):
            return _delimits(token, Atom.OPEN)
        case Sized(name):
            return name.endswith("l")
    return False


def _closes(node: Node) -> bool:
    match node:
        case Word(token):
            return _delimits(token, Atom.CLOSE)
        case Sized(name):
            return name.endswith("r")
    return False


def _match(first: Node, last: Node) -> bool:
    """Whether an opening and a closing delimiter are of one size."""
    match first, last:
        case Sized(name=opening), Sized(name=closing):
            return opening[:-1] == closing[:-1] and opening != closing
        case Word(), Word():
            return first != last
    return False


def _unnested(pairs: dict[int, int]) -> dict[int, int]:
    """Leave out bare pairs that overlap others without lying inside of them."""
    return {
        start: end
        for start, end in pairs.items()
        if not any(start < other < end < last for other, last in pairs.items())
        and not any(other < start < last < end for other, last in pairs.items())
    }


def _flat(row: Row) -> bool:
    """Whether a row is no taller than a parenthesis, so that Typst does not stretch that."""
    return all(_is_flat(node) for node in row)


def _is_flat(node: Node) -> bool:
    match node:
        case Word(token):
            if token in _STYLES or token.startswith(("\\rule", "\\middle")):
                return False
            entry = COMMANDS.get(token)
            return not (entry and entry.atom is Atom.OP and token not in FUNCTIONS)
        case Group(body):
            return _flat(body)
        case Command(name, _, (Group(body),)):
            known = name[1:] in _FONTS or name[1:] in _ACCENTS or name.startswith("\\operatorname")
            return known and _flat(body)
        case Text("\\fbox"):
            return False
        case Text():
            return True
        case Scripts(base, sub, sup):
            return (base is None or _is_flat(base)) and all(
                _is_small(script) for script in (sub, sup) if script is not None
            )
    return False


def _is_small(row: Row) -> bool:
    """Whether a script is one line of plain symbols."""
    return all(
        isinstance(node, Word) or (isinstance(node, Command) and _is_flat(node)) for node in row
    ) and _flat(row)


def _separates_digits(row: Row, index: int) -> bool:
    """Whether a point, or a comma in braces, stands between two digits."""
    node = row[index]
    comma = isinstance(node, Group) and node.body == (Word(","),)
    if not (comma or (isinstance(node, Word) and node.token == ".")):
        return False
    if not 0 < index < len(row) - 1:
        return False
    before, after = row[index - 1], _closer(row[index + 1])
    return all(isinstance(side, Word) and side.token.isdigit() for side in (before, after))


def _primes(node: Scripts) -> int:
    """Count the primes that are all of a superscript."""
    row = node.sup or ()
    return len(row) if all(item == Word("\\prime") for item in row) else 0


def _carries_prime(text: str) -> bool:
    return bool(re.search(r"[A-Za-z)\]0-9]$", text)) and not text.startswith(
        ("limits(", "scripts(")
    )


def _in_call(text: str) -> str:
    """Escape a lone comma that becomes an argument."""
    return f"\\{text}" if text in (",", ";") else text


def _joined(pieces: list[_Piece]) -> _Piece:
    if len(pieces) == 1:
        return pieces[0]
    return _Piece(_join(pieces) or '""', spaced=any(piece.spaced for piece in pieces))


def _apart(cells: list[str]) -> list[str]:
    """Put `cases` cells into left-aligned columns, a quad apart."""
    spread = [cells[0]]
    for cell in cells[1:]:
        spread[-1] += "quad" if spread[-1].endswith('"') else " quad"
        spread += ["", cell]
    return spread


def _aligned(cells: list[str]) -> str:
    text = ""
    for number, cell in enumerate(cells):
        if number:
            text += "&" if not text or text.endswith(('"', "&")) else " &"
        text += cell
    return text


def _in_column(cell: str, column: str) -> str:
    if column == "l":
        return f"&{cell}"
    return cell + ("&" if cell.endswith('"') else " &") if column == "r" else cell


def _join(pieces: Sequence[_Piece]) -> str:
    """Put the pieces of a row together, with white space where it prints nothing."""
    text = ""
    last = _Piece("")
    for piece in pieces:
        if not piece.text:
            continue
        if text:
            text += _between(last, piece)
        text += piece.text
        last = piece
    return text


def _between(left: _Piece, right: _Piece) -> str:
    touching = left.text[-1] + right.text[0]
    if _JOINED.fullmatch(touching):
        return '""'
    if left.spaced or right.spaced:
        return "" if _may_touch(left.text, right.text) else '""'
    if not (left.after and right.before):
        if left.text == "." or right.text == ".":
            return ""
        return "" if _may_touch(left.text, right.text) or right.text[0] in ")],.;\\" else " "
    if left.text[-1].isdigit() and left.text.isdigit() and right.text[0].isdigit():
        return ""
    called = re.fullmatch(r"[A-Za-z]'*", left.text) and right.text[0] == "("
    return "" if called else " "


def _may_touch(left: str, right: str) -> bool:
    """Whether two pieces without white space between them still read as two."""
    if '"' in (left[-1], right[0]):
        return True
    if right[0] in "([." or right.startswith(("'", "_", "^")):
        return left[-1] in "(["
    word_ends = left[-1].isalnum() or left[-1] == "."
    word_begins = right[0].isalnum()
    return not (word_ends and word_begins)
