"""HTML in what should be LaTeX: tags and entities of copied web pages."""

from __future__ import annotations

import re

_TAGS = (
    "a|b|big|br|code|dd|div|dl|dt|em|font|h[1-6]|hr|i|img|input|label|li|m[a-z]+|ol|p|pre|s|small|"
    "span|strike|strong|sub|sup|svg|table|tbody|td|th|tr|tt|u|ul|var"
)
_HTML = re.compile(
    rf"</(?:{_TAGS})\s*>|<(?:{_TAGS})\s[^<>]*=\s*[\"'][^<>]*>|<(?:br|hr)\s*/?>|<(?:{_TAGS})\s*/>"
    r"|&(?:lt|gt|amp|quot|apos|nbsp|times|minus|le|ge|ne|infin|alpha|beta|pi|#\d+|#x[0-9a-fA-F]+);"
)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&nbsp;": " ", "&amp;": "&"}


def markup(formula: str) -> str | None:
    """The first tag or entity in a formula, or None."""
    if "<" not in formula and "&" not in formula:
        return None
    found = _HTML.search(formula)
    return None if found is None else found[0]


def decoded(text: str) -> str:
    """The characters that the commonest entities stand for, in their place."""
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text
