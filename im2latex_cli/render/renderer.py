"""The interface of every renderer: formulas in, pages or failures out, in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.settings.sections import Look

Reason = Literal["tex-error", "timeout", "refused", "blank", "too-large", "crash"]


class Glyph(NamedTuple):
    """One painted character: the box of its outline on the page, in pixels.

    Attributes:
        font: name of the font, such as cmmi10.
        code: number of the character in that font.
        x: centre of the box, from the page's left edge.
        y: centre of the box, from the page's upper edge.
        width: width of the box.
        height: height of the box.
        token: index of the token that painted it, or -1 if unknown.
    """

    font: str
    code: int
    x: float
    y: float
    width: float
    height: float
    token: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """The ink of one formula before finishing.

    Attributes:
        ink: (H, W) uint8, 255 is paper and 0 full ink, cropped so that every edge touches ink.
        glyphs: the box of each character, in the order of painting; empty if unknown.
        font: typeface, size in points and look, such as "palatino 11 smooth"; empty if all pages
            have the same.
        look: what the page is to become; None for that of the settings.
    """

    ink: NDArray[np.uint8]
    glyphs: tuple[Glyph, ...] = ()
    font: str = ""
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """A formula that gave no page.

    Attributes:
        reason: short stable name for counting.
        message: one line for people, such as TeX's own message.
    """

    reason: Reason
    message: str


class Renderer(Protocol):
    """Formulas to pages. A formula that fails never disturbs another."""

    @property
    def name(self) -> Literal["tex", "embedded"]:
        """Which renderer this is."""

    @property
    def version(self) -> str:
        """Version of the engine; pictures may change with it."""

    def render(self, formulas: Sequence[str]) -> Iterator[Page | RenderFailure]:
        """Yield one page or failure for each formula, in order."""


@runtime_checkable
class TokenRenderer(Renderer, Protocol):
    """A renderer that can say which token painted which glyph."""

    def render_tokens(self, formulas: Sequence[Sequence[str]]) -> Iterator[Page | RenderFailure]:
        """Render normal forms: the pages of the joined tokens, with `Glyph.token` filled in."""
