"""What every format gives back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Converted:
    """A formula in another format.

    Attributes:
        text: the formula, on one line.
        warnings: what the format cannot say, one line each, without repeats.
    """

    text: str
    warnings: tuple[str, ...]
