r"""Pieces of Typst mathematics that are the same in every context: spaces, rules, text."""

from __future__ import annotations

from im2latex_cli.formats.characters import DECORATED_LIMITS, SPACES_EM, ems
from im2latex_cli.formats.runs import Run
from im2latex_cli.formats.typst_rows import RowPart
from im2latex_cli.formats.typst_symbols import BELOW, SPACES, quote


def space(token: str) -> RowPart:
    """Write a command that is a space."""
    return RowPart(SPACES.get(token) or f"#h({SPACES_EM[token]:.4g}em)")


def distance(token: str) -> RowPart:
    r"""Write `\hspace{...}` or `\mspace{...}`."""
    return RowPart(f"#h({ems(token[8:-1]):.4g}em)")


def rule(token: str) -> RowPart:
    r"""Write `\rule{...}{...}`."""
    width, height = (ems(length) for length in token[6:-1].split("}{"))
    if width < 0 or height <= 0:
        return RowPart(f"#h({width:.4g}em)")  # TeX paints nothing
    box = f"#box(width: {width:.4g}em, height: {height:.4g}em, fill: black)"
    return RowPart(box, spaced=True)


def decorated_limit(token: str) -> RowPart:
    r"""Write a limit with a line or an arrow, such as `\varliminf`."""
    accent = DECORATED_LIMITS[token][1:]
    if accent in BELOW:
        body = f'accent(op("lim"), "\\u{{{BELOW[accent]}}}")'
    else:
        body = f'{accent}(op("lim"))'
    return RowPart(f"op({body}, limits: #true)")


def text_run(run: Run) -> RowPart:
    """Write text in one font."""
    text = quote(run.text)
    for font in reversed(run.fonts):
        if font == "box":
            text = f"#box(stroke: 0.4pt, inset: 3pt, ${text}$)"
        elif font == "smallcaps":
            text = f"#smallcaps({text.removeprefix('#')})" if text[0] == '"' else text
        else:
            text = f"{font}({text})"
    return RowPart(text, spaced=True)
