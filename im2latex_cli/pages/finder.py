"""The finder: from a page to its displayed formulas; beside it the layout rules alone.

The rules learn nothing. They cut ink into rows at the white that separates displayed formulas, rows
into blocks at the white that separates formulas side by side; a block without words is a formula.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.pages import network
from im2latex_cli.pages.grouping import group
from im2latex_cli.pages.network import FinderNetwork
from im2latex_cli.pages.order import column_gap, reading_order
from im2latex_cli.pages.picture import PagePicture, page_picture
from im2latex_cli.pages.regions import FoundFormula, Rectangle, RegionKind
from im2latex_cli.vision.ink import Pieces
from im2latex_cli.vision.layout import (
    FEW_LETTERS,
    LETTERS_SHARE,
    NUMBER_GAP,
    ROW_GAP,
    WORD,
    count_letters,
)

BUNDLED = Path(__file__).parent.parent / "pretrained" / "finder" / "finder.safetensors"
X_HEIGHT_EM = 0.44
"""Height of an x in em."""
LEAST_PIECES = 3


class Finder:
    """Finds formulas on pages.

    Args:
        trained: its network.
    """

    def __init__(self, trained: FinderNetwork) -> None:
        self._network = trained

    @classmethod
    def load(cls, path: Path | None = None) -> Finder:
        """Load a finder from a file; None takes the one of this package.

        Raises:
            InputError: there is none.
            CheckpointError: the file is damaged, or of another kind.
        """
        return cls(network.load(path or BUNDLED))

    def __call__(
        self, page: NDArray[np.uint8] | PagePicture, *, inline: bool = False
    ) -> list[FoundFormula]:
        """The formulas of a page in reading order.

        Args:
            page: (H, W) grey, light or dark, or what `page_picture` gave for it.
            inline: find formulas in lines of text too.
        """
        picture = page if isinstance(page, PagePicture) else page_picture(page)
        if not len(picture.pieces):
            return []
        formulas = group(picture, self._network(picture.small), inline=inline)
        ordered = reading_order(formulas, column_gap(picture))
        return [one.scaled(picture.shrunk) for one in ordered]


@cache
def bundled_finder() -> Finder:
    """The finder of this package, loaded once."""
    return Finder.load()


def find_by_rules(page: NDArray[np.uint8]) -> list[FoundFormula]:
    """Displayed formulas of a page (H, W)."""
    picture = page_picture(page)
    em = picture.text_height / X_HEIGHT_EM
    found = []
    for row in _stretches(picture.pieces, ROW_GAP * em, down=True):
        for block in _stretches(row, NUMBER_GAP * em, down=False):
            letters, symbols = count_letters(block, em)
            words = letters >= min(FEW_LETTERS, max(WORD, LETTERS_SHARE * symbols))
            if len(block) >= LEAST_PIECES and not words:
                box = Rectangle(
                    float(block.left.min()),
                    float(block.top.min()),
                    float(block.right.max()),
                    float(block.bottom.max()),
                )
                found.append(FoundFormula(box.scaled(picture.shrunk), RegionKind.DISPLAY, 1.0))
    return found


def _stretches(pieces: Pieces, gap: float, *, down: bool) -> list[Pieces]:
    """Cut where there is white of at least `gap`."""
    if not len(pieces):
        return []
    starts, ends = (pieces.top, pieces.bottom) if down else (pieces.left, pieces.right)
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate(ends[order])
    cuts = np.flatnonzero(starts[order][1:] - reach[:-1] >= gap) + 1
    return [pieces.where(np.isin(np.arange(len(pieces)), some)) for some in np.split(order, cuts)]
