"""Names of symbols in Typst, and its layout of rows and columns of cells."""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.formats.characters import SYMBOLS, negate
from im2latex_cli.latex.commands import COMMANDS, Atom
from im2latex_cli.latex.symbols import SYNONYMS
from im2latex_cli.latex.tree import Environment

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

FENCES = frozenset("|‖")

RIGID = frozenset(("\\lmoustache", "\\rmoustache", "\\bracevert"))

"""Delimiters that Typst's font has in one size only."""

STYLES = {
    "\\displaystyle": "display",
    "\\textstyle": "inline",
    "\\scriptstyle": "script",
    "\\scriptscriptstyle": "sscript",
}

SPACES = {"\\,": "thin", "\\:": "med", "\\;": "thick", "\\quad": "quad", "\\nobreakspace": "space"}

SPACES["\\qquad"] = "quad quad"

ACCENTS = {
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

BELOW = {
    "underleftarrow": "20ee",
    "underrightarrow": "20ef",
    "underleftrightarrow": "34d",
}

FONTS = {
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

CLASSES = {
    "mathord": "normal",
    "mathbin": "binary",
    "mathrel": "relation",
    "mathopen": "opening",
    "mathclose": "closing",
    "mathpunct": "punctuation",
    "mathinner": "normal",
}

DELIMITERS = {
    "matrix": "#none",
    "smallmatrix": "#none",
    "array": "#none",
    "bmatrix": '"["',
    "Bmatrix": '"{"',
    "vmatrix": '"|"',
    "Vmatrix": '"‖"',
}

CALLS = {("|", "|"): "abs", ("‖", "‖"): "norm", ("⌊", "⌋"): "floor", ("⌈", "⌉"): "ceil"}

UPPERCASE = {NAME_OF[character] for character in "ΓΔΘΛΞΠΣΥΦΨΩ"}

DOUBLED = frozenset("CNQRZ")

_FUNCTION_NAMES = frozenset(
    """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim ln log max
min Pr sec sin sinh sup tan tanh liminf limsup
""".split()
)


def function(name: str) -> str:
    """Write a function by its name, as Typst knows it or as an operator."""
    word = name.replace(" ", "")
    if word in _FUNCTION_NAMES:
        return word
    return f'op("{name}", limits: #true)'


def quote(text: str) -> str:
    """Write text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def character(token: str) -> str:
    """Write a symbol, not escaped if it is a delimiter."""
    text = SYMBOLS.get(token, token) if len(token) > 1 else token
    if text in NAME_OF:
        return NAME_OF[text]
    return f"\\{text}" if text in _ESCAPED else text


def delimits(token: str, *atoms: Atom) -> bool:
    """Whether Typst takes a token for one half of a pair."""
    entry = COMMANDS.get(SYNONYMS.get(token, token))
    if entry is None or token in ("!", "?") or SYMBOLS.get(token, token) in FENCES:
        return False
    return entry.atom in (atoms or (Atom.OPEN, Atom.CLOSE))


def lone_delimiter(token: str) -> str:
    """Write a delimiter on its own; nothing for the invisible one."""
    if token == ".":
        return ""
    text = character(token)
    return f"\\{text}" if delimits(token) else text


def stretching(token: str, side: str) -> str:
    """Write a delimiter of a pair so that Typst stretches it.

    Args:
        token: the delimiter.
        side: "opening" or "closing"; arrows and slashes have no side of their own.
    """
    mark = lone_delimiter(token)
    if not mark or delimits(token) or SYMBOLS.get(token, token) in FENCES:
        return mark
    return f'class("{side}", {mark})'


def negation(token: str) -> str:
    """Write a symbol with a stroke through it."""
    character = SYMBOLS.get(token, token)
    struck = negate(character)
    if len(struck) == 1:
        return NAME_OF.get(struck, struck)
    return f'accent({lone_delimiter(token)}, "\\u{{338}}")'


def matrix(environment: Environment, rows: Sequence[Sequence[str]]) -> str:
    """Write a matrix or an array as `mat`.

    Args:
        environment: its delimiters, columns and rules.
        rows: its cells, written as arguments of a call; missing ones at the end are empty.
    """
    columns = environment.columns.replace("|", "")
    options = []
    if environment.name != "pmatrix":
        options.append(f"delim: {DELIMITERS[environment.name]}")
    if rules := _rules(environment):
        options.append(rules)
    lines = [", ".join(_matrix_row(row, columns)) for row in rows]
    return f"mat({', '.join([*options, '; '.join(lines)])})"


def cases(rows: Sequence[Sequence[str]]) -> str:
    """Write `cases`, its columns a quad apart."""
    lines = [join_cells(["", *_apart(row)]) if len(row) > 1 else f"&{row[0]}" for row in rows]
    return f"cases({', '.join(lines)})"


def join_cells(cells: Sequence[str]) -> str:
    """Write the cells of one line with alignment points between them."""
    text = ""
    for number, cell in enumerate(cells):
        if number:
            text += "&" if not text or text.endswith(('"', "&")) else " &"
        text += cell
    return text


def losses(environment: Environment) -> list[str]:
    """Say what Typst cannot express of rows and rules."""
    warnings = []
    if any(line.gap for line in environment.lines):
        warnings.append("the extra space between rows is left out")
    if environment.name in (*DELIMITERS, "pmatrix"):
        warnings += ["a double rule is drawn as one"] if _has_double_rule(environment) else []
    elif environment.rules_below or any(line.rules for line in environment.lines):
        warnings.append(f"the rules of {environment.name} are left out")
    return warnings


def _has_double_rule(environment: Environment) -> bool:
    verticals = _verticals(environment)
    rules = [*(line.rules for line in environment.lines), environment.rules_below]
    return len(set(verticals)) < len(verticals) or max(rules) > 1


def _rules(environment: Environment) -> str:
    """Write the rules of an array, or nothing."""
    rules = [*(line.rules for line in environment.lines), environment.rules_below]
    sides = {
        "hline": [number for number, count in enumerate(rules) if count],
        "vline": sorted(set(_verticals(environment))),
    }
    options = [
        f"{side}: ({', '.join(map(str, places))},)" for side, places in sides.items() if places
    ]
    return f"augment: #({', '.join(options)})" if options else ""


def _verticals(environment: Environment) -> list[int]:
    """Return for each vertical rule how many columns are left of it."""
    verticals: list[int] = []
    column = 0
    for letter in environment.columns:
        if letter == "|":
            verticals.append(column)
        else:
            column += 1
    return verticals


def _matrix_row(cells: Sequence[str], columns: str) -> list[str]:
    full = [*cells, *['""'] * (len(columns) - len(cells))]
    if set(columns) - {"c"}:
        return [_in_column(*pair) for pair in zip(full, columns, strict=False)]
    return full


def _in_column(cell: str, column: str) -> str:
    if column == "l":
        return f"&{cell}"
    return cell + ("&" if cell.endswith('"') else " &") if column == "r" else cell


def _apart(cells: Sequence[str]) -> list[str]:
    """Put cells into left-aligned columns, a quad apart."""
    spread = [cells[0]]
    for cell in cells[1:]:
        spread[-1] += "quad" if spread[-1].endswith('"') else " quad"
        spread += ["", cell]
    return spread
