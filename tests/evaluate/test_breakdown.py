"""Groups by length, construct and depth, and the commonest confusions."""

from __future__ import annotations

import pytest

from im2latex_cli.evaluate import breakdown
from im2latex_cli.evaluate.breakdown import Confusion


def words(line: str) -> list[str]:
    return line.split()


@pytest.mark.parametrize(
    ("formula", "depth"),
    [
        ("x + y", 0),
        ("x ^ 2", 1),
        ("x ^ { 2 } _ { i }", 1),
        ("x ^ { y ^ 2 }", 2),
        ("x ^ { y _ { z ^ 3 } } + 1", 3),
        (r"\frac { a ^ 2 } { b }", 1),
        ("{ { x } }", 0),
        ("} } x ^ {", 1),
    ],
)
def test_script_depth(formula, depth):
    assert breakdown.script_depth(words(formula)) == depth


@pytest.mark.parametrize(
    ("formula", "constructs"),
    [
        (r"\frac { 1 } { 2 }", {"fraction"}),
        (r"\sqrt { x }", {"root"}),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", {"matrix", "multi-line"}),
        (r"\sum _ { i } \hat { x }", {"big operator", "accent"}),
        (r"\left( x \right)", {"delimiters"}),
        (r"\summit \hatter \rooted", set()),
    ],
)
def test_constructs(formula, constructs):
    found = {name for name, p in breakdown.CONSTRUCTS.items() if breakdown._has(p, words(formula))}
    assert found == constructs


def test_groups_by_source_largest_first_and_the_rest_together():
    sources = ["b", "a", "a", "", *(f"s{number}" for number in range(30))]
    lines = [words("x y z t")] * len(sources)
    read = [words("x y z t") if source == "a" else None for source in sources]
    found = [group for group in breakdown.groups(lines, read, sources) if group.by == "source"]
    assert len(found) == breakdown.SOURCES + 1
    assert [group.group for group in found[:2]] == ["a", "b"]
    assert [group.exact_match for group in found[:2]] == [100.0, 0.0]
    assert found[-1].group == "other or unknown"
    assert sum(group.pictures for group in found) == len(sources)


@pytest.mark.parametrize("sources", [(), ("", ""), ("a", "b")])
def test_sources_that_no_formulas_share_are_no_groups(sources):
    found = breakdown.groups([["x"], ["y"]], [["x"], ["y"]], sources)
    assert "source" not in {group.by for group in found}


def test_groups_cover_every_formula_once_by_length_and_by_depth():
    references = [words("a"), words("a b " * 8), words("x ^ 2 " * 20), words("y " * 200)]
    found = breakdown.groups(references, references)
    for by in ("length", "script depth"):
        assert sum(group.pictures for group in found if group.by == by) == 4
    assert {group.group for group in found if group.by == "length"} == {
        "0-10",
        "11-20",
        "41-80",
        "81 and more",
    }
    assert all(group.exact_match == 100.0 for group in found)


def test_a_group_scores_only_its_own_formulas():
    references = [words(r"\frac { a } { b }"), words("a b c d")]
    found = breakdown.groups(references, [words(r"\frac { a } { c }"), words("a b c d")])
    fraction = next(group for group in found if group.group == "fraction")
    assert (fraction.pictures, fraction.exact_match) == (1, 0.0)
    assert fraction.edit_similarity == pytest.approx(100 * 6 / 7)


def test_confusions_are_counted_and_ranked():
    references = [words(r"\left( a \right)"), words(r"\left( b c"), words(r"\mathcal { A }")]
    hypotheses = [words("( a )"), words("( b c d"), words("A")]
    found = breakdown.confusions(references, hypotheses)
    assert found[0] == Confusion(r"\left(", "(", 2)
    assert Confusion(r"\right)", ")", 1) in found
    assert Confusion("", "d", 1) in found
    assert Confusion(r"\mathcal", "", 1) in found
    assert len(breakdown.confusions(references, hypotheses, limit=2)) == 2


def test_missing_hypotheses_confuse_nothing():
    assert breakdown.confusions([["a"]], [None]) == ()
