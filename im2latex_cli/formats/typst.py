r"""Formulas as Typst mathematics.

`typst` writes the content of a displayed equation, between the dollars of `$ ... $`, for Typst 0.13
and later. Symbols have their names where these never changed between releases (`alpha`, `times`,
`->`), else they are Unicode characters, which every release reads.

Where both languages differ:

- Typst stretches any matching parentheses, TeX only `\left(`. Bare ones enclose what is no
  taller than they are; others are written `\(`, which Typst leaves alone.
- Typst prints the white space beside quoted text, `|` and code, so none is written there, and an
  empty string separates what must not touch.
- Cells of `mat`, `vec` and `cases` shrink in text style, so that these are wrapped in
  `display(...)` if the formula is not in display style.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from im2latex_cli.formats import Conversion
from im2latex_cli.formats.characters import (
    DECORATED_LIMITS,
    FUNCTIONS,
    SIZES_EM,
    SYMBOLS,
    struck_character,
    struck_index,
)
from im2latex_cli.formats.runs import has_negative_space, runs
from im2latex_cli.formats.typst_rows import (
    PLAIN,
    Context,
    RowPart,
    as_one,
    atom_of,
    bare_pairs,
    carried,
    carries_prime,
    decorated_limit,
    distance,
    in_call,
    join_pieces,
    raises,
    raises_row,
    rule,
    separates_digits,
    shrinks,
    space,
    text_run,
)
from im2latex_cli.formats.typst_symbols import (
    ACCENTS,
    BELOW,
    CALLS,
    CLASSES,
    DOUBLED,
    FENCES,
    FONTS,
    RIGID,
    STYLES,
    UPPERCASE,
    cases,
    character,
    delimits,
    function,
    join_cells,
    lone_delimiter,
    losses,
    matrix,
    negation,
    quote,
    stretching,
)
from im2latex_cli.latex.commands import COMMANDS, STACKS, Atom, CommandKind
from im2latex_cli.latex.tokenizer import join as join_latex
from im2latex_cli.latex.tree import (
    BigDelimiter,
    Command,
    Environment,
    Fence,
    Group,
    Line,
    MalformedError,
    Node,
    Row,
    Scripts,
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
        One line. What Typst cannot express becomes quoted text, with a warning; so does a
        whole formula that is not well-formed.
    """
    try:
        row = parse(tokens)
    except MalformedError as error:
        return Conversion(quote(join_latex(tokens)), (f"the formula is text: {error}",))
    writer = _TypstWriter()
    return Conversion(writer.formula(row), tuple(dict.fromkeys(writer.warnings)))


_ARGUMENT = Context(display=False, argument=True)


@dataclass(slots=True)
class _TypstWriter:
    """Writes one formula; collects its warnings."""

    warnings: list[str] = field(default_factory=list)

    def formula(self, row: Row) -> str:
        """Write the whole formula; a lone display becomes lines of the equation itself."""
        match row:
            case (Environment(name=name) as environment,) if name in _MULTILINE:
                self.warnings += losses(environment)
                return " \\ ".join(
                    join_cells([self.text(cell, Context()) for cell in line.cells])
                    for line in environment.lines
                )
        return self.text(row, Context()) or '""'

    def text(self, row: Row, context: Context) -> str:
        return join_pieces(self.pieces(row, context))

    def argument(self, group: Group | Row, *, display: bool = False) -> str:
        """Write an argument of a function call; it is never empty."""
        row = group.body if isinstance(group, Group) else group
        return self.text(row, Context(display, argument=True)) or '""'

    def pieces(self, row: Row, context: Context) -> list[RowPart]:
        """Write the nodes of a row, pairs of delimiters and style switches among them."""
        pairs = bare_pairs(row)
        pieces: list[RowPart] = []
        inside = 0  # open bare pairs: commas there end no argument
        index = 0
        while index < len(row):
            node = row[index]
            here = context._replace(argument=context.argument and not inside)
            if isinstance(node, Word) and node.token in STYLES:
                return [*pieces, *self.styled(node.token, row[index + 1 :])]
            if isinstance(node, BigDelimiter) and index in pairs:
                end = pairs[index]
                pieces.append(self.sized_pair(row[index : end + 1], here))
                index = end + 1
                continue
            if index in pairs and isinstance(node, Word):
                inside += 1
                pieces.append(RowPart(character(node.token), after=False))
            elif isinstance(closer := carried(node), Word) and index in pairs.values():
                inside -= 1
                piece = RowPart(character(closer.token), before=False)
                pieces.append(self.attached(piece, node) if node != closer else piece)
            elif node == Word("\\not") and (struck := struck_index(row, index)) is not None:
                pieces.append(self.negation(row[struck], here))
                index = struck
            elif separates_digits(row, index):
                mark = "." if isinstance(node, Word) else '","'
                pieces.append(RowPart(mark, before=False, after=False))
            else:
                pieces += self.node(node, here)
            index += 1
        return pieces

    def styled(self, style: str, rest: Row) -> list[RowPart]:
        if not rest:
            return []
        body = self.argument(rest, display=style == "\\displaystyle")
        return [RowPart(f"{STYLES[style]}({body})")]

    def node(self, node: Node, context: Context) -> list[RowPart]:
        match node:
            case Word(token):
                return [self.word(token, context)]
            case Group(body):
                return self.group(body, context)
            case Command():
                return [self.command(node, context)]
            case Text():
                return self.text_runs(node)
            case BigDelimiter(name, mark):
                return [self.sized(name, mark)]
            case Scripts():
                return [self.scripts(node, context)]
            case Fence():
                return [self.fence(node, context)]
            case Environment():
                return [self.environment(node, context)]

    def text_runs(self, text: Text) -> list[RowPart]:
        if has_negative_space(text):
            self.warnings.append("a negative space in text is left out")
        return [text_run(run) for run in runs(text)]

    def word(self, token: str, context: Context) -> RowPart:
        entry = COMMANDS.get(token)
        if entry and entry.kind is CommandKind.SPACE:
            return space(token)
        if token.startswith(("\\hspace{", "\\mspace{")):
            return distance(token)
        if token.startswith("\\rule{"):
            return rule(token)
        if token.startswith("\\middle"):
            mark = self.lone(token.removeprefix("\\middle"))
            return RowPart(f"mid({mark})")
        if token in ("\\mathstrut", "\\strut"):
            return RowPart("#box(width: 0pt, hide($\\($))", spaced=True)
        if token in DECORATED_LIMITS:
            return decorated_limit(token)
        return self.symbol(token, context)

    def symbol(self, token: str, context: Context) -> RowPart:
        if token in FUNCTIONS:
            return RowPart(function(FUNCTIONS[token]))
        if token == "\\bmod":
            return RowPart("mod")
        if token in (",", ";"):
            return RowPart(f"\\{token}" if context.argument else token, before=False)
        if token == "\\idotsint":
            return RowPart("integral dots.c integral")
        if token == "\\not":
            return RowPart("#box(width: 0pt, $\\/$)", spaced=True)
        if token not in COMMANDS and token not in SYMBOLS:
            self.warnings.append(f"{token} is not known; it is written as text")
            return RowPart(quote(token), spaced=True)
        text = character(token)
        if delimits(token):
            opens = delimits(token, Atom.OPEN)
            return RowPart(f"\\{text}", before=opens, after=not opens)
        if text.isascii() and len(text) == 1 and token.isascii() and text == token[-1]:
            return RowPart(text, spaced=text in FENCES)
        font = "italic({})" if token.startswith("\\var") and text in UPPERCASE else "{}"
        return RowPart(font.format(text), spaced=text in FENCES)

    def group(self, body: Row, context: Context) -> list[RowPart]:
        """Write a row in braces: TeX spaces it as one ordinary symbol."""
        if not body:
            return [RowPart('""')]
        if len(body) == 1 and isinstance(body[0], Word) and atom_of(body[0]) not in PLAIN:
            text = self.argument(body, display=context.display)
            return [RowPart(f'class("normal", {text})')]
        return self.pieces(body, context)

    def negation(self, node: Node, context: Context) -> RowPart:
        word = node.base if isinstance(node, Scripts) else node
        if isinstance(word, Word) and struck_character(word):
            piece = RowPart(negation(word.token))
            return self.attached(piece, node) if isinstance(node, Scripts) else piece
        return RowPart(f"cancel({self.argument((node,), display=context.display)})")

    def sized(self, name: str, mark: str) -> RowPart:
        if mark == ".":
            return RowPart('""')
        size = SIZES_EM[name.strip("\\").rstrip("lrm") if name[-1] in "lrm" else name[1:]]
        return RowPart(f"lr(size: #{size:g}em, {self.lone(mark)})")

    def lone(self, mark: str) -> str:
        """Write a delimiter that Typst stretches by its place."""
        self.check_stretches(mark)
        return lone_delimiter(mark)

    def check_stretches(self, mark: str) -> None:
        if mark in RIGID:
            self.warnings.append(f"{mark} does not stretch")

    def sized_pair(self, row: Row, context: Context) -> RowPart:
        r"""Write `\bigl(` to `\bigr)` as one call."""
        first, last = row[0], carried(row[-1])
        if not (isinstance(first, BigDelimiter) and isinstance(last, BigDelimiter)):
            raise TypeError(row)
        size = SIZES_EM[first.name[1:-1]]
        body = self.delimited(first.mark, last.mark, row[1:-1], display=context.display)
        whole = RowPart(f"lr(size: #{size:g}em, {body})")
        return self.attached(whole, row[-1]) if isinstance(row[-1], Scripts) else whole

    def delimited(self, left: str, right: str, body: Row, *, display: bool) -> str:
        """Write delimiters and their content, for Typst to stretch."""
        bare = delimits(left, Atom.OPEN) and delimits(right, Atom.CLOSE)
        inner = self.pieces(body, Context(display, argument=not bare))
        sides = ((left, "opening"), (right, "closing"))
        for mark, _ in sides:
            self.check_stretches(mark)
        marks = [character(mark) if bare else stretching(mark, side) for mark, side in sides]
        opening = RowPart(marks[0], after=False) if marks[0] else RowPart('""')
        closing = RowPart(marks[1], before=False) if marks[1] else RowPart('""')
        return join_pieces([opening, *inner, closing])

    def fence(self, fence: Fence, context: Context) -> RowPart:
        call = CALLS.get((character(fence.left), character(fence.right)))
        if call and not any(_is_middle(node) for node in fence.body):
            return RowPart(f"{call}({self.argument(fence.body, display=context.display)})")
        body = self.delimited(fence.left, fence.right, fence.body, display=context.display)
        bare = delimits(fence.left, Atom.OPEN) and delimits(fence.right, Atom.CLOSE)
        return RowPart(body if bare else f"lr({body})")

    def scripts(self, node: Scripts, context: Context) -> RowPart:
        base = node.base
        match base:
            case None:
                return self.attached(RowPart('""'), node)
            case Group(()):
                return self.attached(RowPart('""'), node)
            case Group(body):
                piece = self.one(body, context)
            case Command("\\overbrace" | "\\underbrace" as name, _, (argument,)):
                return self.brace(name, argument, node, context)
            case Text():
                *before, last = self.text_runs(base) or [RowPart('""')]
                return RowPart(join_pieces([*before, self.attached(last, node)]), spaced=True)
            case _:
                piece = as_one(self.node(base, context))
        return self.attached(piece, node)

    def one(self, body: Row, context: Context) -> RowPart:
        """Write a group that carries scripts as one thing."""
        pieces = self.group(body, context)
        if len(pieces) == 1 and not pieces[0].scripted:
            return pieces[0]
        text = self.argument(body, display=context.display)
        return RowPart(f'class("normal", {text})')

    def attached(self, base: RowPart, node: Node) -> RowPart:
        """Write scripts behind their base."""
        if not isinstance(node, Scripts):
            raise TypeError(node)
        text = base.text or '""'
        if node.limits:
            call = "limits" if node.limits == "\\limits" else "scripts"
            text = f"{call}({in_call(text)})"
        elif node.base is not None and raises(node.base):
            text = f"scripts({in_call(text)})"
        if base.scripted or text.startswith("#"):
            return self.attach(text, node)
        count = _primes(node)
        if count and carries_prime(text):
            text += "'" * count
        elif node.sup is not None:
            sup = self.script(node.sup)
        if node.sub is not None:
            text += f"_{self.script(node.sub)}"
        if node.sup is not None and not (count and "'" in text):
            text += f"^{sup}" if not count else f"^{self.script(node.sup)}"
        return base._replace(text=text, after=True, scripted=True)

    def attach(self, text: str, node: Scripts) -> RowPart:
        """Write scripts by a call: the base has some already, or is code."""
        parts = [in_call(text)]
        if node.sub is not None:
            parts.append(f"br: {self.argument(node.sub)}")
        if node.sup is not None:
            parts.append(f"tr: {self.argument(node.sup)}")
        return RowPart(f"attach({', '.join(parts)})", scripted=True)

    def script(self, row: Row) -> str:
        match row:
            case (Environment("substack" | "subarray") as rows,):
                self.warnings += losses(rows)
                cells = [self.text(line.cells[0], Context(display=False)) for line in rows.lines]
                mark = "&" if "l" in rows.columns else ""
                return "(" + " \\ ".join(mark + (cell or '""') for cell in cells) + ")"
        text = self.text(row, Context(display=False)) or '""'
        simple = _SIMPLE.fullmatch(text) or re.fullmatch(r'"[^"\\]*"', text)
        return text if simple else f"({text})"

    def brace(self, name: str, argument: Group, node: Scripts, context: Context) -> RowPart:
        note = node.sup if name == "\\overbrace" else node.sub
        other = node.sub if name == "\\overbrace" else node.sup
        body = self.argument(argument, display=context.display)
        text = f"{name[1:]}({body}{f', {self.argument(note)}' if note is not None else ''})"
        if other is not None:
            mark = "_" if name == "\\overbrace" else "^"
            text = f"limits({text}){mark}{self.script(other)}"
        return RowPart(text, scripted=other is not None)

    def command(self, command: Command, context: Context) -> RowPart:
        name = command.name[1:]
        if name in FONTS:
            return self.font(FONTS[name], command.arguments[0], context)
        if name in ACCENTS or name in BELOW:
            return self.accent(name, command.arguments[0], context)
        if name in CLASSES:
            body = self.argument(command.arguments[0], display=context.display)
            return RowPart(f'class("{CLASSES[name]}", {body})')
        handler = _COMMANDS.get(command.name)
        if handler:
            return handler(self, command, context)
        self.warnings.append(f"{command.name} is not known; its name is written as text")
        body = join_pieces(
            [
                RowPart(quote(command.name)),
                *(
                    piece
                    for group in command.arguments
                    for piece in self.pieces(group.body, context)
                ),
            ]
        )
        return RowPart(body, spaced=True)

    def font(self, fonts: tuple[str, ...], argument: Group, context: Context) -> RowPart:
        word = "".join(node.token for node in argument.body if isinstance(node, Word))
        letters = len(word) == len(argument.body) > 1 and word.isascii() and word.isalnum()
        if fonts == ("upright",) and letters:
            return RowPart(f'"{word}"', spaced=True)
        if fonts == ("bb",) and word in DOUBLED and len(argument.body) == 1:
            return RowPart(word * 2)
        text = self.argument(argument, display=context.display)
        if not fonts:
            return RowPart(self.text(argument.body, context))
        for font in reversed(fonts):
            text = f"{font}({text})"
        return RowPart(text)

    def accent(self, name: str, argument: Group, context: Context) -> RowPart:
        body = self.argument(argument, display=context.display)
        if name in BELOW:
            return RowPart(f'accent({body}, "\\u{{{BELOW[name]}}}")')
        dotted = ", dotless: #false" if body in ("i", "j") and "line" not in name else ""
        return RowPart(f"{ACCENTS[name]}({body}{dotted})")

    def fraction(self, command: Command, context: Context) -> RowPart:
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
        return RowPart(text)

    def in_display(self, argument: Group) -> str:
        body = self.argument(argument, display=True)
        return f"display({body})" if shrinks(argument.body) else body

    def stack(self, command: Command, context: Context) -> RowPart:
        mark = command.name[len("\\genfrac{")].removeprefix("}").replace("\\", "{")
        delimiter = f'"{mark}"' if mark else "#none"
        top, bottom = (self.argument(argument) for argument in command.arguments)
        return self.boxed_rows(f"vec(delim: {delimiter}, {top}, {bottom})", context)

    def root(self, command: Command, context: Context) -> RowPart:
        body = self.argument(command.arguments[0], display=context.display)
        if command.option:
            return RowPart(f"root({self.argument(command.option)}, {body})")
        return RowPart(f"sqrt({body})")

    def box(self, command: Command, _: Context) -> RowPart:
        body = self.argument(command.arguments[0], display=True)
        return RowPart(f"#box(stroke: 0.4pt, inset: 3pt, $display({body})$)", spaced=True)

    def unseen(self, command: Command, context: Context) -> RowPart:
        body = self.argument(command.arguments[0], display=context.display)
        hidden = f"hide(${'display' if context.display else 'inline'}({body})$)"
        side = {"\\hphantom": "height", "\\vphantom": "width"}.get(command.name)
        return RowPart(f"#box({side}: 0pt, {hidden})" if side else f"#{hidden}", spaced=True)

    def smash(self, command: Command, context: Context) -> RowPart:
        self.warnings.append("\\smash: its argument keeps its height")
        return as_one(self.group(command.arguments[0].body, context))

    def operator(self, command: Command, context: Context) -> RowPart:
        row = command.arguments[0].body
        words = [node.token for node in row if isinstance(node, Word)]
        text = "".join(" " if word == "\\," else word for word in words)
        plain = len(words) == len(row) and text.replace(" ", "").isalnum() and text.isascii()
        limits = "" if command.name == "\\operatorname" else ", limits: #true"
        if command.name == "\\mathop":
            return RowPart(f"op({self.argument(row, display=context.display)}{limits})")
        if plain and not limits and text in FUNCTIONS.values():
            return RowPart(function(text))
        body = f'"{text}"' if plain else f"upright({self.argument(row)})"
        return RowPart(f"op({body}{limits})")

    def lone_brace(self, command: Command, context: Context) -> RowPart:
        body = self.argument(command.arguments[0], display=context.display)
        return RowPart(f"{command.name[1:]}({body})")

    def over(self, command: Command, context: Context) -> RowPart:
        r"""`\overset`, `\underset` and `\stackrel`."""
        script, base = command.arguments
        mark = "_" if command.name == "\\underset" else "^"
        body = self.argument(base, display=context.display)
        text = f"limits({body}){mark}{self.script(script.body)}"
        if command.name == "\\stackrel" and not raises_row(base.body):
            text = f'class("relation", {text})'
            return RowPart(text)
        return RowPart(text, scripted=True)

    def long_arrow(self, command: Command, _: Context) -> RowPart:
        text = "stretch(->)" if command.name == "\\xrightarrow" else "stretch(<-)"
        if command.arguments[0].body:
            text += f"^{self.script(command.arguments[0].body)}"
        if command.option:
            text += f"_{self.script(command.option)}"
        return RowPart(text, scripted=True)

    def modulo(self, command: Command, context: Context) -> RowPart:
        body = self.text(command.arguments[0].body, Context(display=context.display))
        if command.name == "\\mod":
            row = self.pieces(command.arguments[0].body, context)
            return RowPart(join_pieces([RowPart("quad"), RowPart("mod"), *row]))
        inner = [RowPart("mod")] if command.name == "\\pmod" else []
        marks = [RowPart("(", after=False), *inner, RowPart(body), RowPart(")", before=False)]
        return RowPart(join_pieces([RowPart("quad"), *marks]))

    def environment(self, environment: Environment, context: Context) -> RowPart:
        self.warnings += losses(environment)
        name = environment.name
        if name in ("substack", "subarray"):
            mark = "&" if "l" in environment.columns else ""
            cells = ", ".join(mark + self.argument(line.cells[0]) for line in environment.lines)
            return RowPart(f"inline(vec(delim: #none, {cells}))")
        if name in _MULTILINE:
            lines = ", ".join(self.display_line(line) for line in environment.lines)
            return self.boxed_rows(f"vec(delim: #none, gap: #0.6em, {lines})", context)
        if name == "cases":
            rows = [
                [self.text(cell, _ARGUMENT) for cell in line.cells] for line in environment.lines
            ]
            return self.boxed_rows(cases(rows), context)
        rows = [[self.argument(cell) for cell in line.cells] for line in environment.lines]
        text = matrix(environment, rows)
        if name == "smallmatrix":
            return RowPart(f"inline({text})")
        return self.boxed_rows(text, context)

    def boxed_rows(self, text: str, context: Context) -> RowPart:
        return RowPart(text if context.display else f"display({text})")

    def display_line(self, line: Line) -> str:
        return (
            join_cells([self.in_display(Group(cell)) if cell else "" for cell in line.cells])
            or '""'
        )


_Handler = Callable[[_TypstWriter, Command, Context], RowPart]

_COMMANDS: dict[str, _Handler] = {
    **dict.fromkeys(
        ("\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\binom", "\\dbinom", "\\tbinom"),
        _TypstWriter.fraction,
    ),
    **dict.fromkeys(STACKS.values(), _TypstWriter.stack),
    "\\sqrt": _TypstWriter.root,
    "\\boxed": _TypstWriter.box,
    "\\phantom": _TypstWriter.unseen,
    "\\hphantom": _TypstWriter.unseen,
    "\\vphantom": _TypstWriter.unseen,
    "\\smash": _TypstWriter.smash,
    "\\operatorname": _TypstWriter.operator,
    "\\operatorname*": _TypstWriter.operator,
    "\\mathop": _TypstWriter.operator,
    "\\overbrace": _TypstWriter.lone_brace,
    "\\underbrace": _TypstWriter.lone_brace,
    "\\stackrel": _TypstWriter.over,
    "\\overset": _TypstWriter.over,
    "\\underset": _TypstWriter.over,
    "\\xrightarrow": _TypstWriter.long_arrow,
    "\\xleftarrow": _TypstWriter.long_arrow,
    "\\pmod": _TypstWriter.modulo,
    "\\pod": _TypstWriter.modulo,
    "\\mod": _TypstWriter.modulo,
}


def _is_middle(node: Node) -> bool:
    return isinstance(node, Word) and node.token.startswith("\\middle")


def _primes(node: Scripts) -> int:
    """Count the primes that are all of a superscript."""
    row = node.sup or ()
    return len(row) if all(item == Word("\\prime") for item in row) else 0
