"""Character detection matching on hand-made glyphs."""

from __future__ import annotations

import pytest

from im2latex_cli.evaluate import image
from im2latex_cli.evaluate.image import Symbols

pytest.importorskip("scipy.optimize")


def line(text: str, *, left=0.0, top=0.0, font="cmmi12", scale=1.0) -> list[tuple]:
    """Glyphs 20 pixels apart."""
    return [
        (font, ord(letter), left + scale * (20 * at + 10), top + 10.0, 16.0 * scale, 20.0)
        for at, letter in enumerate(text)
    ]


def symbols(*glyphs: tuple, shape=(40, 400)) -> Symbols:
    return Symbols.of(glyphs, shape)


def score(left: list[tuple], right: list[tuple] | None) -> float:
    return image.score_symbols(symbols(*left), None if right is None else symbols(*right))


def test_the_same_symbols_at_the_same_places():
    assert score(line("abcabc"), line("abcabc")) == 1.0


def test_a_shift_and_a_scale_do_not_matter():
    assert score(line("abcdef"), line("abcdef", left=35, scale=1.1)) == 1.0


def test_one_wrong_symbol_costs_both_sides_one():
    assert score(line("abcdef"), line("abcxef")) == pytest.approx(10 / 12)


def test_lost_and_added_symbols():
    assert score(line("abcdef"), line("abcde")) == pytest.approx(10 / 11)
    assert score(line("abcde"), line("abcdef")) == pytest.approx(10 / 11)


def test_right_symbols_at_wrong_places_do_not_count():
    raised = line("abcdefg") + line("h", left=140, top=-60)
    assert score(line("abcdefgh"), raised) == pytest.approx(14 / 16)
    assert score(line("abcdef"), line("fedcba")) < 0.7


def test_the_size_of_the_font_is_no_difference_and_its_family_is():
    assert score(line("abc"), line("abc", font="cmmi8")) == 1.0
    assert score(line("abc"), line("abc", font="cmbx12")) == 0.0


def test_lines_may_have_their_own_shift():
    left = line("abcd") + line("efgh", top=60)
    right = line("abcd") + line("efgh", top=120, left=50)
    assert score(left, right) == 1.0


def test_missing_and_empty_pages():
    assert score(line("abc"), None) == 0.0
    assert score([], []) == 1.0
    assert score(line("abc"), []) == score([], line("abc")) == 0.0


def test_figures():
    found = image.summarize_symbols([1.0, 0.5, 0.0, 1.0])
    assert (found.cdm, found.exprate) == (62.5, 50.0)
    assert image.summarize_symbols([]) == image.CdmScores(0.0, 0.0)


def test_scores_do_not_change_from_call_to_call():
    left, right = line("abcdefghij"), line("abxdefghji", left=3)
    assert len({score(left, right) for _ in range(5)}) == 1
