"""HTML report on a data set: sizes, lengths, random pictures and failures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from im2latex_cli.report.page import Table, data_uri, document, fact_list, table

BINS = 30
TAIL = 0.005
"""Share of the largest values that share the last bar."""
_STEPS = (1, 2, 5)
_HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Histogram:
    """Values to count: whole numbers, 0 or more."""

    title: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """One bar: values from `low` to `high`; without an upper bound if `high` is None."""

    low: int
    high: int | None
    count: int

    @property
    def label(self) -> str:
        """The values, in words."""
        if self.high is None:
            return f"{self.low} and more"
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture with its formula.

    Attributes:
        id: the picture's name.
        formula: as the source gave it.
        tokens: its normal form, separated by spaces.
        picture: the PNG file.
    """

    id: str
    formula: str
    tokens: str
    picture: bytes


@dataclass(frozen=True, slots=True)
class Building:
    """Everything the page shows."""

    title: str
    facts: Mapping[str, str]
    histograms: tuple[Histogram, ...]
    tables: tuple[Table, ...]
    samples: tuple[Sample, ...]


def html(building: Building) -> str:
    """The page as text."""
    samples = "".join(map(_sample, building.samples))
    parts = [
        fact_list(building.facts),
        *(_histogram(content) for content in building.histograms if content.values),
        *(table(content) for content in building.tables if content.rows),
        f"<h2>{len(building.samples)} pictures at random</h2>{samples}" if samples else "",
    ]
    return document(building.title, parts)


def bars(values: Sequence[int]) -> list[HistogramBar]:
    """Count values in at most `BINS` bars of one width: 1, 2 or 5 times a power of ten."""
    ordered = sorted(values)
    longest = ordered[math.ceil(len(ordered) * (1 - TAIL)) - 1]
    low = ordered[0]
    width = next(
        step * 10**power
        for power in range(len(str(longest)) + 1)
        for step in _STEPS
        if longest // (step * 10**power) - low // (step * 10**power) < BINS - 1
    )
    first, last = low // width, longest // width
    counts = Counter(min(value // width, last + 1) for value in ordered)
    equal = [
        HistogramBar(place * width, place * width + width - 1, counts[place])
        for place in range(first, last + 1)
    ]
    rest = [HistogramBar((last + 1) * width, None, counts[last + 1])] if counts[last + 1] else []
    return equal + rest


def _histogram(histogram: Histogram) -> str:
    columns = bars(histogram.values)
    tallest = max(bar.count for bar in columns)
    rects = "".join(
        f'<rect class="bar" x="{10 * place + 0.5}" y="{_HEIGHT - height:.2f}" width="9" '
        f'height="{height:.2f}"><title>{escape(bar.label)}: {bar.count:,}</title></rect>'
        for place, bar in enumerate(columns)
        for height in [_HEIGHT * bar.count / tallest]
    )
    ordered = sorted(histogram.values)
    caption = (
        f"From {ordered[0]:,} to {ordered[-1]:,}, median {ordered[len(ordered) // 2]:,}; "
        f"a bar is {columns[0].label}, {columns[min(1, len(columns) - 1)].label} and so on, "
        f"the tallest has {tallest:,}."
    )
    return (
        f'<h2>{escape(histogram.title)}</h2><svg class="histogram" role="img" '
        f'viewBox="0 0 {10 * len(columns)} {_HEIGHT}" preserveAspectRatio="none" '
        f'aria-label="{escape(caption)}">{rects}</svg><p><small>{escape(caption)}</small></p>'
    )


def _sample(sample: Sample) -> str:
    return (
        f"<article><h4>{escape(sample.id)}</h4><figure><img loading=lazy "
        f'alt="{escape(sample.formula)}" src="{data_uri(sample.picture)}"></figure>'
        f"<p class=tokens>{escape(sample.formula)}</p>"
        f"<p class=tokens><b>normal form</b> {escape(sample.tokens)}</p></article>"
    )
