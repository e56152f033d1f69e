"""Formulas as MathML."""

from xml.etree import ElementTree as ET

import pytest
from formulas import GRAMMAR, real, shipped
from hypothesis import HealthCheck, given, settings

from im2latex_cli.formats.mathml import mathml
from im2latex_cli.formats.mathml_elements import NAMESPACE
from im2latex_cli.latex.normalize import normalize

CHILDREN = {
    "mfrac": 2,
    "msub": 2,
    "msup": 2,
    "msubsup": 3,
    "munder": 2,
    "mover": 2,
    "munderover": 3,
    "mroot": 2,
    "math": None,
    "mrow": None,
    "mstyle": None,
    "msqrt": None,
    "mphantom": None,
    "mpadded": None,
    "menclose": None,
    "merror": None,
    "mtd": None,
    "mspace": 0,
    "mi": 0,
    "mn": 0,
    "mo": 0,
    "mtext": 0,
}
"""Children of each element that MathML Core knows (and of menclose); None is any number."""


def faults(text: str) -> list[str]:
    """What a browser would not draw as meant."""
    found = []
    for element in ET.fromstring(text).iter():
        tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        inside = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
        if tag in ("mtable", "mtr"):
            wanted = {"mtable": "mtr", "mtr": "mtd"}[tag]
            if not inside or set(inside) != {wanted}:
                found.append(f"{tag} holds {inside}")
        elif tag not in CHILDREN:
            found.append(f"unknown element {tag}")
        elif CHILDREN[tag] not in (None, len(element)):
            found.append(f"{tag} has {len(element)} children")
        if element.get("mathvariant", "normal") != "normal":
            found.append("mathvariant")
    return found


def written(latex: str) -> str:
    normal = normalize(latex)
    assert normal.problem is None
    result = mathml(normal.tokens)
    assert result.warnings == ()
    head = f'<math xmlns="{NAMESPACE}" display="block">'
    assert result.text.startswith(head)
    return result.text.removeprefix(head).removesuffix("</math>")


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        (r"\frac{1}{10.5}", "<mfrac><mn>1</mn><mn>10.5</mn></mfrac>"),
        (r"\mathbf{x}\mathbb{R}\mathcal{B}", "<mi>𝐱</mi><mi>ℝ</mi><mi>ℬ</mi>"),
        (
            r"\mathrm{d}x_{\mathrm{max}}",
            '<mi mathvariant="normal">d</mi><msub><mi>x</mi><mi>max</mi></msub>',
        ),
        (r"\sqrt[3]{x}", "<mroot><mi>x</mi><mn>3</mn></mroot>"),
        (
            r"\sum_{n}",
            '<munder><mo movablelimits="false">∑</mo><mi>n</mi></munder>',
        ),
        (r"\int_{n}", "<msub><mo>∫</mo><mi>n</mi></msub>"),
        (r"\text{if }", "<mtext>if</mtext>"),
        (r"a\not\leadsto", "<mi>a</mi><mo>⇝̸</mo>"),
        (
            r"\hat{x}",
            '<mover accent="true"><mi>x</mi><mo stretchy="false">^</mo></mover>',
        ),
        (r"\sin x", '<mi>sin</mi><mo>\u2061</mo><mspace width="0.1667em" /><mi>x</mi>'),
        (r"10{,}000", "<mn>10,000</mn>"),
    ],
)
def test_a_formula_is_its_elements(latex, text):
    assert written(latex) == text


def test_a_table_says_how_its_columns_are_aligned():
    table = ET.fromstring(
        mathml(normalize(r"\begin{array}{l|r}a&b\\ \hline c&d\end{array}").tokens).text
    )[0]
    assert table.get("columnalign") == "left right"
    styles = [cell.get("style") for row in table for cell in row]
    assert styles == [
        "text-align: left",
        "text-align: right; border-left: 1px solid",
        "text-align: left; border-top: 1px solid",
        "text-align: right; border-top: 1px solid; border-left: 1px solid",
    ]


def test_a_broken_formula_is_text_with_a_warning():
    result = mathml(("\\frac", "{", "<", "}"))
    assert "<merror><mtext>\\frac{&lt;}</mtext></merror>" in result.text
    assert "text" in result.warnings[0]


def test_formulas_of_the_package_are_sound_elements():
    for formula in shipped(synthetic=300):
        result = mathml(formula)
        assert faults(result.text) == []
        assert result.warnings == ()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(GRAMMAR)
def test_whatever_the_grammar_makes_is_sound(tokens):
    assert faults(mathml(tokens).text) == []


@pytest.mark.slow
def test_ten_thousand_real_formulas_are_sound():
    formulas = real(10_000)
    if not formulas:
        pytest.skip("IM2LATEX_DATA has no formulas/open.tsv.gz")
    assert [formula for formula in formulas if faults(mathml(formula).text)] == []
