r"""Formulas as presentation MathML, in the part of it that browsers draw (MathML Core).

Letters of other alphabets are Unicode's own, since `mathvariant` has gone from the Core but for
`normal`. Where TeX puts scripts is said by the element (`munder` or `msub`), never left to an
operator dictionary. Two things lie outside of the Core and degrade well: `menclose`, which is a
box by its style too, and `columnalign`, which stands beside `text-align`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree as ET

from im2latex_cli.formats import Conversion
from im2latex_cli.formats import mathml_elements as elements
from im2latex_cli.formats.characters import (
    DECORATED_LIMITS,
    FUNCTIONS,
    SIZES_EM,
    SPACES_EM,
    SYMBOLS,
    ems,
    negate,
    struck_character,
    struck_index,
    to_alphabet,
)
from im2latex_cli.formats.mathml_elements import NAMESPACE, Element
from im2latex_cli.formats.runs import has_negative_space, runs
from im2latex_cli.latex.commands import COMMANDS, STACKS, Atom, CommandKind, Limits
from im2latex_cli.latex.tokenizer import join
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

_ACCENTS = {
    "hat": "^",
    "widehat": "^",
    "tilde": "~",
    "widetilde": "~",
    "bar": "¯",
    "overline": "‾",
    "vec": "→",
    "dot": "˙",
    "ddot": "¨",
    "dddot": "\u20db",
    "ddddot": "\u20dc",
    "acute": "´",
    "grave": "`",
    "breve": "˘",
    "check": "ˇ",
    "mathring": "˚",
    "overrightarrow": "→",
    "overleftarrow": "←",
    "overleftrightarrow": "↔",
    "overbrace": "⏞",
    "underline": "_",
    "underleftarrow": "←",
    "underrightarrow": "→",
    "underleftrightarrow": "↔",
    "underbrace": "⏟",
}
_WIDE = ("wide", "over", "under")
_ALPHABETS = {
    "mathrm": "normal",
    "mathbf": "bold",
    "mathit": "italic",
    "mathsf": "sans",
    "mathtt": "mono",
    "mathcal": "script",
    "mathscr": "script",
    "mathbb": "double-struck",
    "mathfrak": "fraktur",
    "mathnormal": "",
    "boldsymbol": "bold-italic",
    "pmb": "bold-italic",
}
_CLASSES = frozenset(f"\\math{name}" for name in "ord bin rel open close punct inner op".split())
_STYLES = {
    "\\displaystyle": ("true", "0"),
    "\\textstyle": ("false", "0"),
    "\\scriptstyle": ("false", "1"),
    "\\scriptscriptstyle": ("false", "2"),
}
_FENCES = {
    "pmatrix": "()",
    "bmatrix": "[]",
    "Bmatrix": "{}",
    "vmatrix": "||",
    "Vmatrix": "‖‖",
    "cases": "{ ",
}
_OPERATORS = frozenset((Atom.OP, Atom.BIN, Atom.REL, Atom.OPEN, Atom.CLOSE, Atom.PUNCT))
_SIGNS = frozenset('/|@`"\\‖')
APPLY = "\u2061"
"""Unicode's invisible sign between a function and its argument."""


def mathml(tokens: Sequence[str]) -> Conversion:
    """Write a normal form as one `<math>` element.

    Args:
        tokens: of `normalize`, or a recogniser's.

    Returns:
        One line of XML. A formula that is not well-formed becomes text, with a warning.
    """
    root, warnings = element(tokens)
    return Conversion(ET.tostring(root, encoding="unicode"), warnings)


def element(tokens: Sequence[str]) -> tuple[Element, tuple[str, ...]]:
    """As `mathml`, as an element."""
    root = Element("math", {"xmlns": NAMESPACE, "display": "block"})
    try:
        row = parse(tokens)
    except MalformedError as error:
        failure = ET.SubElement(root, "merror")
        failure.append(elements.leaf("mtext", join(tokens)))
        return root, (f"the formula is text: {error}",)
    writer = _MathmlWriter()
    root.extend(writer.row(row, _Context()))
    return root, tuple(dict.fromkeys(writer.warnings))


class _Context(NamedTuple):
    """What a row inherits: whether it is in display style, and its alphabet."""

    display: bool = True
    alphabet: str = ""


@dataclass(slots=True)
class _MathmlWriter:
    """Writes one formula; collects its warnings."""

    warnings: list[str] = field(default_factory=list)

    def row(self, row: Row, context: _Context) -> list[Element]:
        parts: list[Element] = []
        done = 0  # nodes before this one are written
        for index, node in enumerate(row):
            if index < done:
                continue
            if isinstance(node, Word) and node.token in _STYLES:
                display, level = _STYLES[node.token]
                style = Element("mstyle", displaystyle=display, scriptlevel=level)
                rest = row[index + 1 :]
                style.extend(self.row(rest, context._replace(display=display == "true")))
                return [*parts, style]
            if node == Word("\\not") and (struck := struck_index(row, index)) is not None:
                parts.append(self.negation(row[struck], context))
                done = struck + 1
            elif _continues_number(row, index) and parts[-1].tag == "mn":
                parts[-1].text = (parts[-1].text or "") + _sign(node)
            else:
                parts += self.node(node, context)
                if _applies(row, index):
                    parts += [elements.leaf("mo", APPLY), elements.space(1 / 6)]
        return parts

    def one(self, row: Row, context: _Context) -> Element:
        """Write a row as exactly one element."""
        return elements.one(self.row(row, context))

    def node(self, node: Node, context: _Context) -> list[Element]:
        match node:
            case Word(token):
                return self.word(token, context)
            case Group(body):
                return [self.group(body, context)]
            case Command():
                return [self.command(node, context)]
            case Text():
                if has_negative_space(node):
                    self.warnings.append("a negative space in text is left out")
                return [elements.text_run(run) for run in runs(node)]
            case BigDelimiter(name, mark):
                return self.sized(name, mark)
            case Scripts():
                return [self.scripts(node, context)]
            case Fence(left, right, body):
                return [elements.fenced(_mark(left), self.row(body, context), _mark(right))]
            case Environment():
                return [self.environment(node, context)]

    def word(self, token: str, context: _Context) -> list[Element]:
        entry = COMMANDS.get(token)
        if entry and entry.kind is CommandKind.SPACE:
            return [elements.space(SPACES_EM[token])]
        if token.startswith(("\\hspace{", "\\mspace{")):
            return [elements.space(ems(token[8:-1]))]
        if token.startswith("\\rule{"):
            width, height = (ems(length) for length in token[6:-1].split("}{"))
            rule = elements.space(width)
            if width < 0 or height <= 0:
                return [rule]  # TeX paints nothing
            rule.attrib |= {"height": f"{height:.4g}em", "style": "background: currentColor"}
            return [rule]
        if token.startswith("\\middle"):
            return [elements.operator(_mark(token.removeprefix("\\middle")), stretchy="true")]
        if token in ("\\mathstrut", "\\strut"):
            strut = Element("mpadded", width="0")
            ET.SubElement(strut, "mphantom").append(elements.leaf("mo", "("))
            return [strut]
        if token in DECORATED_LIMITS:
            return [self.accent(DECORATED_LIMITS[token][1:], elements.leaf("mi", "lim"))]
        if token == "\\idotsint":
            return [elements.leaf("mo", "∫"), elements.leaf("mo", "⋯"), elements.leaf("mo", "∫")]
        return [self.symbol(token, context)]

    def symbol(self, token: str, context: _Context) -> Element:
        if token in FUNCTIONS:
            return elements.leaf("mi", FUNCTIONS[token])
        if token == "\\bmod":
            return elements.leaf("mo", "mod", lspace="0.2222em", rspace="0.2222em")
        entry = COMMANDS.get(token)
        text = SYMBOLS.get(token, token)
        if token not in SYMBOLS and (entry is None or len(token) > 1):
            self.warnings.append(f"{token} is not known; it is written as text")
            return elements.leaf("mtext", token)
        if token == "\\not":
            return elements.slash()
        if text.isdigit():
            return elements.leaf(
                "mn", "".join(to_alphabet(digit, context.alphabet) for digit in text)
            )
        atom = entry.atom if entry else Atom.ORD
        if atom in _OPERATORS or text in _SIGNS:
            return elements.sign(text, atom)
        return elements.letter(text, token, context.alphabet)

    def group(self, body: Row, context: _Context) -> Element:
        """Write a row in braces: TeX spaces it as one ordinary symbol."""
        inner = self.one(body, context)
        if inner.tag == "mo":
            inner.attrib |= {"lspace": "0", "rspace": "0"}
        return inner

    def negation(self, node: Node, context: _Context) -> Element:
        character = struck_character(node)
        if character is None:
            return elements.row([elements.slash(), *self.node(node, context)])
        sign = elements.leaf("mo", negate(character))
        return self.attached(sign, node, context) if isinstance(node, Scripts) else sign

    def sized(self, name: str, mark: str) -> list[Element]:
        if mark == ".":
            return []
        base = name[1:].rstrip("lrm") if name[-1] in "lrm" else name[1:]
        size = f"{SIZES_EM[base]:g}em"
        form = {"l": "prefix", "r": "postfix"}.get(name[-1], "infix")
        sizes = {"minsize": size, "maxsize": size, "stretchy": "true", "form": form}
        spaces = {} if name[-1] == "m" else {"lspace": "0", "rspace": "0"}
        return [elements.leaf("mo", _mark(mark), **sizes, **spaces)]

    def scripts(self, node: Scripts, context: _Context) -> Element:
        base = [] if node.base is None else self.node(node.base, context)
        return self.attached(elements.one(base), node, context)

    def attached(self, base: Element, node: Scripts, context: _Context) -> Element:
        """Put scripts beside a base, or above and below as TeX does."""
        inner = context._replace(display=False)
        sub = None if node.sub is None else self.one(node.sub, inner)
        sup = None if node.sup is None else self.one(node.sup, inner)
        return elements.scripted(base, sub, sup, around=_around(node, context))

    def command(self, command: Command, context: _Context) -> Element:
        name = command.name[1:]
        if name in _ALPHABETS:
            return self.font(_ALPHABETS[name], command.arguments[0], context)
        if name in _ACCENTS:
            return self.accent(name, self.one(command.arguments[0].body, context))
        if command.name in _CLASSES:
            return self.classed(command, context)
        handler = _COMMANDS.get(command.name)
        if handler:
            return handler(self, command, context)
        self.warnings.append(f"{command.name} is not known; its name is written as text")
        arguments = [self.one(argument.body, context) for argument in command.arguments]
        return elements.row([elements.leaf("mtext", command.name), *arguments])

    def font(self, alphabet: str, argument: Group, context: _Context) -> Element:
        word = "".join(node.token for node in argument.body if isinstance(node, Word))
        plain = len(word) == len(argument.body) > 1 and word.isascii() and word.isalpha()
        if alphabet == "normal" and plain:
            return elements.leaf("mi", word)
        return self.one(argument.body, context._replace(alphabet=alphabet))

    def accent(self, name: str, body: Element) -> Element:
        below = name.startswith("under")
        wide = "true" if name.startswith(_WIDE) else "false"
        mark = elements.leaf("mo", _ACCENTS[name], stretchy=wide)
        whole = Element("munder" if below else "mover")
        whole.set("accentunder" if below else "accent", "true")
        whole.extend([body, mark])
        return whole

    def classed(self, command: Command, context: _Context) -> Element:
        body = self.one(command.arguments[0].body, context)
        if command.name in ("\\mathrel", "\\mathbin"):
            space = 5 / 18 if command.name == "\\mathrel" else 2 / 9
            return elements.row([elements.space(space), body, elements.space(space)])
        return body

    def fraction(self, command: Command, context: _Context) -> Element:
        small = command.name in ("\\tfrac", "\\tbinom")
        large = command.name in ("\\dfrac", "\\dbinom", "\\cfrac")
        display = not small and (large or context.display)
        inner = context._replace(display=command.name == "\\cfrac")
        top, bottom = (self.one(argument.body, inner) for argument in command.arguments)
        fraction = Element("mfrac")
        if command.name == "\\cfrac":
            top, bottom = (
                elements.styled([top], display=True),
                elements.styled([bottom], display=True),
            )
            if command.option:
                fraction.set("numalign", "left" if _letters(command.option) == "l" else "right")
        fraction.extend([top, bottom])
        whole = fraction
        if "binom" in command.name:
            fraction.set("linethickness", "0")
            whole = elements.fenced("(", [fraction], ")")
        return whole if display == context.display else elements.styled([whole], display=display)

    def stack(self, command: Command, context: _Context) -> Element:
        inner = context._replace(display=False)
        fraction = Element("mfrac", linethickness="0")
        fraction.extend(self.one(argument.body, inner) for argument in command.arguments)
        fences = {"[": "[]", "\\": "{}"}.get(command.name[len("\\genfrac{")], "")
        return elements.fenced(fences[0], [fraction], fences[1]) if fences else fraction

    def root(self, command: Command, context: _Context) -> Element:
        body = self.row(command.arguments[0].body, context)
        if command.option is None:
            root = Element("msqrt")
            root.extend(body)
            return root
        root = Element("mroot")
        root.extend([elements.one(body), self.one(command.option, context._replace(display=False))])
        return root

    def box(self, command: Command, context: _Context) -> Element:
        return elements.boxed(self.row(command.arguments[0].body, context._replace(display=True)))

    def unseen(self, command: Command, context: _Context) -> Element:
        hidden = Element("mphantom")
        hidden.extend(self.row(command.arguments[0].body, context))
        if command.name == "\\phantom":
            return hidden
        lying = command.name == "\\hphantom"
        padded = Element("mpadded", {"height": "0", "depth": "0"} if lying else {"width": "0"})
        padded.append(hidden)
        return padded

    def smash(self, command: Command, context: _Context) -> Element:
        kept_side = {"t": "depth", "b": "height"}.get(_letters(command.option or ()))
        padded = Element(
            "mpadded", {side: "0" for side in ("height", "depth") if side != kept_side}
        )
        padded.extend(self.row(command.arguments[0].body, context))
        return padded

    def operator(self, command: Command, context: _Context) -> Element:
        body = command.arguments[0].body
        words = [node.token for node in body if isinstance(node, Word)]
        text = "".join("\u2009" if word == "\\," else word for word in words)
        if len(words) == len(body) and text.replace("\u2009", "").isalnum():
            tag = elements.leaf("mi", text)
            if len(text) == 1:
                tag.set("mathvariant", "normal")
            return tag
        return self.one(body, context._replace(alphabet="normal"))

    def over(self, command: Command, context: _Context) -> Element:
        script, base = command.arguments
        above = command.name != "\\underset"
        return elements.scripted(
            self.one(base.body, context),
            None if above else self.one(script.body, context._replace(display=False)),
            self.one(script.body, context._replace(display=False)) if above else None,
            around=True,
        )

    def long_arrow(self, command: Command, context: _Context) -> Element:
        inner = context._replace(display=False)
        arrow = elements.leaf(
            "mo", "→" if command.name == "\\xrightarrow" else "←", stretchy="true"
        )
        above = [
            elements.space(0.3),
            *self.row(command.arguments[0].body, inner),
            elements.space(0.3),
        ]
        below = None if command.option is None else self.one(command.option, inner)
        return elements.scripted(arrow, below, elements.row(above), around=True)

    def modulo(self, command: Command, context: _Context) -> Element:
        body = self.row(command.arguments[0].body, context)
        word = (
            [] if command.name == "\\pod" else [elements.leaf("mi", "mod"), elements.space(1 / 3)]
        )
        if command.name == "\\mod":
            return elements.row([elements.space(1), *word, *body])
        signs = [elements.sign("(", Atom.OPEN), elements.sign(")", Atom.CLOSE)]
        return elements.row([elements.space(1), signs[0], *word, *body, signs[1]])

    def environment(self, environment: Environment, context: _Context) -> Element:
        name = environment.name
        aligned = name in ("aligned", "alignedat", "gathered")
        script = name in ("substack", "subarray", "smallmatrix")
        table = Element("mtable", displaystyle="true" if aligned else "false")
        inner = context._replace(display=aligned)
        sides = _sides(environment)
        table.set("columnalign", " ".join(sides))
        for number, line in enumerate(environment.lines):
            table_row = ET.SubElement(table, "mtr")
            for column, cell in enumerate(line.cells):
                side = sides[min(column, len(sides) - 1)]
                borders = _borders(environment, number, column)
                style = [f"text-align: {side}", *borders, *_gap_below(line)]
                table_cell = ET.SubElement(table_row, "mtd", style="; ".join(style))
                table_cell.extend(self.row(cell, inner))
                if aligned:
                    gaps = ["padding-left: 0", "padding-right: 0"]
                    table_cell.set("style", "; ".join([*style, *gaps]))
        if script:
            styled = Element("mstyle", displaystyle="false", scriptlevel="1")
            styled.append(table)
            return styled
        fences = _FENCES.get(name)
        return elements.fenced(fences[0], [table], fences[1].strip()) if fences else table


_Handler = Callable[[_MathmlWriter, Command, _Context], Element]
_COMMANDS: dict[str, _Handler] = {
    **dict.fromkeys(
        ("\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\binom", "\\dbinom", "\\tbinom"),
        _MathmlWriter.fraction,
    ),
    **dict.fromkeys(STACKS.values(), _MathmlWriter.stack),
    **dict.fromkeys(("\\phantom", "\\hphantom", "\\vphantom"), _MathmlWriter.unseen),
    **dict.fromkeys(("\\operatorname", "\\operatorname*"), _MathmlWriter.operator),
    **dict.fromkeys(("\\stackrel", "\\overset", "\\underset"), _MathmlWriter.over),
    **dict.fromkeys(("\\xrightarrow", "\\xleftarrow"), _MathmlWriter.long_arrow),
    **dict.fromkeys(("\\pmod", "\\pod", "\\mod"), _MathmlWriter.modulo),
    "\\sqrt": _MathmlWriter.root,
    "\\boxed": _MathmlWriter.box,
    "\\smash": _MathmlWriter.smash,
}


def _mark(token: str) -> str:
    return "" if token == "." else SYMBOLS.get(token, token)


def _around(node: Scripts, context: _Context) -> bool:
    """Whether TeX puts scripts above and below their base."""
    if node.limits:
        return node.limits == "\\limits"
    match node.base:
        case Word(token) | Command(token):
            entry = COMMANDS.get(token)
            if entry is None:
                return False
            return entry.limits is Limits.ALWAYS or (
                entry.limits is Limits.DISPLAY and context.display
            )
    return False


def _sign(node: Node) -> str:
    match node:
        case Word(token):
            return token
        case _:
            return ","


def _letters(row: Row) -> str:
    return "".join(node.token for node in row if isinstance(node, Word))


def _digit(node: Node | None) -> bool:
    return isinstance(node, Word) and node.token.isdigit()


def _continues_number(row: Row, index: int) -> bool:
    """Whether a digit, a point or a comma in braces goes on with the number before it."""
    if not index:
        return False
    node, before = row[index], row[index - 1]
    if _digit(node):
        separated = index > 1 and _digit(row[index - 2]) and _separator(before)
        return _digit(before) or separated
    after = row[index + 1] if index + 1 < len(row) else None
    return _separator(node) and _digit(before) and _digit(after)


def _separator(node: Node) -> bool:
    return node in (Word("."), Group((Word(","),)))


def _applies(row: Row, index: int) -> bool:
    """Whether a function's name precedes a plain argument, so that TeX separates the two."""
    node = row[index]
    base = node.base if isinstance(node, Scripts) else node
    named = isinstance(base, Word) and base.token in FUNCTIONS
    named = named or (isinstance(base, Command) and base.name.startswith("\\operatorname"))
    if not named or index + 1 == len(row):
        return False
    after = row[index + 1]
    inner = after.base if isinstance(after, Scripts) else after
    if not isinstance(inner, Word):
        return not isinstance(inner, Fence)
    entry = COMMANDS.get(inner.token)
    return (
        entry is not None and entry.kind is CommandKind.SYMBOL and entry.atom in (Atom.ORD, Atom.OP)
    )


def _sides(environment: Environment) -> list[str]:
    """Say how each column is aligned."""
    width = max(len(line.cells) for line in environment.lines)
    if environment.name == "cases":
        return ["left"] * width
    if environment.name in ("aligned", "alignedat"):
        return ["right" if column % 2 == 0 else "left" for column in range(width)]
    letters = environment.columns.replace("|", "")
    if environment.name in ("array", "subarray") and letters:
        return [{"l": "left", "r": "right"}.get(letter, "center") for letter in letters]
    return ["center"] * width


def _borders(environment: Environment, number: int, column: int) -> list[str]:
    """Say which rules of an array touch a cell."""
    borders = []
    last = number == len(environment.lines) - 1
    if environment.lines[number].rules:
        borders.append(f"border-top: {_rule(environment.lines[number].rules)}")
    if last and environment.rules_below:
        borders.append(f"border-bottom: {_rule(environment.rules_below)}")
    parts = environment.columns.replace("l", "c").replace("r", "c").split("c")
    if environment.name == "array" and len(parts) > column + 1:
        if parts[column]:
            borders.append(f"border-left: {_rule(len(parts[column]))}")
        if column == len(parts) - 2 and parts[-1]:
            borders.append(f"border-right: {_rule(len(parts[-1]))}")
    return borders


def _rule(count: int) -> str:
    return "1px solid" if count == 1 else "3px double"


def _gap_below(line: Line) -> list[str]:
    """Add the extra space below a row to the browsers' own (0.5ex)."""
    return [f"padding-bottom: calc(0.5ex + {ems(line.gap):.4g}em)"] if line.gap else []
