r"""What Markdown does before mathematics is read: code, links, entities, bars in tables."""

from __future__ import annotations

import re

from im2latex_cli.data.documents.html import decoded

_BLOCKS = re.compile(
    r"<(?P<tag>pre|code|script|style)\b(?P<type>[^>]*)>.*?(?:</(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_LINK = re.compile(r"\](?P<to>\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"\n]*\")?\))")
_ADDRESS = re.compile(r"<(?:https?|mailto):[^<>\s]*>|\bhttps?://[^\s<>]+")
_RULE = re.compile(
    r"^\s{0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$|^\s{0,3}\|\s*:?-+:?\s*\|\s*$"
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s")
_TABLE_BAR = re.compile(r"(?<!\\)\\\|")


_QUOTE = re.compile(r"^(?: {0,3}>[ \t]?)+")


def without_quotes(text: str) -> str:
    """Take the signs of quoted lines away; in a display a line may begin with a relation."""
    lines = text.split("\n")
    quoted, inside = False, False
    for number, line in enumerate(lines):
        found = _QUOTE.match(line) if quoted or not inside else None
        quoted = found is not None
        if found is not None:
            lines[number] = line[found.end() :]
        inside ^= line.count("$$") % 2 == 1
    return "\n".join(lines)


def without_code(text: str) -> str:
    """Blank indented code and HTML blocks of code; newlines stay."""
    text = _BLOCKS.sub(lambda found: "\n" * found[0].count("\n"), text)
    lines = text.split("\n")
    blank, code, listed = True, False, False
    for number, line in enumerate(lines):
        if not line.strip():
            blank = True
            continue
        indented = line.startswith(("    ", "\t"))
        if not indented:
            listed = bool(_ITEM.match(line)) or (listed and line.startswith(" "))
        code = indented and not listed and (blank or code)
        if code:
            lines[number] = ""
        blank = False
    return "\n".join(lines)


def mathematics(text: str) -> str:
    """Blank addresses, decode entities, and take the backslash off the bars of tables."""
    text = _LINK.sub("]", _ADDRESS.sub("", text))
    lines = decoded(text).split("\n")
    for number, line in enumerate(lines):
        if _RULE.match(line) and number and "|" in lines[number - 1]:
            for row in (number - 1, *range(number + 1, len(lines))):
                if "|" not in lines[row]:
                    break
                lines[row] = _TABLE_BAR.sub("|", lines[row])
    return "\n".join(lines)


def is_price(text: str, start: int) -> bool:
    """Whether the dollar sign before `start` follows a letter or a digit, as in CA$6."""
    return text[start - 2 : start - 1].isalnum()
