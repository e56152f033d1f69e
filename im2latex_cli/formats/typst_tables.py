"""Rows and columns of Typst mathematics, laid out from their written cells."""

from __future__ import annotations

from collections.abc import Sequence

from im2latex_cli.formats.typst_symbols import DELIMITERS
from im2latex_cli.latex.tree import Environment


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
