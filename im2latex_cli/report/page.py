"""Parts and style that the HTML reports share. A report is one file and contacts no other host."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5f6670; --paper: #fff; --line: #d9dde2;
  --bar: #3b7dd8; --track: #e9edf2; --lost: #b3261e; --added: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a2a9b3; --paper: #17191c;
  --line: #363b42; --bar: #6ba4f0; --track: #2a2e34; --lost: #ff8a80; --added: #82b8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
h3 { margin-top: 2rem; text-transform: capitalize; } h4 { margin: 0 0 .5rem; font-size: 1rem; }
small, dt, figcaption, .remark { color: var(--soft); font-weight: normal; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: normal; font-size: .875rem; }
tbody th { font-weight: 500; min-width: 6rem; overflow-wrap: anywhere; }
td:last-child { min-width: 6rem; }
.scale { width: 100%; height: .75rem; display: block; }
.track { fill: var(--track); } .bar { fill: var(--bar); }
.histogram { width: 100%; height: 9rem; display: block; overflow: visible; }
.whisker { stroke: var(--ink); stroke-width: 1; fill: none; vector-effect: non-scaling-stroke; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 0 0 1rem; }
figure { margin: 0 0 .75rem; overflow-x: auto; }
img { background: #fff; border: 1px solid var(--line); max-width: 100%; height: auto; }
figcaption { font-size: .8125rem; }
.tokens { font: .875rem/1.7 ui-monospace, monospace; margin: .25rem 0; overflow-wrap: anywhere; }
.lost { color: var(--lost); text-decoration: line-through; font-weight: 600; }
.added { color: var(--added); text-decoration: underline; font-weight: 600; }
"""
"""CSS."""


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
