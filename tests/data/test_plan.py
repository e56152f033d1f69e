from collections.abc import Sequence

from im2latex_cli.data.plan import BuildPlan, make_plan
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula


def planned(rows: Sequence[SourceFormula | BadLine], limit: int | None = None) -> BuildPlan:
    source = Source("s", "0", lambda: iter(rows))
    return make_plan(source, limit=limit, val_share=0.2, test_share=0.2, spacing="keep")


def test_every_line_is_an_item_or_left() -> None:
    rows = [
        SourceFormula(1, "x", "test"),
        BadLine(2, "", "empty", "no formula in this line"),
        SourceFormula(3, "{", "train"),
        SourceFormula(4, "x", "train"),
        SourceFormula(5, " x ", "train"),
        SourceFormula(6, "% nothing", "val"),
        SourceFormula(7, "y", "val"),
        SourceFormula(8, "z", "train"),
    ]
    plan = planned(rows)
    assert [(i.line, i.split, i.file_name) for i in plan.items] == [
        (4, "train", "000000.png"),
        (7, "val", "000000.png"),
        (8, "train", "000001.png"),
    ]
    assert [(row.line, row.reason) for row in plan.exclusions] == [
        (1, "overlap"),
        (2, "empty"),
        (3, "unsound"),
        (5, "duplicate"),
        (6, "unsound"),
    ]
    assert plan.exclusions[0].message == "the same normal form is in train, line 4"


def test_formula_stays_as_the_source_gave_it_and_the_form_is_normal() -> None:
    (item,) = planned([SourceFormula(1, " x^2 % square", "train")]).items
    assert item.formula == " x^2 % square"
    assert item.form == "x ^ { 2 }"


def test_limit_counts_lines() -> None:
    rows = [SourceFormula(1, "x"), BadLine(2, "", "empty", "-"), SourceFormula(3, "y")]
    assert [item.line for item in planned(rows, limit=2).items] == [1]


def test_without_own_split_adding_formulas_moves_none() -> None:
    rows = [SourceFormula(n, f"x_{{{n}}}") for n in range(1, 200)]
    before = {item.form: item.split for item in planned(rows[::2]).items}
    after = {item.form: item.split for item in planned(rows).items}
    assert before == {form: after[form] for form in before}
    assert set(before.values()) == {"train", "val", "test"}


def test_formulas_of_a_group_stay_together_whatever_the_source_says() -> None:
    rows = [
        SourceFormula(n, f"x_{{{n}}}", "train", group=f"author {n % 40}") for n in range(1, 400)
    ]
    groups: dict[int, set[str]] = {}
    for item in planned(rows).items:
        groups.setdefault(item.line % 40, set()).add(item.split)
    assert all(len(found) == 1 for found in groups.values())
    assert set.union(*groups.values()) == {"train", "val", "test"}


def test_formulas_on_one_line_are_told_apart() -> None:
    rows = [
        SourceFormula(7, "x", file="a.tex"),
        SourceFormula(7, "x", file="b.tex"),
        BadLine(7, "", "empty", "-"),
    ]
    plan = planned(rows)
    assert [(item.place, item.file) for item in plan.items] == [(0, "a.tex")]
    assert [(row.place, row.reason) for row in plan.exclusions] == [(1, "duplicate"), (2, "empty")]
    assert plan.exclusions[0].to_json()["file"] == "b.tex"
    assert "a.tex, line 7" in plan.exclusions[0].message
    assert "file" not in plan.exclusions[1].to_json()
