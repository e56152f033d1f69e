"""A formula as a small SVG that a page may hold: it takes the colour and size of the text."""

from __future__ import annotations

import re
from html import escape, unescape

from im2latex_cli.render.embedded.renderer import typeset
from im2latex_cli.render.embedded.svg import UnknownDrawingError, cut_out
from im2latex_cli.render.renderer import RenderFailure

UNITS_PER_EM = 1000
_TAG = re.compile(r"<(\w+)((?:\s+[\w:-]+=\"[^\"<>]*\")*)\s*/?>")
_END = re.compile(r"</\w+>")
_ATTRIBUTE = re.compile(r"([\w:-]+)=\"([^\"]*)\"")
_TITLE = re.compile(r"<title[^>]*>([^<]*)</title>")
_TAGS = {"defs", "g", "path", "use", "rect", "line"}
_ATTRIBUTES = {
    *("id", "d", "href", "transform", "x", "y", "width", "height", "x1", "x2", "y1", "y2"),
    *("fill", "stroke", "stroke-width", "stroke-linecap", "stroke-dasharray"),
}


def to_svg(formula: str) -> str | RenderFailure:
    """Draw a formula with the embedded renderer.

    Args:
        formula: LaTeX.

    Returns:
        An SVG element of outlines alone, in `currentColor`, one em as large as the text around
        it and with the spoken formula as its title; or why there is none.
    """
    svg = typeset(formula)
    if isinstance(svg, RenderFailure):
        return svg
    try:
        (x, y, width, height), body = cut_out(svg)
        _check(body)
    except UnknownDrawingError as error:
        return RenderFailure("refused", str(error))
    match = _TITLE.search(svg)
    title = escape(unescape(match[1])) if match else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:g} {y:g} {width:g} {height:g}" '
        f'width="{width / UNITS_PER_EM:.3f}em" height="{height / UNITS_PER_EM:.3f}em" '
        f'overflow="visible" role="img"><title>{title}</title>{body}</svg>'
    )


def _check(body: str) -> None:
    """Let through only what paints: no link, no script, no picture from elsewhere."""
    if "<" in _END.sub("", _TAG.sub("", body)):
        raise UnknownDrawingError("the SVG holds more than elements")
    for tag, attributes in _TAG.findall(body):
        names = dict(_ATTRIBUTE.findall(attributes))
        if tag not in _TAGS or not names.keys() <= _ATTRIBUTES:
            raise UnknownDrawingError(f"the SVG has a <{tag}>")
        if not names.get("href", "#").startswith("#"):
            raise UnknownDrawingError("the SVG names another file")
