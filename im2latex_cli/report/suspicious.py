"""HTML sheet of pictures whose label may be wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from im2latex_cli.report.page import data_uri, document, fact_list


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


def html(title: str, facts: Mapping[str, str], pairs: Sequence[SuspiciousPicture]) -> str:
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
