"""HTML in what should be LaTeX: tags and entities of copied web pages."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

_TAGS = (
    "a|b|big|br|code|dd|div|dl|dt|em|font|h[1-6]|hr|i|img|input|label|li|m[a-z]+|ol|p|pre|s|small|"
    "span|strike|strong|sub|sup|svg|table|tbody|td|th|tr|tt|u|ul|var"
)
_HTML = re.compile(
    rf"</(?:{_TAGS})\s*>|<(?:{_TAGS})\s[^<>]*=\s*[\"'][^<>]*>|<(?:br|hr)\s*/?>|<(?:{_TAGS})\s*/>"
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def markup(formula: str) -> str | None:
    """The first tag or entity in a formula, or None."""
    if "<" not in formula and "&" not in formula:
        return None
    found = _HTML.search(formula)
    if found is not None:
        return found[0]
    return next((one[0] for one in _ENTITY.finditer(formula) if _is_known(one[0])), None)


def _is_known(entity: str) -> bool:
    return entity[1] == "#" or entity[1:] in html5


def decoded(text: str) -> str:
    """The characters that entities stand for, in their place."""
    return _ENTITY.sub(lambda found: unescape(found[0]).replace("\xa0", " "), text)
