"""HTML report on an evaluation: figures, plots, examples of errors, and labels that may be wrong.

Self-contained: pictures are data URIs, plots are SVG, and no other host is contacted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from im2latex_cli.report.page import Table, data_uri, document, fact_list, table
from im2latex_cli.results import Score

__all__ = ["Case", "Figure", "Plot", "Report", "ScoreBar", "Table", "html"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in percent, with its interval if it has one."""

    name: str
    score: Score


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """One bar of a plot: percent, and the number of formulas it was computed from."""

    label: str
    value: float
    count: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars under a title."""

    title: str
    bars: tuple[ScoreBar, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One formula of the gallery.

    Attributes:
        kind: worst, median, random, better or worse.
        id: the picture's name.
        verdict: its score in words.
        pictures: caption -> PNG file.
        tokens: title of a line -> its pieces, each text and one of same, lost, added.
        remark: further information, such as why there is no page.
    """

    kind: str
    id: str
    verdict: str
    pictures: Mapping[str, bytes]
    tokens: Mapping[str, Sequence[tuple[str, str]]]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows."""

    title: str
    facts: Mapping[str, str]
    figures: tuple[Figure, ...]
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    cases: tuple[Case, ...] = ()


def html(report: Report) -> str:
    """The page as text."""
    parts = [
        fact_list(report.facts),
        _figures(report.figures),
        *map(_plot, report.plots),
        *map(table, report.tables),
        _gallery(report),
    ]
    return document(report.title, parts)


def _figures(figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{escape(figure.name)}</th><td>{figure.score:.2f}</td>"
        f"<td>{_interval(figure.score)}</td><td>{_scale(figure.score)}</td></tr>"
        for figure in figures
    )
    return (
        "<h2>Scores</h2><table><thead><tr><th>figure</th><th>percent</th>"
        f"<th>95 % interval</th><th>0 to 100</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _interval(score: Score) -> str:
    return "" if score.interval is None else "{:.2f} to {:.2f}".format(*score.interval)


def _scale(score: Score) -> str:
    """A bar from 0 to 100 with the interval as a whisker."""
    width = max(0.0, min(100.0, score.value))
    whisker = ""
    if score.interval is not None:
        low, high = score.interval
        whisker = (
            f'<path class="whisker" d="M{low:.2f} 6H{high:.2f}M{low:.2f} 3v6M{high:.2f} 3v6"/>'
        )
    return (
        '<svg class="scale" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" '
        f'aria-label="{score:.1f} percent"><rect class="track" width="100" height="12"/>'
        f'<rect class="bar" width="{width:.2f}" height="12"/>{whisker}</svg>'
    )


def _plot(plot: Plot) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(bar.label)}</th><td>{bar.value:.1f}</td>"
        f"<td>{bar.count:,}</td><td>{_scale(Score(bar.value))}</td></tr>"
        for bar in plot.bars
    )
    return (
        f"<h2>{escape(plot.title)}</h2><table><thead><tr><th></th><th>percent</th>"
        f"<th>formulas</th><th>0 to 100</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _gallery(report: Report) -> str:
    if not report.cases:
        return ""
    legend = (
        '<p class="legend"><span class="lost">only in the reference</span> '
        '<span class="added">only in the prediction</span></p>'
    )
    kinds = dict.fromkeys(case.kind for case in report.cases)
    sections = (
        f"<h3>{escape(kind)}</h3>"
        + "".join(_case(case) for case in report.cases if case.kind == kind)
        for kind in kinds
    )
    return f"<h2>Gallery</h2>{legend}{''.join(sections)}"


def _case(case: Case) -> str:
    pictures = "".join(
        f'<figure><img alt="{escape(caption)} of {escape(case.id)}" src="{data_uri(picture)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, picture in case.pictures.items()
    )
    lines = "".join(
        f"<p class=tokens><b>{escape(title)}</b> {_pieces(pieces)}</p>"
        for title, pieces in case.tokens.items()
    )
    remark = f"<p class=remark>{escape(case.remark)}</p>" if case.remark else ""
    return (
        f"<article><h4>{escape(case.id)} <small>{escape(case.verdict)}</small></h4>"
        f"{pictures}{lines}{remark}</article>"
    )


def _pieces(pieces: Sequence[tuple[str, str]]) -> str:
    return " ".join(
        escape(text) if kind == "same" else f'<span class="{kind}">{escape(text)}</span>'
        for text, kind in pieces
    )


@dataclass(frozen=True, slots=True)
class SuspiciousPicture:
    """A picture with a label that may be wrong.

    Attributes:
        id: the picture's name.
        picture: PNG file; empty if it cannot be read.
        label: the formula that it is said to show.
        reading: what the model reads; empty if it was not asked.
        verdict: the losses, in words.
    """

    id: str
    picture: bytes
    label: str
    reading: str
    verdict: str


def suspicious_html(
    title: str, facts: Mapping[str, str], pairs: Sequence[SuspiciousPicture]
) -> str:
    """The page as text."""
    return document(title, [fact_list(facts), *map(_pair, pairs)])


def _pair(pair: SuspiciousPicture) -> str:
    reading = f"<p class=tokens><b>read</b> {escape(pair.reading)}</p>" if pair.reading else ""
    figure = (
        f'<figure><img loading=lazy alt="" src="{data_uri(pair.picture)}"></figure>'
        if pair.picture
        else ""
    )
    return (
        f"<article><h4>{escape(pair.id)}</h4>{figure}"
        f"<p class=tokens><b>label</b> {escape(pair.label)}</p>{reading}"
        f"<p><small>{escape(pair.verdict)}</small></p></article>"
    )
