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

from im2latex_cli.formats.characters import (
    DECORATED_LIMITS,
    FUNCTIONS,
    SIZES_EM,
    SYMBOLS,
)
from im2latex_cli.formats.result import Conversion
from im2latex_cli.formats.runs import runs
from im2latex_cli.formats.typst_pieces import decorated_limit, distance, rule, space, text_run
from im2latex_cli.formats.typst_rows import (
    PLAIN,
    Context,
    Piece,
    as_one,
    atom_of,
    bare_pairs,
    carried,
    join_pieces,
    raises,
    raises_row,
    separates_digits,
    shrinks,
)
from im2latex_cli.formats.typst_symbols import (
    ACCENTS,
    BELOW,
    CALLS,
    CLASSES,
    DOUBLED,
    FENCES,
    FONTS,
    STYLES,
    UPPERCASE,
    character,
    delimits,
    function,
    lone_delimiter,
    negation,
    quoted,
)
from im2latex_cli.formats.typst_tables import aligned, cases, has_double_rule, matrix
from im2latex_cli.latex.commands import COMMANDS, STACKS, Atom, Kind
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
)

_MULTILINE = frozenset(("aligned", "alignedat", "gathered"))

_SIMPLE = re.compile(r"[A-Za-z]|[0-9]+(\.[0-9]+)?|[A-Za-z][A-Za-z.]+|[+*-]|[^\x00-\x7f]")


def typst(tokens: Sequence[str]) -> Conversion:
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
        return Conversion(quoted(join_latex(tokens)), (f"the formula is text: {error}",))
    writer = _Writer()
    return Conversion(writer.formula(row), tuple(dict.fromkeys(writer.warnings)))


_ARGUMENT = Context(display=False, argument=True)


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
                    aligned([self.text(cell, Context()) for cell in line.cells])
                    for line in environment.lines
                )
        return self.text(row, Context()) or '""'

    def text(self, row: Row, context: Context) -> str:
        return join_pieces(self.pieces(row, context))

    def argument(self, group: Group | Row, *, display: bool = False) -> str:
        """Write an argument of a function call; it is never empty."""
        row = group.body if isinstance(group, Group) else group
        return self.text(row, Context(display, argument=True)) or '""'

    def pieces(self, row: Row, context: Context) -> list[Piece]:
        """Write the nodes of a row, pairs of delimiters and style switches among them."""
        pairs = bare_pairs(row)
        pieces: list[Piece] = []
        inside = 0  # open bare pairs: commas there end no argument
        index = 0
        while index < len(row):
            node = row[index]
            here = context._replace(argument=context.argument and not inside)
            if isinstance(node, Word) and node.token in STYLES:
                return [*pieces, *self.styled(node.token, row[index + 1 :])]
            if isinstance(node, Sized) and index in pairs:
                end = pairs[index]
                pieces.append(self.sized_pair(row[index : end + 1], here))
                index = end + 1
                continue
            if index in pairs and isinstance(node, Word):
                inside += 1
                pieces.append(Piece(character(node.token), after=False))
            elif isinstance(closer := carried(node), Word) and index in pairs.values():
                inside -= 1
                piece = Piece(character(closer.token), before=False)
                pieces.append(self.attached(piece, node) if node != closer else piece)
            elif isinstance(node, Word) and node.token == "\\not" and index + 1 < len(row):
                pieces.append(self.negation(row[index + 1], here))
                index += 1
            elif separates_digits(row, index):
                mark = "." if isinstance(node, Word) else '","'
                pieces.append(Piece(mark, before=False, after=False))
            else:
                pieces += self.node(node, here)
            index += 1
        return pieces

    def styled(self, style: str, rest: Row) -> list[Piece]:
        if not rest:
            return []
        body = self.argument(rest, display=style == "\\displaystyle")
        return [Piece(f"{STYLES[style]}({body})")]

    def node(self, node: Node, context: Context) -> list[Piece]:
        match node:
            case Word(token):
                return [self.word(token, context)]
            case Group(body):
                return self.group(body, context)
            case Command():
                return [self.command(node, context)]
            case Text():
                return [text_run(run) for run in runs(node)]
            case Sized(name, mark):
                return [self.sized(name, mark)]
            case Scripts():
                return [self.scripts(node, context)]
            case Fence():
                return [self.fence(node, context)]
            case Environment():
                return [self.environment(node, context)]

    def word(self, token: str, context: Context) -> Piece:
        entry = COMMANDS.get(token)
        if entry and entry.kind is Kind.SPACE:
            return space(token)
        if token.startswith(("\\hspace{", "\\mspace{")):
            return distance(token)
        if token.startswith("\\rule{"):
            return rule(token)
        if token.startswith("\\middle"):
            mark = lone_delimiter(token.removeprefix("\\middle"))
            return Piece(f"mid({mark})")
        if token in ("\\mathstrut", "\\strut"):
            return Piece("#box(width: 0pt, hide($\\($))", spaced=True)
        if token in DECORATED_LIMITS:
            return decorated_limit(token)
        return self.symbol(token, context)

    def symbol(self, token: str, context: Context) -> Piece:
        if token in FUNCTIONS:
            return Piece(function(FUNCTIONS[token]))
        if token == "\\bmod":
            return Piece("mod")
        if token in (",", ";"):
            return Piece(f"\\{token}" if context.argument else token, before=False)
        if token == "\\idotsint":
            return Piece("integral dots.c integral")
        if token == "\\not":
            return Piece("cancel(space)")
        if token not in COMMANDS and token not in SYMBOLS:
            self.warnings.append(f"{token} is not known; it is written as text")
            return Piece(quoted(token), spaced=True)
        text = character(token)
        if delimits(token):
            opens = delimits(token, Atom.OPEN)
            return Piece(f"\\{text}", before=opens, after=not opens)
        if text.isascii() and len(text) == 1 and token.isascii() and text == token[-1]:
            return Piece(text, spaced=text in FENCES)
        font = "italic({})" if token.startswith("\\var") and text in UPPERCASE else "{}"
        return Piece(font.format(text), spaced=text in FENCES)

    def group(self, body: Row, context: Context) -> list[Piece]:
        """Write a row in braces: TeX spaces it as one ordinary symbol."""
        if not body:
            return [Piece('""')]
        if len(body) == 1 and isinstance(body[0], Word) and atom_of(body[0]) not in PLAIN:
            text = self.argument(body, display=context.display)
            return [Piece(f'class("normal", {text})')]
        return self.pieces(body, context)

    def negation(self, node: Node, context: Context) -> Piece:
        if isinstance(node, Word) and len(SYMBOLS.get(node.token, node.token)) == 1:
            return Piece(negation(node.token))
        if isinstance(node, Scripts) and isinstance(node.base, Word):
            return self.attached(Piece(negation(node.base.token)), node)
        return Piece(f"cancel({self.argument((node,), display=context.display)})")

    def sized(self, name: str, mark: str) -> Piece:
        if mark == ".":
            return Piece('""')
        size = SIZES_EM[name.strip("\\").rstrip("lrm") if name[-1] in "lrm" else name[1:]]
        return Piece(f"lr(size: #{size:g}em, {lone_delimiter(mark)})")

    def sized_pair(self, row: Row, context: Context) -> Piece:
        r"""Write `\bigl(` to `\bigr)` as one call."""
        first, last = row[0], carried(row[-1])
        if not (isinstance(first, Sized) and isinstance(last, Sized)):
            raise TypeError(row)
        size = SIZES_EM[first.name[1:-1]]
        body = self.delimited(first.mark, last.mark, row[1:-1], display=context.display)
        whole = Piece(f"lr(size: #{size:g}em, {body})")
        return self.attached(whole, row[-1]) if isinstance(row[-1], Scripts) else whole

    def delimited(self, left: str, right: str, body: Row, *, display: bool) -> str:
        """Write delimiters and what they enclose, for Typst to stretch."""
        bare = delimits(left, Atom.OPEN) and delimits(right, Atom.CLOSE)
        inner = self.pieces(body, Context(display, argument=not bare))
        marks = [character(mark) if bare else lone_delimiter(mark) for mark in (left, right)]
        opening = Piece(marks[0], after=False) if marks[0] else Piece('""')
        closing = Piece(marks[1], before=False) if marks[1] else Piece('""')
        return join_pieces([opening, *inner, closing])

    def fence(self, fence: Fence, context: Context) -> Piece:
        call = CALLS.get((character(fence.left), character(fence.right)))
        if call and not any(_is_middle(node) for node in fence.body):
            return Piece(f"{call}({self.argument(fence.body, display=context.display)})")
        body = self.delimited(fence.left, fence.right, fence.body, display=context.display)
        bare = delimits(fence.left, Atom.OPEN) and delimits(fence.right, Atom.CLOSE)
        return Piece(body if bare else f"lr({body})")

    def scripts(self, node: Scripts, context: Context) -> Piece:
        base = node.base
        match base:
            case None:
                return self.attached(Piece('""'), node)
            case Group(()):
                return self.attached(Piece('""'), node)
            case Group(body):
                piece = self.one(body, context)
            case Command("\\overbrace" | "\\underbrace" as name, _, (argument,)):
                return self.brace(name, argument, node, context)
            case Text():
                *before, last = [text_run(run) for run in runs(base)] or [Piece('""')]
                return Piece(join_pieces([*before, self.attached(last, node)]), spaced=True)
            case _:
                piece = as_one(self.node(base, context))
        return self.attached(piece, node)

    def one(self, body: Row, context: Context) -> Piece:
        """Write a group that carries scripts as one thing."""
        pieces = self.group(body, context)
        if len(pieces) == 1 and not pieces[0].scripted:
            return pieces[0]
        text = self.argument(body, display=context.display)
        return Piece(f'class("normal", {text})')

    def attached(self, base: Piece, node: Node) -> Piece:
        """Write scripts behind their base."""
        if not isinstance(node, Scripts):
            raise TypeError(node)
        text = base.text or '""'
        if node.limits:
            call = "limits" if node.limits == "\\limits" else "scripts"
            text = f"{call}({_in_call(text)})"
        elif node.base is not None and raises(node.base):
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

    def attach(self, text: str, node: Scripts) -> Piece:
        """Write scripts by a call: the base has some already, or is code."""
        parts = [_in_call(text)]
        if node.sub is not None:
            parts.append(f"br: {self.argument(node.sub)}")
        if node.sup is not None:
            parts.append(f"tr: {self.argument(node.sup)}")
        return Piece(f"attach({', '.join(parts)})", scripted=True)

    def script(self, row: Row) -> str:
        match row:
            case (Environment("substack" | "subarray") as rows,):
                cells = [self.text(line.cells[0], Context(display=False)) for line in rows.lines]
                mark = "&" if "l" in rows.columns else ""
                return "(" + " \\ ".join(mark + (cell or '""') for cell in cells) + ")"
        text = self.text(row, Context(display=False)) or '""'
        simple = _SIMPLE.fullmatch(text) or re.fullmatch(r'"[^"\\]*"', text)
        return text if simple else f"({text})"

    def brace(self, name: str, argument: Group, node: Scripts, context: Context) -> Piece:
        note = node.sup if name == "\\overbrace" else node.sub
        other = node.sub if name == "\\overbrace" else node.sup
        body = self.argument(argument, display=context.display)
        text = f"{name[1:]}({body}{f', {self.argument(note)}' if note is not None else ''})"
        if other is not None:
            mark = "_" if name == "\\overbrace" else "^"
            text = f"limits({text}){mark}{self.script(other)}"
        return Piece(text, scripted=other is not None)

    def command(self, command: Command, context: Context) -> Piece:
        name = command.name[1:]
        if name in FONTS:
            return self.font(FONTS[name], command.arguments[0], context)
        if name in ACCENTS or name in BELOW:
            return self.accent(name, command.arguments[0], context)
        if name in CLASSES:
            body = self.argument(command.arguments[0], display=context.display)
            return Piece(f'class("{CLASSES[name]}", {body})')
        handler = _COMMANDS.get(command.name)
        if handler:
            return handler(self, command, context)
        self.warnings.append(f"{command.name} is not known; its name is written as text")
        body = join_pieces(
            [
                Piece(quoted(command.name)),
                *(
                    piece
                    for group in command.arguments
                    for piece in self.pieces(group.body, context)
                ),
            ]
        )
        return Piece(body, spaced=True)

    def font(self, fonts: tuple[str, ...], argument: Group, context: Context) -> Piece:
        word = "".join(node.token for node in argument.body if isinstance(node, Word))
        letters = len(word) == len(argument.body) > 1 and word.isascii() and word.isalnum()
        if fonts == ("upright",) and letters:
            return Piece(f'"{word}"', spaced=True)
        if fonts == ("bb",) and word in DOUBLED and len(argument.body) == 1:
            return Piece(word * 2)
        text = self.argument(argument, display=context.display)
        if not fonts:
            return Piece(self.text(argument.body, context))
        for font in reversed(fonts):
            text = f"{font}({text})"
        return Piece(text)

    def accent(self, name: str, argument: Group, context: Context) -> Piece:
        body = self.argument(argument, display=context.display)
        if name in BELOW:
            return Piece(f'accent({body}, "\\u{{{BELOW[name]}}}")')
        dotted = ", dotless: #false" if body in ("i", "j") and "line" not in name else ""
        return Piece(f"{ACCENTS[name]}({body}{dotted})")

    def fraction(self, command: Command, context: Context) -> Piece:
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
        return Piece(text)

    def in_display(self, argument: Group) -> str:
        body = self.argument(argument, display=True)
        return f"display({body})" if shrinks(argument.body) else body

    def stack(self, command: Command, context: Context) -> Piece:
        mark = command.name[len("\\genfrac{")].removeprefix("}").replace("\\", "{")
        delimiter = f'"{mark}"' if mark else "#none"
        top, bottom = (self.argument(argument) for argument in command.arguments)
        return self.boxed_rows(f"vec(delim: {delimiter}, {top}, {bottom})", context)

    def root(self, command: Command, context: Context) -> Piece:
        body = self.argument(command.arguments[0], display=context.display)
        if command.option:
            return Piece(f"root({self.argument(command.option)}, {body})")
        return Piece(f"sqrt({body})")

    def box(self, command: Command, _: Context) -> Piece:
        body = self.argument(command.arguments[0], display=True)
        return Piece(f"#box(stroke: 0.4pt, inset: 3pt, $display({body})$)", spaced=True)

    def unseen(self, command: Command, context: Context) -> Piece:
        body = self.argument(command.arguments[0], display=context.display)
        hidden = f"hide(${'display' if context.display else 'inline'}({body})$)"
        side = {"\\hphantom": "height", "\\vphantom": "width"}.get(command.name)
        return Piece(f"#box({side}: 0pt, {hidden})" if side else f"#{hidden}", spaced=True)

    def smash(self, command: Command, context: Context) -> Piece:
        self.warnings.append("\\smash: its argument keeps its height")
        return as_one(self.group(command.arguments[0].body, context))

    def operator(self, command: Command, context: Context) -> Piece:
        row = command.arguments[0].body
        words = [node.token for node in row if isinstance(node, Word)]
        text = "".join(" " if word == "\\," else word for word in words)
        plain = len(words) == len(row) and text.replace(" ", "").isalnum() and text.isascii()
        limits = "" if command.name == "\\operatorname" else ", limits: #true"
        if command.name == "\\mathop":
            return Piece(f"op({self.argument(row, display=context.display)}{limits})")
        if plain and not limits and text in FUNCTIONS.values():
            return Piece(function(text))
        body = f'"{text}"' if plain else f"upright({self.argument(row)})"
        return Piece(f"op({body}{limits})")

    def lone_brace(self, command: Command, context: Context) -> Piece:
        body = self.argument(command.arguments[0], display=context.display)
        return Piece(f"{command.name[1:]}({body})")

    def over(self, command: Command, context: Context) -> Piece:
        r"""`\overset`, `\underset` and `\stackrel`."""
        script, base = command.arguments
        mark = "_" if command.name == "\\underset" else "^"
        body = self.argument(base, display=context.display)
        text = f"limits({body}){mark}{self.script(script.body)}"
        if command.name == "\\stackrel" and not raises_row(base.body):
            text = f'class("relation", {text})'
            return Piece(text)
        return Piece(text, scripted=True)

    def long_arrow(self, command: Command, _: Context) -> Piece:
        text = "stretch(->)" if command.name == "\\xrightarrow" else "stretch(<-)"
        if command.arguments[0].body:
            text += f"^{self.script(command.arguments[0].body)}"
        if command.option:
            text += f"_{self.script(command.option)}"
        return Piece(text, scripted=True)

    def modulo(self, command: Command, context: Context) -> Piece:
        body = self.text(command.arguments[0].body, Context(display=context.display))
        if command.name == "\\mod":
            row = self.pieces(command.arguments[0].body, context)
            return Piece(join_pieces([Piece("quad"), Piece("mod"), *row]))
        inner = [Piece("mod")] if command.name == "\\pmod" else []
        marks = [Piece("(", after=False), *inner, Piece(body), Piece(")", before=False)]
        return Piece(join_pieces([Piece("quad"), *marks]))

    def environment(self, environment: Environment, context: Context) -> Piece:
        self.gaps(environment)
        name = environment.name
        if name in ("substack", "subarray"):
            mark = "&" if "l" in environment.columns else ""
            cells = ", ".join(mark + self.argument(line.cells[0]) for line in environment.lines)
            return Piece(f"inline(vec(delim: #none, {cells}))")
        if name in _MULTILINE:
            lines = ", ".join(self.display_line(line) for line in environment.lines)
            return self.boxed_rows(f"vec(delim: #none, gap: #0.6em, {lines})", context)
        if name == "cases":
            rows = [
                [self.text(cell, _ARGUMENT) for cell in line.cells] for line in environment.lines
            ]
            return self.boxed_rows(cases(rows), context)
        if has_double_rule(environment):
            self.warnings.append("a double rule is drawn as one")
        rows = [[self.argument(cell) for cell in line.cells] for line in environment.lines]
        text = matrix(environment, rows)
        if name == "smallmatrix":
            return Piece(f"inline({text})")
        return self.boxed_rows(text, context)

    def boxed_rows(self, text: str, context: Context) -> Piece:
        return Piece(text if context.display else f"display({text})")

    def display_line(self, line: Line) -> str:
        return (
            aligned([self.in_display(Group(cell)) if cell else "" for cell in line.cells]) or '""'
        )

    def gaps(self, environment: Environment) -> None:
        if any(line.gap for line in environment.lines):
            self.warnings.append("the extra space between rows is left out")


_Handler = Callable[[_Writer, Command, Context], Piece]

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


def _is_middle(node: Node) -> bool:
    return isinstance(node, Word) and node.token.startswith("\\middle")


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
