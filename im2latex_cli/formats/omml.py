r"""Formulas as Office MathML, alone or in a Word document, where they can be edited.

The elements come from our MathML by these rules; what Office MathML has no element for is in the
warnings.

- Large operators are `m:nary`, which takes the element behind it for its argument: Word shows an
  empty argument as a dotted box.
- Stretching delimiters are `m:d`, accents `m:acc`, `m:bar` or `m:groupChr`, tables `m:m`.
- Scripts above and below are `m:limUpp` and `m:limLow`.
- Spaces are Unicode spaces. There are no negative ones, and Word chooses itself how large
  fractions and large operators are.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from im2latex_cli.formats import Conversion, mathml

MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
Element = ET.Element

ET.register_namespace("m", MATH)
ET.register_namespace("w", WORD)

_NARY = frozenset("∑∏∐∫∬∭⨌∮⋂⋃⋁⋀⨁⨂⨀⨄⨆")
_COMBINING = {
    "^": "\u0302",
    "~": "\u0303",
    "¯": "\u0304",
    "→": "\u20d7",
    "←": "\u20d6",
    "↔": "\u20e1",
    "˙": "\u0307",
    "¨": "\u0308",
    "\u20db": "\u20db",
    "\u20dc": "\u20dc",
    "´": "\u0301",
    "`": "\u0300",
    "˘": "\u0306",
    "ˇ": "\u030c",
    "˚": "\u030a",
}
_WIDTHS = {
    1.0: "\u2003",
    0.5: "\u2002",
    0.3: "\u2004",
    0.25: "\u2005",
    0.2: "\u205f",
    0.1: "\u2009",
}
"""Unicode's spaces by the least width, in em, that they replace."""
_FONTS = {
    "font-weight: bold": "b",
    "font-style: italic": "i",
    "font-variant: small-caps": "smallCaps",
}
_FAMILIES = {"font-family: sans-serif": "Arial", "font-family: monospace": "Courier New"}
_SCRIPTS = frozenset(("sub", "sup", "lim", "deg"))
"""Parts of an element whose letters are small."""
_TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.\
wordprocessingml.document.main+xml"/></Types>"""
_RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/\
officeDocument" Target="word/document.xml"/></Relationships>"""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""A fixed date, so that equal formulas make equal files."""


def omml(tokens: Sequence[str]) -> Conversion:
    """Write a normal form as one `<m:oMathPara>` element, on one line.

    Args:
        tokens: of `normalize`, or a recogniser's.
    """
    paragraph, warnings = element(tokens)
    return Conversion(ET.tostring(paragraph, encoding="unicode"), warnings)


def docx(formulas: Sequence[Sequence[str]]) -> tuple[bytes, tuple[str, ...]]:
    """Write a Word document with one paragraph for each formula.

    Args:
        formulas: normal forms.

    Returns:
        The bytes of the file, the same for the same formulas, and the warnings.
    """
    document = Element(f"{{{WORD}}}document")
    body = ET.SubElement(document, f"{{{WORD}}}body")
    warnings: dict[str, None] = {}
    for tokens in formulas:
        formula, formula_warnings = element(tokens)
        ET.SubElement(body, f"{{{WORD}}}p").append(formula)
        warnings |= dict.fromkeys(formula_warnings)
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": head + ET.tostring(document, encoding="unicode"),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return file.getvalue(), tuple(warnings)


def element(tokens: Sequence[str]) -> tuple[Element, tuple[str, ...]]:
    """As `omml`, as an element."""
    root, warnings = mathml.element(tokens)
    writer = _OmmlWriter(list(warnings))
    formula = _element("oMath", *writer.row(list(root)))
    return _element("oMathPara", formula), tuple(dict.fromkeys(writer.warnings))


@dataclass(slots=True)
class _OmmlWriter:
    """Turns MathML elements into those of Office; collects warnings."""

    warnings: list[str] = field(default_factory=list)
    small: bool = False
    """Whether the elements are part of a script."""

    def row(self, elements: Sequence[Element]) -> list[Element]:
        """Write elements side by side."""
        children: list[Element] = []
        index = 0
        while index < len(elements):
            operator = _nary(elements[index])
            if operator is None:
                children += self.one(elements[index])
                index += 1
            else:
                children.append(self.nary(operator, elements[index], elements[index + 1 :][:1]))
                index += 2
        return children

    def one(self, node: Element) -> list[Element]:
        children = list(node)
        if node.tag == "mrow":
            return [self.fenced(children)] if _is_fenced(children) else self.row(children)
        if node.tag in ("mstyle", "mtable"):
            self.check_size(node)
        if node.tag in ("mstyle", "merror", "mtd"):
            return self.row(children)
        handler = _ELEMENTS.get(node.tag)
        return handler(self, node) if handler else self.row(children)

    def inside(self, name: str, *nodes: Element) -> Element:
        outside = self.small
        self.small = outside or name in _SCRIPTS
        element = _element(name, *self.row(nodes))
        self.small = outside
        return element

    def check_size(self, node: Element) -> None:
        """Warn if a style of TeX changes its content and Word has no such style."""
        if node.get("scriptlevel", "0") != "0" and not self.small:
            self.warnings.append("small letters are as large as the others")
        if node.tag == "mtable" and node.get("displaystyle") == "false":
            return  # so are the cells of Word's matrices
        if any(part.tag == "mfrac" or _nary(part) is not None for part in node.iter()):
            self.warnings.append("Word chooses the size of fractions and large operators itself")

    def letter(self, node: Element) -> list[Element]:
        text = node.text or ""
        italic = node.tag == "mi" and len(text) == 1 and "mathvariant" not in node.attrib
        return [_run(text, "" if italic and text.isalpha() and ord(text) < 0x2100 else "p")]

    def operator(self, node: Element) -> list[Element]:
        if node.text == mathml.APPLY:
            return []
        if "minsize" in node.attrib:
            self.warnings.append("a delimiter of a fixed size is as large as the text")
        return [_run(node.text or "", "p")]

    def text(self, node: Element) -> list[Element]:
        style = node.get("style", "")
        fonts = [_family(name) for css, name in _FAMILIES.items() if css in style]
        fonts += [_word(mark) for css, mark in _FONTS.items() if css in style]
        run = _run(node.text or "", "")
        run.insert(0, _element("rPr", _element("nor")))
        if fonts:
            properties = Element(f"{{{WORD}}}rPr")
            properties.extend(fonts)
            run.insert(1, properties)
        return [run]

    def space(self, node: Element) -> list[Element]:
        if "height" in node.attrib:
            self.warnings.append("a rule is left out")
        width = float(node.get("width", "0em").removesuffix("em"))
        if width < 0:
            self.warnings.append("a negative space is left out")
        text = ""
        for size, character in _WIDTHS.items():
            while width >= size and len(text) < 40:
                text += character
                width -= size
        return [_run(text, "p")] if text else []

    def fraction(self, node: Element) -> list[Element]:
        if "numalign" in node.attrib:
            self.warnings.append("\\cfrac: its numerator is centred")
        top, bottom = node
        parts = [self.inside("num", top), self.inside("den", bottom)]
        if node.get("linethickness") == "0":
            parts.insert(0, _properties("f", type="noBar"))
        return [_element("f", *parts)]

    def root(self, node: Element) -> list[Element]:
        if node.tag == "msqrt":
            hidden = _properties("rad", degHide="1")
            return [_element("rad", hidden, _element("deg"), self.inside("e", *node))]
        body, degree = node
        return [_element("rad", self.inside("deg", degree), self.inside("e", body))]

    def beside(self, node: Element) -> list[Element]:
        names = {
            "msub": ("sSub", "sub"),
            "msup": ("sSup", "sup"),
            "msubsup": ("sSubSup", "sub", "sup"),
        }
        name, *places = names[node.tag]
        base, *scripts = node
        parts = [self.inside(place, script) for place, script in zip(places, scripts, strict=True)]
        return [_element(name, self.inside("e", base), *parts)]

    def around(self, node: Element) -> list[Element]:
        if "accent" in node.attrib or "accentunder" in node.attrib:
            return [self.accent(node)]
        base, *scripts = node
        whole = self.row([base])
        for place, script in zip(_places(node.tag), scripts, strict=True):
            name = "limLow" if place == "sub" else "limUpp"
            whole = [_element(name, _element("e", *whole), self.inside("lim", script))]
        return whole

    def accent(self, node: Element) -> Element:
        body, mark = node
        sign = mark.text or ""
        inner = self.inside("e", body)
        side = "bot" if node.tag == "munder" else "top"
        if sign in ("‾", "_"):
            return _element("bar", _properties("bar", pos=side), inner)
        if side == "top" and sign in _COMBINING:
            return _element("acc", _properties("acc", chr=_COMBINING[sign]), inner)
        other = "top" if side == "bot" else "bot"
        return _element(
            "groupChr", _properties("groupChr", chr=sign, pos=side, vertJc=other), inner
        )

    def nary(self, operator: Element, node: Element, argument: Sequence[Element]) -> Element:
        """Write a large operator with its scripts and its operand."""
        scripts = dict(zip(_places(node.tag), list(node)[1:], strict=True)) if len(node) else {}
        properties = _properties(
            "nary",
            chr=operator.text or "",
            limLoc="undOvr" if node.tag.startswith(("munder", "mover")) else "subSup",
            **{f"{place}Hide": "1" for place in ("sub", "sup") if place not in scripts},
        )
        parts = [
            self.inside(place, scripts[place]) if place in scripts else _element(place)
            for place in ("sub", "sup")
        ]
        body = self.row(argument) or [_run("\u200b", "p")]
        return _element("nary", properties, *parts, _element("e", *body))

    def fenced(self, children: Sequence[Element]) -> Element:
        first, last = _fence_mark(children[0], "prefix"), _fence_mark(children[-1], "postfix")
        body = children[first is not None : len(children) - (last is not None)]
        parts: list[list[Element]] = [[]]
        separators: list[str] = []
        for child in body:
            if child.tag == "mo" and child.attrib == {"stretchy": "true"}:
                separators.append(child.text or "")
                parts.append([])
            else:
                parts[-1].append(child)
        if len(set(separators)) > 1:
            self.warnings.append("different delimiters between two others look like the first")
        marks = {"begChr": first or "", "sepChr": separators[0] if separators else "|"}
        properties = _properties("d", **marks, endChr=last or "")
        return _element("d", properties, *(self.inside("e", *part) for part in parts))

    def table(self, node: Element) -> list[Element]:
        rows = [list(row) for row in node]
        width = max(len(row) for row in rows)
        sides = node.get("columnalign", "center").split()
        columns = _element("mcs")
        for column in range(width):
            side = sides[min(column, len(sides) - 1)]
            kind = _properties("mc", count="1", mcJc=side)
            columns.append(_element("mc", kind))
        if any("border" in cell.get("style", "") for row in rows for cell in row):
            self.warnings.append("the rules of an array are left out")
        if any("padding-bottom" in cell.get("style", "") for row in rows for cell in row):
            self.warnings.append("the extra space between rows is left out")
        properties = _element("mPr", columns)
        matrix = _element("m", properties)
        for row in rows:
            cells = [self.inside("e", *cell) for cell in row]
            cells += [_element("e") for _ in range(width - len(row))]
            matrix.append(_element("mr", *cells))
        return [matrix]

    def phantom(self, node: Element) -> list[Element]:
        hidden = _properties("phant", show="0")
        return [_element("phant", hidden, self.inside("e", *node))]

    def padded(self, node: Element) -> list[Element]:
        if len(node) != 1 or node[0].tag != "mphantom":
            # LibreOffice hides every phantom, also one that is to be seen.
            flat = "width" not in node.attrib
            self.warnings.append(
                "\\smash: its argument keeps its height"
                if flat
                else "a slash stands before what it strikes"
            )
            return self.row(list(node))
        names = {"width": "zeroWid", "height": "zeroAsc", "depth": "zeroDesc"}
        flags = {flag: "1" for side, flag in names.items() if node.get(side) == "0"}
        hidden = _properties("phant", show="0", **flags)
        return [_element("phant", hidden, self.inside("e", *node[0]))]

    def box(self, node: Element) -> list[Element]:
        return [_element("borderBox", self.inside("e", *node))]


_ELEMENTS: dict[str, Callable[[_OmmlWriter, Element], list[Element]]] = {
    "mi": _OmmlWriter.letter,
    "mn": _OmmlWriter.letter,
    "mo": _OmmlWriter.operator,
    "mtext": _OmmlWriter.text,
    "mspace": _OmmlWriter.space,
    "mfrac": _OmmlWriter.fraction,
    "msqrt": _OmmlWriter.root,
    "mroot": _OmmlWriter.root,
    **dict.fromkeys(("msub", "msup", "msubsup"), _OmmlWriter.beside),
    **dict.fromkeys(("munder", "mover", "munderover"), _OmmlWriter.around),
    "mtable": _OmmlWriter.table,
    "mphantom": _OmmlWriter.phantom,
    "mpadded": _OmmlWriter.padded,
    "menclose": _OmmlWriter.box,
}


def _element(name: str, *children: Element) -> Element:
    element = Element(f"{{{MATH}}}{name}")
    element.extend(children)
    return element


def _word(name: str) -> Element:
    return Element(f"{{{WORD}}}{name}")


def _family(name: str) -> Element:
    fonts = _word("rFonts")
    for use in ("ascii", "hAnsi"):
        fonts.set(f"{{{WORD}}}{use}", name)
    return fonts


def _properties(owner: str, **values: str) -> Element:
    """Write the properties of an element, in the order that the schema asks for."""
    properties = _element(f"{owner}Pr")
    for name, value in values.items():
        child = _element(name)
        child.set(f"{{{MATH}}}val", value)
        properties.append(child)
    return properties


def _run(text: str, style: str) -> Element:
    """Write a run; style `p` is upright, nothing is Word's italic."""
    parts = [_properties("r", sty=style)] if style else []
    letters = _element("t")
    letters.text = text
    letters.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return _element("r", *parts, letters)


def _places(tag: str) -> tuple[str, ...]:
    """Say which scripts an element has behind its base."""
    if tag in ("msubsup", "munderover"):
        return ("sub", "sup")
    return ("sub",) if tag in ("msub", "munder") else ("sup",)


def _nary(node: Element) -> Element | None:
    """Return the large operator that an element is, scripts aside."""
    scripted = node.tag in ("msub", "msup", "msubsup", "munder", "mover", "munderover")
    base = node[0] if scripted and len(node) else node
    return base if base.tag == "mo" and base.text in _NARY else None


def _fence_mark(node: Element, form: str) -> str | None:
    matches = node.tag == "mo" and node.get("fence") == "true" and node.get("form") == form
    return (node.text or "") if matches else None


def _is_fenced(children: Sequence[Element]) -> bool:
    if not children:
        return False
    return (
        _fence_mark(children[0], "prefix") is not None
        or _fence_mark(children[-1], "postfix") is not None
    )
