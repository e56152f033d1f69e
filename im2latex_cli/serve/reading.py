"""What a server asks of whoever reads its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from im2latex_cli.errors import Im2LatexError


@dataclass(frozen=True, slots=True)
class Asked:
    """One picture and what to tell about it.

    Attributes:
        data: the picture file.
        alternatives: how many readings to give beside the best.
        svg: draw every reading.
        attention: say where the model looked.
        formats: write every reading in the other formats too.
    """

    data: bytes
    alternatives: int = 4
    svg: bool = False
    attention: bool = False
    formats: bool = False


Answer = dict[str, Any]
"""The JSON object of one picture, as `schemas.Reading` describes it."""

Read = Callable[[Sequence[Asked]], Sequence[Answer | Im2LatexError]]
"""Reads pictures together; an answer or an error for each, in order. Called from one thread."""
