"""Formats by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from im2latex_cli.formats import Conversion
from im2latex_cli.formats.mathml import mathml
from im2latex_cli.formats.omml import omml
from im2latex_cli.formats.typst import typst

Format = Literal["typst", "mathml", "omml"]

WRITERS: dict[Format, Callable[[Sequence[str]], Conversion]] = {
    "typst": typst,
    "mathml": mathml,
    "omml": omml,
}


def convert(tokens: Sequence[str], form: Format) -> Conversion:
    """Write a normal form in another format.

    Args:
        tokens: of `normalize` or of a hypothesis.
        form: `"typst"`, `"mathml"` or `"omml"` (Office MathML).

    Returns:
        The formula on one line. What the format cannot express is in the warnings, and a formula
        that is not well-formed is written as text.
    """
    return WRITERS[form](tokens)
