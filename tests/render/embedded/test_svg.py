import mathra
import pytest

from im2latex_cli.render.embedded.painter import Rule, UnknownDrawingError, cut_out, parse


def drawn(formula):
    return mathra.tex_to_svg(formula, strict=True)


def test_places_scales_and_bars():
    drawing = parse(drawn(r"\frac{a}{b} + x^2"))
    assert len(drawing.places) == 5
    assert sorted(place.scale for place in drawing.places) == [0.7, 1.0, 1.0, 1.0, 1.0]
    (bar,) = drawing.bars
    assert bar.width > 5 * bar.height > 0
    numerator, denominator = drawing.places[:2]
    assert numerator.y > bar.y > denominator.y


def test_same_letter_same_outline_and_code():
    first, second, third = parse(drawn("aab")).places
    assert (first.outline, first.code) == (second.outline, second.code)
    assert first.outline != third.outline
    assert first.code != third.code


def test_source_text_is_not_read():
    assert len(parse(drawn(r"\text{<rect/>}")).bars) == 0


def test_upright_and_level_lines_are_bars():
    line = '<defs></defs><line x1="0" x2="{}" y1="5" y2="{}" stroke-width="2"/><text x=""/>'
    assert parse(line.format(9, 5)).bars == (Rule(0, 4, 9, 2),)
    assert parse(line.format(0, 25)).bars == (Rule(-1, 5, 2, 20),)
    with pytest.raises(UnknownDrawingError, match="slanted"):
        parse(line.format(9, 25))


@pytest.mark.parametrize(
    "body",
    [
        "<svg></svg>",
        "<defs></defs><ellipse/>",
        '<defs><path id="a" d="M0 0 A5 5 0 0 1 9 9"/></defs>',
        '<defs><path id="g1" d="M0 0 L1 1Z"/></defs><use href="#g1" transform="rotate(4)"/>',
    ],
)
def test_unknown_drawings(body):
    with pytest.raises(UnknownDrawingError):
        parse(body)


def test_cut_out():
    box, body = cut_out(drawn("x"))
    assert box[2] > 0
    assert body.startswith("<defs>")
    assert body.endswith("</g>")
    with pytest.raises(UnknownDrawingError):
        cut_out("<svg></svg>")
