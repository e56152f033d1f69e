"""Formulas as Office MathML and Word documents."""

import io
import shutil
import subprocess
import zipfile
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from formulas import GRAMMAR, real, shipped
from hypothesis import HealthCheck, given, settings

from im2latex_cli.formats.omml import MATH, WORD, docx, omml
from im2latex_cli.latex.normalize import normalize

PARTS = {
    "f": ("num", "den"),
    "sSub": ("e", "sub"),
    "sSup": ("e", "sup"),
    "sSubSup": ("e", "sub", "sup"),
    "limLow": ("e", "lim"),
    "limUpp": ("e", "lim"),
    "rad": ("deg", "e"),
    "nary": ("sub", "sup", "e"),
    "acc": ("e",),
    "bar": ("e",),
    "groupChr": ("e",),
    "phant": ("e",),
    "borderBox": ("e",),
    "oMathPara": ("oMath",),
}
"""What the schema (ECMA-376, shared-math.xsd) wants inside, in this order, properties aside."""


SIZES = "Word chooses the size of fractions and large operators itself"


def name(element: ET.Element) -> str:
    return element.tag.removeprefix(f"{{{MATH}}}")


def faults(text: str) -> list[str]:
    found = []
    for element in ET.fromstring(text).iter():
        inside = tuple(name(child) for child in element if not name(child).endswith("Pr"))
        wanted = PARTS.get(name(element))
        if wanted is not None and inside != wanted:
            found.append(f"{name(element)} holds {inside}")
        if name(element) == "d" and set(inside) != {"e"}:
            found.append(f"d holds {inside}")
        if name(element) == "m" and set(inside) != {"mr"}:
            found.append(f"m holds {inside}")
    return found


def structure(latex: str) -> str:
    """The names of a formula's elements, nested, without properties and runs."""

    def inner(element: ET.Element) -> str:
        if name(element) == "r":
            return "".join(element.itertext())
        parts = [inner(child) for child in element if not name(child).endswith("Pr")]
        return f"{name(element)}({' '.join(parts)})"

    normal = normalize(latex)
    assert normal.problem is None
    return inner(ET.fromstring(omml(normal.tokens).text)[0])


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"x_i^2", "oMath(sSubSup(e(x) sub(i) sup(2)))"),
        (r"\frac{a}{b}", "oMath(f(num(a) den(b)))"),
        (r"\sum_{n}x=1", "oMath(nary(sub(n) sup() e(x)) = 1)"),
        (r"\lim_{n}x", "oMath(limLow(e(lim) lim(n)) \u2009 x)"),
        (r"\left(x\middle|y\right]", "oMath(d(e(x) e(y)))"),
        (r"\hat{x}\overline{y}", "oMath(acc(e(x)) bar(e(y)))"),
        (r"\begin{matrix}a&b\\c\end{matrix}", "oMath(m(mr(e(a) e(b)) mr(e(c) e())))"),
        (r"\sqrt{x}", "oMath(rad(deg() e(x)))"),
        (r"\phantom{x}+", "oMath(phant(e(x)) +)"),
        (r"\underbrace{x}_{n}", "oMath(limLow(e(groupChr(e(x))) lim(n)))"),
    ],
)
def test_a_formula_is_its_elements(latex, text):
    assert structure(latex) == text


@pytest.mark.parametrize(
    ("latex", "warnings"),
    [
        (r"a\!b\hspace{-1em}c", ["a negative space is left out"]),
        (r"\tfrac12", [SIZES]),
        (r"\frac12", []),
        (r"\textstyle x", []),
        (r"\textstyle\sum x", [SIZES]),
        (r"\cfrac{1}{1+\cfrac12}", [SIZES]),
        (r"\begin{aligned}a&=\frac12\\ b&=c\end{aligned}", [SIZES]),
        (r"\begin{aligned}a&=1\\ b&=c\end{aligned}", []),
        (r"x\scriptstyle y", ["small letters are as large as the others"]),
        (r"x^{\begin{smallmatrix}a&b\end{smallmatrix}}", []),
        (r"\begin{smallmatrix}a&b\end{smallmatrix}", ["small letters are as large as the others"]),
        (r"\cfrac[l]{1}{2}", [r"\cfrac: its numerator is centred"]),
        (r"\smash{x}", [r"\smash: its argument keeps its height"]),
        (r"x\not", ["a slash stands before what it strikes"]),
        (r"\begin{matrix}a\\[3pt]b\end{matrix}", ["the extra space between rows is left out"]),
    ],
)
def test_what_is_lost_is_a_warning(latex, warnings):
    assert list(omml(normalize(latex).tokens).warnings) == warnings


def test_text_keeps_its_font():
    run = ET.fromstring(omml(normalize(r"\text{\texttt{\textbf{x}}}").tokens).text)[0][0]
    fonts, bold = run.find(f"{{{WORD}}}rPr")
    assert (fonts.get(f"{{{WORD}}}ascii"), bold.tag) == ("Courier New", f"{{{WORD}}}b")


def test_formulas_of_the_package_are_sound():
    for formula in shipped(synthetic=200):
        assert faults(omml(formula).text) == []


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(GRAMMAR)
def test_whatever_the_grammar_makes_is_sound(tokens):
    assert faults(omml(tokens).text) == []


def test_a_document_holds_its_formulas_and_is_always_the_same():
    formulas = shipped(synthetic=0)[:5]
    content, warnings = docx(formulas)
    assert warnings == ()
    assert docx(formulas) == (content, warnings)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        document = ET.fromstring(archive.read("word/document.xml"))
    assert len(document.findall(f".//{{{WORD}}}p/{{{MATH}}}oMathPara")) == 5


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_libreoffice_opens_a_document_with_formulas_to_edit(tmp_path):
    formulas = real(100) or shipped(synthetic=0)[:100]
    document = tmp_path / "formulas.docx"
    document.write_bytes(docx(formulas)[0])
    home = f"-env:UserInstallation=file://{tmp_path / 'home'}"
    for kind in ("odt", "pdf"):
        subprocess.run(
            ["soffice", home, "--headless", "--convert-to", kind, "--outdir", tmp_path, document],
            check=True,
            capture_output=True,
            timeout=300,
        )
    with zipfile.ZipFile(tmp_path / "formulas.odt") as archive:
        objects = [part for part in archive.namelist() if part.endswith("/content.xml")]
        texts = [archive.read(part).decode() for part in objects]
    assert len(texts) == len(formulas)  # each a formula object, not a picture
    assert all("http://www.w3.org/1998/Math/MathML" in text for text in texts)
    assert any("mfrac" in text for text in texts)
    assert not any("merror" in text for text in texts)
    check_lines_of_ink(tmp_path / "formulas.pdf", len(formulas))


def check_lines_of_ink(document, count):
    """The drawn pages have at least as many lines with ink, one below the other, as formulas."""
    pdfium = pytest.importorskip("pypdfium2")
    lines = 0
    for page in pdfium.PdfDocument(document):
        picture = page.render(scale=2, grayscale=True).to_numpy()
        inked = (picture.reshape(len(picture), -1) < 128).any(axis=1)
        lines += np.count_nonzero(inked[1:] & ~inked[:-1])
    assert lines >= count
