"""The baseline beside the finder: the rules of `vision.layout`, without anything learnt.

Ink is cut into rows at the white that separates displayed formulas, rows into blocks at the white
that separates formulas side by side; a block without words is a formula.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.pages.picture import page_picture
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

X_HEIGHT_EM = 0.44
"""Height of an x in em."""
LEAST_PIECES = 3


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
