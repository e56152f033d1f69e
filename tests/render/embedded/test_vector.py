from xml.etree import ElementTree as ET

import pytest

from im2latex_cli.render.embedded import renderer
from im2latex_cli.render.renderer import RenderFailure

SVG = "{http://www.w3.org/2000/svg}"


def test_a_formula_is_outlines_in_the_colour_of_the_text():
    root = ET.fromstring(renderer.to_svg(r"\frac{a}{b}<\sqrt{2}"))
    assert root.find(f"{SVG}title").text == "a over b is less than square root of 2"
    assert root.get("width").endswith("em")
    names = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert names <= {"svg", "title", "defs", "g", "path", "use", "rect"}
    assert "currentColor" in renderer.to_svg("x")


def test_wide_formulas_are_wider():
    widths = [
        float(ET.fromstring(renderer.to_svg(formula)).get("width")[:-2])
        for formula in ("x", "x+x", "x+x+x")
    ]
    assert widths == sorted(set(widths))


@pytest.mark.parametrize(
    "formula", [r"\cancel{x}", r"\boxed{x}", r"\begin{array}{|c|}\hline a\\ \hline\end{array}"]
)
def test_lines_and_boxes_are_drawn(formula):
    assert isinstance(renderer.to_svg(formula), str)


@pytest.mark.parametrize("formula", [r"\frac{", r"\nosuchcommand", "a$b", "x" * 30_000])
def test_what_cannot_be_drawn_is_a_failure(formula):
    assert isinstance(renderer.to_svg(formula), RenderFailure)


def test_text_cannot_become_markup():
    svg = renderer.to_svg(r"\text{</title><script>alert(1)</script>}")
    assert isinstance(svg, RenderFailure) or "<script" not in svg


@pytest.mark.parametrize(
    "body",
    [
        "<defs></defs><script>alert(1)</script>",
        '<defs></defs><use href="https://example.org/x.svg#a"/>',
        '<defs></defs><g onload="alert(1)"></g>',
        "<defs></defs><g onload=alert(1)></g>",
        "<defs></defs><g onload='alert(1)'></g>",
    ],
)
def test_other_elements_and_attributes_are_refused(monkeypatch, body):
    svg = f'<svg viewBox="0 0 1 1">{body}<text >x</text></svg>'
    monkeypatch.setattr(renderer, "typeset", lambda _: svg)
    assert isinstance(renderer.to_svg("x"), RenderFailure)
