from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.report.building import BINS, Building, Histogram, Sample, bars, html
from im2latex_cli.report.page import Table

PAGE = Building(
    title="A <title>",
    facts={"source": "a & b"},
    histograms=(Histogram("Width <px>", [3, 4, 4, 90]), Histogram("Nothing", [])),
    tables=(Table("Failures", ("reason",), (("<tex-error>",),)), Table("None", ("x",), ())),
    samples=(Sample("test/1", 'a < "b"', "a < b", b"PNG"),),
)


class Texts(HTMLParser):
    """Collects texts, tags and addresses, and checks that what opens closes."""

    void = frozenset({"meta", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_whole_escaped_and_self_contained() -> None:
    page = Texts()
    page.feed(html(PAGE))
    assert not page.open
    assert {"A <title>", "a & b", "Width <px>", "<tex-error>", 'a < "b"'} <= set(page.texts)
    assert page.addresses == ["data:image/png;base64,UE5H"]
    assert page.tags.count("svg") == 1
    assert "Nothing" not in page.texts
    assert "None" not in page.texts


def test_an_empty_data_set_has_a_page() -> None:
    assert "<svg" not in html(Building("empty", {}, (Histogram("x", []),), (), ()))


@pytest.mark.parametrize(
    ("values", "labels", "counts"),
    [
        ([7], ["7"], [1]),
        ([0, 1, 1, 3], ["0", "1", "2", "3"], [1, 2, 0, 1]),
        ([10, 59], None, None),
        ([*range(100, 130)] * 10 + [10_000], None, None),
    ],
)
def test_bars(values: list[int], labels: list[str] | None, counts: list[int] | None) -> None:
    found = bars(values)
    if labels is not None:
        assert [bar.label for bar in found] == labels
        assert [bar.count for bar in found] == counts
    else:
        assert 10 < len(found) <= BINS


def test_the_longest_of_many_share_the_last_bar() -> None:
    found = bars([*range(30)] * 100 + [10_000, 20_000])
    assert (found[-1].high, found[-1].count) == (None, 2)
    assert found[-1].label == "30 and more"


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_every_value_is_in_one_bar(values: list[int]) -> None:
    found = bars(values)
    assert len(found) <= BINS + 1
    assert sum(bar.count for bar in found) == len(values)
    for bar in found:
        high = max(values) if bar.high is None else bar.high
        assert bar.count == sum(bar.low <= value <= high for value in values)
