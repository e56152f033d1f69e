from xml.etree import ElementTree as ET

import pytest

from im2latex_cli.latex.mathml import mathml

pytest.importorskip("latex2mathml")
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


def tags(latex: str) -> list[str]:
    element = mathml(latex)
    assert element is not None
    assert "\n" not in element
    return [one.tag.removeprefix(NAMESPACE) for one in ET.fromstring(element).iter()]


def test_a_formula_is_one_element() -> None:
    assert tags(r"\frac{1}{2}")[:3] == ["math", "mrow", "mfrac"]


def test_aligned_lines_are_a_table() -> None:
    assert tags(r"\begin{aligned}a&=b\\&=c\end{aligned}").count("mtr") == 2


@pytest.mark.parametrize("latex", [r"\genfrac{}{}{0pt}{}{a}{b}", "", r"\frac{1}"])
def test_what_is_not_understood_is_none_or_sound(latex: str) -> None:
    element = mathml(latex)
    assert element is None or ET.fromstring(element).tag == f"{NAMESPACE}math"
    if "genfrac" in latex:
        assert element is None
