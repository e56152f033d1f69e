"""Formats by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from im2latex_cli.formats.mathml import mathml
from im2latex_cli.formats.omml import omml
from im2latex_cli.formats.result import Converted
from im2latex_cli.formats.typst import typst

Format = Literal["typst", "mathml", "omml"]

WRITERS: dict[Format, Callable[[Sequence[str]], Converted]] = {
    "typst": typst,
    "mathml": mathml,
    "omml": omml,
}


def convert(tokens: Sequence[str], form: Format) -> Converted:
    """Write a normal form in another format, on one line.

    Args:
        tokens: of `normalize`, or a recogniser's.
        form: the format's name.
    """
    return WRITERS[form](tokens)
