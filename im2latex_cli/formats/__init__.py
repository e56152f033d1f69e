"""What a formula becomes outside of LaTeX: Typst, MathML, Office MathML."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversion:
    """A formula in another format.

    Attributes:
        text: the formula, on one line.
        warnings: what the format cannot express, one line each, without repeats.
    """

    text: str
    warnings: tuple[str, ...]
