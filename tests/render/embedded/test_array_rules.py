import mathra
import pytest

from im2latex_cli.render.embedded.painter import Rule, parse, settle_rules


def bars(formula):
    return parse(mathra.tex_to_svg(formula, strict=True)).bars


def upright(found):
    return [bar for bar in found if bar.height > bar.width]


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_rules_span_the_rows(rows):
    formula = r"\begin{array}{c|c}" + r"\\".join([r"a & \frac{b}{c}"] * rows) + r"\end{array}"
    drawing = parse(mathra.tex_to_svg(formula, strict=True))
    rules = upright(settle_rules(drawing.bars))
    assert len(rules) == rows
    lows, highs = [rule.y for rule in rules], [rule.y + rule.height for rule in rules]
    assert highs[1:] == pytest.approx(lows[:-1])
    letters = [place.y for place in drawing.places]
    assert lows[-1] < min(letters)
    assert highs[0] > max(letters)


def test_rules_end_at_the_level_lines():
    found = settle_rules(bars(r"\begin{array}{|c|}\hline a\\\hline b\\\hline\end{array}"))
    level = [bar for bar in found if bar.width > bar.height]
    rules = upright(found)
    assert min(rule.y for rule in rules) == pytest.approx(min(bar.y for bar in level), abs=45)
    top = max(rule.y + rule.height for rule in rules)
    assert top == pytest.approx(max(bar.y + bar.height for bar in level), abs=45)


def test_a_pair_of_rules_is_set_apart():
    found = upright(settle_rules(bars(r"\begin{array}{c||c}a&b\\c&d\end{array}")))
    assert len(found) == 4
    assert len({bar.x for bar in found}) == 2
    assert len({bar.y for bar in found}) == 2


def test_rules_in_scripts_are_scaled():
    found = upright(settle_rules(bars(r"x^{\begin{array}{c|c}a&b\\c&d\end{array}}")))
    plain = upright(settle_rules(bars(r"\begin{array}{c|c}a&b\\c&d\end{array}")))
    assert sum(bar.height for bar in found) == pytest.approx(0.7 * sum(b.height for b in plain))
    assert min(bar.y for bar in found) > 0


def test_other_bars_stay():
    others = (Rule(0, 5, 100, 68), Rule(3, 4, 500, 900), Rule(1, 1, 40, 40))
    assert settle_rules(others) == others
