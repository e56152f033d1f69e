"""What finding is good for: reading after it, and crops with words around a formula.

    python tests/bench/bench_pages.py read DATA [PAGES]
    python tests/bench/bench_pages.py crops DATA...

`read`: displays of one row on the first pages of a data set of `im2latex pages build`, read from
the true box and from the one that was found (a display that was not found is read wrongly).
`crops`: 180 pictures cut out of one-column pages, one display each with one to four lines of text
above, below or both, a third of them at two thirds of the resolution.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import im2latex_cli
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.pages import store
from im2latex_cli.pages.finder import bundled_finder
from im2latex_cli.pages.regions import FoundFormula, Matches, Rectangle, Region, RegionKind, match
from im2latex_cli.pages.store import PageRecord
from im2latex_cli.services.eval_pages import open_pages
from im2latex_cli.services.reading.find import cut

Grey = NDArray[np.uint8]
PLACES = ("above", "below", "both")
EACH = 60
LINES = (1, 4)
INK = 160
MARGIN = 6
HIGHEST = 500
PAGES = 60


def main() -> None:
    """Read the command line, and measure."""
    kind, data = sys.argv[1], Path(sys.argv[2])
    if kind == "read":
        pages = int(sys.argv[3]) if len(sys.argv) > 3 else PAGES
        read(store.read(data, "test")[:pages])
    else:
        records = [record for path in sys.argv[2:] for record in store.read(Path(path), "test")]
        crops([record for record in records if record.layout not in {"two-column", "beamer"}])


def read(records: list[PageRecord]) -> None:
    """Print how many displays are read exactly from the true box and from the one found."""
    recognizer = im2latex_cli.load(threads=1)
    counts: Counter[str] = Counter()
    for record, page in open_pages(records):
        found = [one for one in bundled_finder()(page) if one.kind is RegionKind.DISPLAY]
        for region, numbers in _displays(record):
            formula = normalize(region.formula).tokens
            true = FoundFormula(region.box, RegionKind.DISPLAY, 1.0, numbers)
            near = max(found, key=lambda one: one.box.overlap(region.box), default=None)
            near = near if near is not None and near.box.overlap(region.box) > 0.5 else None
            counts["displays"] += 1
            counts["found"] += near is not None
            for name, one in (("true box", true), ("box found", near)):
                if one is not None:
                    latex = recognizer(cut(page, one)[0]).latex
                    counts[name] += normalize(latex).tokens == formula
    print(dict(counts))


def _displays(record: PageRecord) -> Iterator[tuple[Region, tuple[Rectangle, ...]]]:
    """Displays whose formula is known, with their equation numbers."""
    for at, region in enumerate(record.regions):
        if region.kind is RegionKind.DISPLAY and region.formula:
            own = (one for one in record.regions if one.kind is RegionKind.NUMBER)
            yield region, tuple(one.box for one in own if one.display == at)


def crops(records: list[PageRecord]) -> None:
    """Print how many displays are found, by where the text stands, and boxes that are none."""
    rng = random.Random(0)
    rng.shuffle(records)
    totals = dict.fromkeys(PLACES, Matches())
    for record, page in open_pages(records):
        for box in record.boxes(RegionKind.DISPLAY):
            open_places = [place for place in PLACES if totals[place].true < EACH]
            if not open_places:
                break
            place = rng.choice(open_places)
            made = _crop(record, page, box, place, rng)
            if made is not None:
                picture, true = made
                totals[place] += match([one.box for one in bundled_finder()(picture)], [true])
    print(totals)


def _crop(
    record: PageRecord, page: Grey, box: Rectangle, place: str, rng: random.Random
) -> tuple[Grey, Rectangle] | None:
    """A display with text around it and nothing else, and its box; None if there is no such."""
    above = rng.randint(*LINES) if place != "below" else 0
    below = rng.randint(*LINES) if place != "above" else 0
    inked = np.diff((page < INK).any(axis=1).astype(int), prepend=0, append=0)
    starts, ends = np.flatnonzero(inked == 1), np.flatnonzero(inked == -1)
    upper, lower = starts[ends <= box.top + 1], ends[starts >= box.bottom - 1]
    if len(upper) < above or len(lower) < below:
        return None
    top = int(upper[-above] if above else box.top) - MARGIN
    bottom = int(lower[below - 1] if below else box.bottom) + MARGIN
    others = [one for one in record.boxes(RegionKind.DISPLAY) if one != box]
    if (
        top < 0
        or bottom - top > HIGHEST
        or any(one.bottom > top and one.top < bottom for one in others)
    ):
        return None
    columns = np.flatnonzero((page[top:bottom] < INK).any(axis=0))
    left = max(0, int(columns[0]) - MARGIN)
    picture = page[top:bottom, left : int(columns[-1]) + MARGIN]
    factor = rng.choice((1, 1, 2 / 3))
    if factor != 1:
        size = round(picture.shape[1] * factor), round(picture.shape[0] * factor)
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    moved = Rectangle(box.left - left, box.top - top, box.right - left, box.bottom - top)
    return np.ascontiguousarray(picture), moved.scaled(factor)


if __name__ == "__main__":
    main()
