"""Parts that the HTML reports share. A report is one file and contacts no other host."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from im2latex_cli.report.style import STYLE


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title and a header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def document(title: str, parts: Iterable[str]) -> str:
    """The page as text, its parts under its title; empty parts are left out."""
    frame = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(title)}</h1>",
        *parts,
        "</main></body></html>",
    ]
    return "\n".join(part for part in frame if part) + "\n"


def fact_list(facts: Mapping[str, str]) -> str:
    """Names and their values."""
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(rows)}</dl>"


def table(content: Table) -> str:
    """A table under its title."""
    header = "".join(f"<th>{escape(name)}</th>" for name in content.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in content.rows
    )
    return (
        f"<h2>{escape(content.title)}</h2><table><thead><tr>{header}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def data_uri(picture: bytes) -> str:
    """A PNG file as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
