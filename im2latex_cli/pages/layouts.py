"""Layouts of typeset pages: document classes, paper, margins and habits."""

from __future__ import annotations

from dataclasses import dataclass

from im2latex_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class DocumentLayout:
    """How documents of one kind look.

    Attributes:
        document_class: LaTeX's document class.
        options: class options of which one set is chosen.
        preambles: preambles of which one is chosen.
        chapters: the class has chapters.
        slides: content comes in frames.
        problems: numbered problems instead of sections.
    """

    document_class: str
    options: tuple[str, ...]
    preambles: tuple[str, ...] = ("",)
    chapters: bool = False
    slides: bool = False
    problems: bool = False


def _geometry(*options: str) -> tuple[str, ...]:
    return tuple(f"\\usepackage[{option}]{{geometry}}" for option in options)


_HEADINGS = "\\pagestyle{headings}"
_THEMES = ("default", "Boadilla", "Madrid", "Montpellier", "Singapore", "Frankfurt")

LAYOUTS = {
    "article": DocumentLayout(
        "article",
        ("10pt,a4paper", "11pt,a4paper", "12pt,a4paper", "10pt,letterpaper", "12pt,letterpaper"),
        ("", *_geometry("margin=1in", "margin=2cm", "hmargin=3.5cm,vmargin=2.5cm"), _HEADINGS),
    ),
    "article-left": DocumentLayout(
        "article",
        ("10pt,fleqn,a4paper", "11pt,leqno,a4paper", "12pt,fleqn,leqno,letterpaper", "11pt,leqno"),
        _geometry("margin=1in", "margin=2.5cm,marginparwidth=2cm"),
    ),
    "book": DocumentLayout(
        "book",
        ("10pt,twoside", "11pt,twoside,a4paper", "10pt,a5paper", "12pt", "10pt,leqno,b5paper"),
        (_HEADINGS, *_geometry("paperwidth=17cm,paperheight=24cm,margin=2.2cm")),
        chapters=True,
    ),
    "report": DocumentLayout(
        "report", ("11pt,a4paper", "12pt,a4paper"), ("", *_geometry("margin=1in")), chapters=True
    ),
    "two-column": DocumentLayout(
        "article",
        ("10pt,twocolumn,a4paper", "10pt,twocolumn,letterpaper", "11pt,twocolumn,a4paper"),
        (
            *_geometry("margin=1.7cm,columnsep=6mm", "margin=2cm,columnsep=8mm,top=2.5cm"),
            "\\usepackage[margin=1.9cm,columnsep=5mm]{geometry}\\setlength\\columnseprule{.4pt}",
        ),
    ),
    "ams": DocumentLayout("amsart", ("10pt", "11pt,a4paper", "12pt,leqno", "10pt,reqno")),
    "problems": DocumentLayout(
        "article",
        ("11pt,a4paper", "12pt,letterpaper"),
        _geometry("margin=2cm", "margin=1in"),
        problems=True,
    ),
    "beamer": DocumentLayout(
        "beamer",
        ("10pt", "11pt", "12pt,leqno", "11pt,aspectratio=169", "10pt,aspectratio=169"),
        tuple(f"\\usetheme{{{theme}}}" for theme in _THEMES),
        slides=True,
    ),
    "koma": DocumentLayout(
        "scrartcl",
        ("11pt,a4paper,DIV=12", "10pt,twocolumn,a4paper,DIV=15", "12pt,fleqn,a4paper"),
        ("", "\\pagestyle{headings}"),
    ),
    "memoir": DocumentLayout(
        "memoir",
        ("10pt,a4paper", "11pt,letterpaper,leqno", "10pt,twocolumn,a4paper"),
        ("", "\\pagestyle{ruled}", "\\usepackage[margin=2cm]{geometry}"),
        chapters=True,
    ),
}


def chosen_layouts(names: tuple[str, ...]) -> tuple[str, ...]:
    """The layouts with these names; all if none are named.

    Raises:
        UsageError: there is no layout of a name.
    """
    unknown = [name for name in names if name not in LAYOUTS]
    if unknown:
        raise UsageError(
            f"There is no layout {unknown[0]}.", hint=f"Choose from {', '.join(LAYOUTS)}."
        )
    return names or tuple(LAYOUTS)
