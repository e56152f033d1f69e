"""The finder: from a page to its displayed formulas."""

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
from im2latex_cli.pages.regions import FoundFormula

BUNDLED = Path(__file__).parent.parent / "pretrained" / "finder" / "finder.safetensors"


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
