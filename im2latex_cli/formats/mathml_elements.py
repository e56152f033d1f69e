"""The elements of MathML that formulas are made of."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from im2latex_cli.formats.characters import to_alphabet
from im2latex_cli.formats.runs import Run
from im2latex_cli.latex.commands import Atom

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
Element = ET.Element
_TEXT_STYLES = {
    "bold": "font-weight: bold",
    "italic": "font-style: italic",
    "sans": "font-family: sans-serif",
    "mono": "font-family: monospace",
    "smallcaps": "font-variant: small-caps",
}
_UPRIGHT = frozenset("ΓΔΘΛΞΠΣΥΦΨΩ∇")


def leaf(tag: str, text: str, **attributes: str) -> Element:
    """Write an element that holds text only."""
    element = Element(tag, attributes)
    element.text = text
    return element


def row(elements: Sequence[Element]) -> Element:
    """Put elements into one `mrow`."""
    element = Element("mrow")
    element.extend(elements)
    return element


def one(elements: Sequence[Element]) -> Element:
    """Return the only element, or all of them in a row."""
    return elements[0] if len(elements) == 1 else row(elements)


def space(width: float) -> Element:
    """Write a space of a width in em."""
    return Element("mspace", width=f"{width:.4g}em")


def slash() -> Element:
    """Write a slash without width, over the next symbol."""
    padded = Element("mpadded", width="0")
    padded.append(leaf("mo", "/", lspace="0", rspace="0"))
    return padded


def styled(elements: Sequence[Element], *, display: bool) -> Element:
    """Put elements into display or text style."""
    style = Element("mstyle", displaystyle=str(display).lower(), scriptlevel="0")
    style.extend(elements)
    return style


def boxed(elements: Sequence[Element]) -> Element:
    """Draw a box around elements."""
    box = Element("menclose", notation="box", style="border: 1px solid; padding: 0.3em")
    box.extend(elements)
    return box


def operator(text: str, **attributes: str) -> Element:
    """Write an operator; without attributes, a browser spaces it by its own table."""
    return leaf("mo", text, **attributes)


def fenced(left: str, body: Sequence[Element], right: str) -> Element:
    """Write stretching delimiters and their content; an empty delimiter is left out."""
    marks = [
        [operator(mark, fence="true", form=form, stretchy="true")] if mark else []
        for mark, form in ((left, "prefix"), (right, "postfix"))
    ]
    return row([*marks[0], *body, *marks[1]])


def sign(text: str, atom: Atom) -> Element:
    """Write an operator, spaced as TeX spaces its class."""
    if atom in (Atom.OPEN, Atom.CLOSE) and text not in "!?":
        form = "prefix" if atom is Atom.OPEN else "postfix"
        return operator(text, stretchy="false", form=form)
    if atom is Atom.ORD or text in "!?":
        return operator(text, lspace="0", rspace="0", stretchy="false")
    return operator(text)


def letter(text: str, token: str, alphabet: str) -> Element:
    """Write a letter or letter-like symbol in an alphabet."""
    if alphabet == "normal":
        return leaf("mi", text, mathvariant="normal")
    slanted = token.startswith("\\var") and text in _UPRIGHT
    if slanted and not alphabet:
        return leaf("mi", text)
    if alphabet == "bold-italic" and text in _UPRIGHT and not slanted:
        alphabet = "bold"
    if alphabet in ("", "italic"):
        upright = text in _UPRIGHT and alphabet != "italic"
        return leaf("mi", text, mathvariant="normal") if upright else leaf("mi", text)
    shown = to_alphabet(text, alphabet)
    return leaf("mi", shown) if shown != text else leaf("mi", text, mathvariant="normal")


def text_run(run: Run) -> Element:
    """Write text in one font; its spaces are kept."""
    fonts = [font for font in run.fonts if font != "box"]
    text = leaf("mtext", run.text.replace(" ", "\u00a0"))
    if fonts:
        text.set("style", "; ".join(_TEXT_STYLES[font] for font in fonts))
    return boxed([text]) if "box" in run.fonts else text


def scripted(base: Element, sub: Element | None, sup: Element | None, *, around: bool) -> Element:
    """Add scripts to a base, beside it or around it (above and below)."""
    under, over = ("munder", "mover") if around else ("msub", "msup")
    both = "munderover" if around else "msubsup"
    if around and base.tag == "mo":
        base.set("movablelimits", "false")
    if sub is None and sup is None:
        return base
    whole = Element(both if sub is not None and sup is not None else over if sub is None else under)
    whole.extend(part for part in (base, sub, sup) if part is not None)
    return whole
