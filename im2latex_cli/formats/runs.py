r"""The text inside `\text` and its kin as runs of Unicode, each in one font."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from im2latex_cli.formats.characters import ems
from im2latex_cli.latex.dialects.printers import ACCENT_MARKS, LIGATURES, TEXT_LETTERS
from im2latex_cli.latex.tree import Command, Group, Row, Text, Word, walk

_FONTS = {
    "\\textbf": "bold",
    "\\textit": "italic",
    "\\textsl": "italic",
    "\\emph": "italic",
    "\\textsf": "sans",
    "\\texttt": "mono",
    "\\textsc": "smallcaps",
    "\\fbox": "box",
}
_CHARACTERS = TEXT_LETTERS | {
    "\\space": " ",
    "\\textbackslash": "\\",
    "\\textasciitilde": "~",
    "\\ldots": "…",
    "\\dots": "…",
    "\\,": "\u2009",
    "\\:": "\u205f",
    "\\;": "\u2004",
    "\\!": "",
    "\\quad": "\u2003",
    "\\qquad": "\u2003\u2003",
    "\\enspace": "\u2002",
}


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one font.

    Attributes:
        text: Unicode; empty only if the font paints by itself (an empty box).
        fonts: of bold, italic, sans, mono, smallcaps and box, outermost first.
    """

    text: str
    fonts: tuple[str, ...] = ()


def runs(text: Text) -> list[Run]:
    r"""Read a text command: its runs in order, neighbours in one font merged."""
    merged: list[Run] = []
    for run in _runs((text,), ()):
        if merged and merged[-1].fonts == run.fonts:
            merged[-1] = Run(_join(merged[-1].text, run.text), run.fonts)
        else:
            merged.append(run)
    return [Run(run.text, run.fonts) for run in merged if run.text]


def has_negative_space(text: Text) -> bool:
    """Whether a text moves back, which no run can do."""
    return any(
        isinstance(node, Word) and (node.token == "\\!" or node.token.startswith("\\hspace{-"))
        for node in walk((text,))
    )


def _runs(row: Row, fonts: tuple[str, ...]) -> list[Run]:
    runs: list[Run] = []
    for node in row:
        match node:
            case Word(token):
                runs.append(Run(_character(token), fonts))
            case Group(body):
                runs += _runs(body, fonts)
            case Text(name, body):
                font = _FONTS.get(name)
                runs += _runs(body, (*fonts, font) if font and font not in fonts else fonts)
            case Command(name, _, (Group(body),)):
                runs += _accent(_runs(body, fonts), ACCENT_MARKS.get(name, ""), fonts)
    return runs


def _accent(runs: list[Run], mark: str, fonts: tuple[str, ...]) -> list[Run]:
    first, *rest = runs or [Run(" ", fonts)]
    text = unicodedata.normalize("NFC", first.text[:1] + mark) + first.text[1:]
    return [Run(text, first.fonts), *rest]


def _character(token: str) -> str:
    if token.startswith("\\hspace{"):
        return " " * max(0, round(ems(token[8:-1]) * 3))
    return _CHARACTERS.get(token, token[1:] if len(token) == 2 else token)


def _join(before: str, after: str) -> str:
    """Join two pieces of text with the ligatures of TeX's fonts."""
    pair = LIGATURES.get((before[-1:], after[:1]))
    return before[:-1] + pair + after[1:] if pair else before + after
