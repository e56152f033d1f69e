"""Readings beside what they should be: HTML reports with figures, plots, errors and pictures.

A report is self-contained: pictures are data URIs, plots are SVG, and no other host is contacted.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.report.page import Table, data_uri, document, fact_list, table
from im2latex_cli.results import Score

GAP = 12
RULE = 208
TEXT_SIZE = 13
NARROWEST = 200


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


def reading_sheet(picture: NDArray[np.uint8], below: NDArray[np.uint8] | str) -> bytes:
    """Draw a picture above another, a grey rule between them; return the sheet as PNG.

    Args:
        picture: (H, W) grey, 255 is paper.
        below: (h, w) grey, or a text saying why there is no picture.
    """
    under = below if not isinstance(below, str) else _text_picture(below)
    width = max(NARROWEST, picture.shape[1], under.shape[1]) + 2 * GAP
    middle = picture.shape[0] + 2 * GAP
    page = np.full((middle + 1 + under.shape[0] + 2 * GAP, width), 255, np.uint8)
    _put(page, picture, GAP)
    page[middle] = RULE
    _put(page, under, middle + 1 + GAP)
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG")
    return buffer.getvalue()


def _put(page: NDArray[np.uint8], picture: NDArray[np.uint8], top: int) -> None:
    height, width = picture.shape
    page[top : top + height, GAP : GAP + width] = picture


def _text_picture(text: str) -> NDArray[np.uint8]:
    font = ImageFont.load_default(size=TEXT_SIZE)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 1, int(bottom - top) + 1), 255)
    ImageDraw.Draw(image).text((-left, -top), text, fill=0, font=font)
    return np.array(image)


Grey = NDArray[np.uint8]

BOTH, LOST, ADDED = (40, 40, 40), (214, 39, 40), (31, 119, 180)
"""Colours of ink on both pages, on the reference alone and on the hypothesis alone."""
MARGIN = 8


def png(picture: NDArray[np.uint8]) -> bytes:
    """The PNG file of a grey `(H, W)` or colour `(H, W, 3)` picture, with a white margin."""
    pad = [(MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)][: picture.ndim]
    buffer = io.BytesIO()
    Image.fromarray(np.pad(picture, pad, constant_values=255)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def overlay(
    reference: Grey, hypothesis: Grey, blocks: Iterable[tuple[bool, slice, slice]]
) -> NDArray[np.uint8]:
    """Lay the pages over each other along an edit script of their columns.

    Equal columns are drawn once, deleted and inserted ones between them, and replaced columns on
    top of each other.

    Args:
        reference: `(H, W)` grey.
        hypothesis: the other page.
        blocks: whether equal, reference columns, hypothesis columns; in order.

    Returns:
        `(H, W, 3)` uint8.
    """
    height = max(len(reference), len(hypothesis))
    left, right = (_ink(page, height) for page in (reference, hypothesis))
    parts = [_part(left[:, a], right[:, b]) for _, a, b in blocks]
    return np.concatenate(parts or [np.full((height, 1, 3), 255, np.uint8)], axis=1)


def _ink(page: Grey, height: int) -> NDArray[np.bool_]:
    ink = np.zeros((height, page.shape[1]), dtype=np.bool_)
    ink[: len(page)] = page <= 128
    return ink


def _part(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.uint8]:
    width = max(left.shape[1], right.shape[1])
    left_ink, right_ink = (
        np.pad(ink, ((0, 0), (0, width - ink.shape[1]))) for ink in (left, right)
    )
    part = np.full((len(left), width, 3), 255, dtype=np.uint8)
    part[left_ink & ~right_ink], part[right_ink & ~left_ink], part[left_ink & right_ink] = (
        LOST,
        ADDED,
        BOTH,
    )
    return part
