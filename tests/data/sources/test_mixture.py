"""Several data sets in one build: what the shares mean, and what is wrong with them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.data.plan import BEYOND_SHARE, BuildPlan, make_plan
from im2latex_cli.data.sources.entries import BadLine, Source, SourceFormula
from im2latex_cli.data.sources.source import mix, parse_shares
from im2latex_cli.errors import InputError, UsageError


def numbers(name: str, letter: str, count: int) -> Source:
    rows = [SourceFormula(line, f"{letter}_{{{line}}}") for line in range(1, count + 1)]
    return Source(name, name, lambda: iter(rows))


def plan(source: Source, limit: int | None = None) -> BuildPlan:
    return make_plan(source, limit=limit, val_share=0.2, test_share=0.2, spacing="keep")


def sizes(planned: BuildPlan) -> dict[str | None, int]:
    names = [item.file for item in planned.items]
    return {name: names.count(name) for name in sorted(set(names), key=str)}


def test_shares_are_of_all_formulas() -> None:
    mixed = mix([numbers("a.txt", "a", 100), numbers("b.txt", "b", 100)], [0.75, 0.25])
    planned = plan(mixed)
    assert sizes(planned) == {"a.txt": 100, "b.txt": 33}
    assert [row.reason for row in planned.exclusions] == [BEYOND_SHARE] * 67
    assert planned.exclusions[0].message == "b.txt has its share with 33 of 100 formulas"
    assert {item.origin for item in planned.items} == {"a", "b"}


def test_shares_are_relative() -> None:
    sources = [numbers("a.txt", "a", 100), numbers("b.txt", "b", 100)]
    assert plan(mix(sources, [75, 25])) == plan(mix(sources, [0.75, 0.25]))


def test_the_splits_keep_their_shares() -> None:
    sources = [numbers("a.txt", "a", 1000), numbers("b.txt", "b", 5000)]
    planned = plan(mix(sources, [0.5, 0.5]))
    for part in (0, 1):
        own = [item.split for item in planned.items if item.part == part]
        assert len(own) == 1000
        assert 150 < own.count("test") < 250
        assert 150 < own.count("val") < 250


def test_without_shares_all_is_used_and_the_first_counts() -> None:
    mixed = mix([numbers("a.txt", "a", 5), numbers("b.txt", "a", 8)], [None, None])
    planned = plan(mixed)
    assert sizes(planned) == {"a.txt": 5, "b.txt": 3}
    assert {row.reason for row in planned.exclusions} == {"duplicate"}
    assert sizes(plan(mixed, limit=2)) == {"a.txt": 2}


def test_the_limit_is_of_each() -> None:
    mixed = mix([numbers("a.txt", "a", 9), numbers("b.txt", "b", 9)], [None, None])
    assert sizes(plan(mixed, limit=4)) == {"a.txt": 4, "b.txt": 4}


def test_a_part_without_formulas_cannot_have_a_share() -> None:
    empty = Source("b.txt", "0", lambda: iter([BadLine(1, "", "empty", "no formula")]))
    with pytest.raises(InputError, match=r"b\.txt has no formula of its own"):
        plan(mix([numbers("a.txt", "a", 3), empty], [0.5, 0.5]))


def test_files_of_one_name_are_told_apart() -> None:
    mixed = mix([numbers("a.txt", "a", 1), numbers("a.txt", "b", 1)], [None, None])
    assert sizes(plan(mixed)) == {"a.txt": 1, "a.txt (2)": 1}


def test_pictures_are_those_of_their_part() -> None:
    def own(name: str, content: bytes) -> Source:
        rows = [SourceFormula(1, name, image="p/1.png")]
        pictures = {"p/1.png": content}
        return Source(name, name, lambda: iter(rows), pictures.__getitem__)

    both = mix([own("x", b"one"), own("y", b"two")], [None, None])
    assert both.is_imported
    assert both.picture is not None
    images = [row.image for row in both.read() if isinstance(row, SourceFormula)]
    assert [both.picture(str(image)) for image in images] == [b"one", b"two"]
    assert not mix([own("x", b"one"), numbers("a.txt", "a", 1)], [None, None]).is_imported


@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.data())
def test_no_part_has_more_than_its_share(counts: list[int], data: st.DataObject) -> None:
    shares = [data.draw(st.floats(0.1, 10)) for _ in counts]
    sources = [numbers(f"{n}.txt", "abcd"[n], count) for n, count in enumerate(counts)]
    planned = plan(mix(sources, shares))
    total = min(count / share for count, share in zip(counts, shares, strict=True))
    for part, (count, share) in enumerate(zip(counts, shares, strict=True)):
        own = sum(item.part == part for item in planned.items)
        assert 1 <= own <= count
        assert abs(own - total * share) <= 1
    assert len(planned.items) + len(planned.exclusions) == sum(counts)


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ([], "No data set is named"),
        (["a", "a"], "The data set a is named twice"),
        (["a=0.5", "a=0.5"], "The data set a is named twice"),
        (["a=0.5"], "a has a share, and there is no other"),
        (["a=0.5", "b"], "a has a share and b has none"),
        (["a=0", "b=1"], "The share of a is 0; it must be above 0"),
        (["a=1", "b=nan"], "The share of b is nan"),
        (["a=1", "b=inf"], "The share of b is inf"),
    ],
)
def test_wrong_shares_are_refused(datasets: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_shares(datasets)


def test_a_file_with_an_equals_sign_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("n=2").write_text("x\n")
    assert parse_shares(["n=2"]) == [("n=2", None)]
    assert parse_shares(["n=2=1", "n=three=3"]) == [("n=2", 1.0), ("n=three", 3.0)]
    assert parse_shares(["=1", "a="]) == [("=1", None), ("a=", None)]
