"""From what the network says of each cell to boxes of formulas.

Every piece of ink asks the cells that it covers what it is. Pieces of displays that agree on the
edges of their display belong together, and the box is the one around them: the network decides what
belongs to a formula, the ink where its edges are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.pages.network import CELL, CLASSES, Maps
from im2latex_cli.pages.picture import PagePicture
from im2latex_cli.pages.regions import FoundFormula, Rectangle, RegionKind, hull
from im2latex_cli.vision.components import Pieces

DISPLAY, NUMBER, INLINE = (CLASSES.index(kind) for kind in ("display", "number", "inline"))
LEAST_SCORE = 0.6
"""Mean probability of a display's pieces below which it is none."""
AGREE = 0.4
"""Least overlap of the boxes that two pieces of one display name."""
INSIDE = 0.15
"""Share of a box that lies in another from which both are one."""
NUMBER_GAP = 1.4
"""Widest white inside an equation number, in heights of an x."""
INLINE_GAP = 1.6
"""Likewise inside an inline formula."""
NUMBER_SIZE = (1.0, 14.0, 3.6)
"""Least and greatest width and greatest height of an equation number, in heights of an x."""
LIKELY_NUMBER, POSSIBLE_NUMBER = 0.3, 0.05
"""Mean probability of a number's pieces, and that from which a piece may belong to one."""
PAGE_NUMBER = 6.0
"""Width of a page number, in heights of an x."""
POSSIBLE = 0.2
"""Probability from which a piece inside a display's named box belongs to it."""
_SAMPLES = (1 / 6, 1 / 2, 5 / 6)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What the cells say of each piece.

    Attributes:
        boxes: (N, 4) the piece's own box.
        classes: (N, 4) mean probabilities.
        named: (N, 4) edges of the display that it names.
    """

    boxes: Floats
    classes: Floats
    named: Floats


def group(page: PagePicture, maps: Maps, *, inline: bool = False) -> list[FoundFormula]:
    """The formulas of a page, from top to bottom, with boxes in pixels of `page.grey`."""
    asked = _ask(page, maps)
    if not len(asked.boxes):
        return []
    kinds = asked.classes.argmax(axis=1)
    displays = [
        (box, score)
        for box, score in _displays(asked, kinds)
        if not _is_page_number(box, asked.boxes, page.text_height)
    ]
    numbers = list(_numbers(asked, kinds, page.text_height))
    owned: list[list[Rectangle]] = [[] for _ in displays]
    for number in numbers:
        owner = _owner(number, [box for box, _ in displays], page.text_height)
        if owner is not None:
            owned[owner].append(number)
    found = [
        FoundFormula(box, RegionKind.DISPLAY, score, tuple(sorted(own, key=lambda one: one.top)))
        for (box, score), own in zip(displays, owned, strict=True)
    ]
    if inline:
        found += _inlines(asked, kinds, page.text_height)
    return sorted(found, key=lambda one: (one.box.top, one.box.left))


def _ask(page: PagePicture, maps: Maps) -> _Asked:
    """Ask nine cells over each piece."""
    pieces: Pieces = page.pieces
    boxes = np.stack((pieces.left, pieces.top, pieces.right, pieces.bottom), 1).astype(np.float64)
    rows, columns = maps.classes.shape[:2]
    classes = np.zeros((len(boxes), len(CLASSES)))
    named = np.zeros((len(boxes), 4))
    weights = np.zeros(len(boxes))
    for across in _SAMPLES:
        x = (boxes[:, 0] + across * (boxes[:, 2] - boxes[:, 0])) * page.factor / CELL
        column = np.clip(x.astype(np.int64), 0, columns - 1)
        for down in _SAMPLES:
            y = (boxes[:, 1] + down * (boxes[:, 3] - boxes[:, 1])) * page.factor / CELL
            row = np.clip(y.astype(np.int64), 0, rows - 1)
            said = maps.classes[row, column]
            classes += said
            weight = said[:, DISPLAY] + 1e-6
            weights += weight
            named += maps.edges[row, column] * weight[:, None]
    return _Asked(boxes, classes / 9, named / weights[:, None] / page.factor)


def _displays(asked: _Asked, kinds: NDArray[np.int64]) -> Iterator[tuple[Rectangle, float]]:
    """Box and score of each display."""
    members = np.flatnonzero(kinds == DISPLAY)
    groups = _agreeing(members, asked)
    merged = _merged([_gathered(group, asked, kinds) for group in groups], asked.boxes)
    for group in merged:
        score = float(asked.classes[group, DISPLAY].mean())
        if score >= LEAST_SCORE:
            yield _hull(asked.boxes[group]), score


def _agreeing(members: NDArray[np.int64], asked: _Asked) -> list[NDArray[np.int64]]:
    """Pieces in groups that name about the same box; the surest piece of each begins it."""
    left = members[np.argsort(-asked.classes[members, DISPLAY], kind="stable")]
    groups = []
    while len(left):
        agree = _overlaps(asked.named[left[0]], asked.named[left]) >= AGREE
        agree[0] = True
        groups.append(left[agree])
        left = left[~agree]
    return groups


def _gathered(
    group: NDArray[np.int64], asked: _Asked, kinds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The group with all pieces in the box that it names, unless they are surely something else."""
    left, top, right, bottom = np.median(asked.named[group], axis=0)
    x, y = asked.boxes[:, [0, 2]].mean(axis=1), asked.boxes[:, [1, 3]].mean(axis=1)
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    more = inside & (asked.classes[:, DISPLAY] >= POSSIBLE) & (kinds != NUMBER)
    return np.union1d(group, np.flatnonzero(more))


def _merged(groups: Sequence[NDArray[np.int64]], boxes: Floats) -> list[NDArray[np.int64]]:
    """Groups whose boxes lie over each other are one: displays never do."""
    left = sorted(groups, key=len, reverse=True)
    merged: list[NDArray[np.int64]] = []
    while left:
        group = left.pop(0)
        box = _hull(boxes[group])
        for at, other in enumerate(merged):
            around = _hull(boxes[other])
            if box.intersection(around).area >= INSIDE * min(box.area, around.area):
                left.insert(0, np.union1d(group, merged.pop(at)))
                break
        else:
            merged.append(group)
    return merged


def _overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of a box with each of (N, 4)."""
    shared = np.maximum(
        0, np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    ) * np.maximum(0, np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1]))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    own = (box[2] - box[0]) * (box[3] - box[1])
    overlaps: Floats = shared / np.maximum(areas + own - shared, 1e-9)
    return overlaps


def _hull(boxes: Floats) -> Rectangle:
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    return Rectangle(float(left), float(top), float(right), float(bottom))


def _numbers(asked: _Asked, kinds: NDArray[np.int64], text_height: float) -> Iterator[Rectangle]:
    """Equation numbers; their brackets and dots may be less sure than their digits."""
    sure = asked.classes[:, NUMBER]
    possible = np.flatnonzero((kinds != DISPLAY) & (sure >= POSSIBLE_NUMBER))
    narrowest, widest, highest = (size * text_height for size in NUMBER_SIZE)
    boxes = asked.boxes[possible]
    for run in _runs(boxes, NUMBER_GAP * text_height):
        inside = (boxes[:, 0] >= run.left) & (boxes[:, 2] <= run.right)
        inside &= (boxes[:, 1] >= run.top) & (boxes[:, 3] <= run.bottom)
        if float(sure[possible][inside].mean()) < LIKELY_NUMBER:
            continue
        whole = _grown(run, asked.boxes[kinds != DISPLAY], NUMBER_GAP * text_height, widest)
        if narrowest <= whole.width <= widest and whole.height <= highest:
            yield whole


def _grown(run: Rectangle, boxes: Floats, gap: float, widest: float) -> Rectangle:
    """A run with all that stands beside it, until nothing more does or it is too wide."""
    while run.width <= widest:
        near = (boxes[:, 0] <= run.right + gap) & (boxes[:, 2] >= run.left - gap)
        middle = boxes[:, [1, 3]].mean(axis=1)
        near &= (middle >= run.top) & (middle <= run.bottom)
        larger = hull((run, _hull(boxes[near]))) if near.any() else run
        if larger == run:
            break
        run = larger
    return run


def _is_page_number(box: Rectangle, boxes: Floats, text_height: float) -> bool:
    """Whether something short stands alone in the first or the last line of a page."""
    if box.width > PAGE_NUMBER * text_height:
        return False
    above, below = (boxes[:, 3] < box.top).sum(), (boxes[:, 1] > box.bottom).sum()
    level = len(boxes) - above - below
    inside = (boxes[:, 0] >= box.left) & (boxes[:, 2] <= box.right)
    inside &= (boxes[:, 1] >= box.top) & (boxes[:, 3] <= box.bottom)
    edge = min(above, below) == 0 and max(above, below) > 0
    return bool(edge and level == inside.sum())


def _runs(boxes: Floats, gap: float) -> list[Rectangle]:
    """Boxes that stand on one line with no more than `gap` between them, as one box each."""
    runs: list[Rectangle] = []
    for box in boxes[np.argsort(boxes[:, 0], kind="stable")]:
        piece = Rectangle(*(float(side) for side in box))
        for at, run in enumerate(runs):
            level = min(run.bottom, piece.bottom) - max(run.top, piece.top)
            near = piece.left - run.right <= gap
            if near and level > -0.2 * max(run.height, piece.height):
                runs[at] = hull((run, piece))
                break
        else:
            runs.append(piece)
    return runs


def _owner(number: Rectangle, displays: Sequence[Rectangle], text_height: float) -> int | None:
    """The display that a number belongs to: on its height, and nearest to it."""
    middle = (number.top + number.bottom) / 2
    best: tuple[float, int] | None = None
    for at, box in enumerate(displays):
        if box.top - 2 * text_height <= middle <= box.bottom + 2 * text_height:
            away = max(number.left - box.right, box.left - number.right)
            if best is None or abs(away) < best[0]:
                best = abs(away), at
    return None if best is None else best[1]


def _inlines(asked: _Asked, kinds: NDArray[np.int64], text_height: float) -> Iterator[FoundFormula]:
    chosen = kinds == INLINE
    sure = float(asked.classes[chosen, INLINE].mean()) if chosen.any() else 0.0
    for box in _runs(asked.boxes[chosen], INLINE_GAP * text_height):
        yield FoundFormula(box, RegionKind.INLINE, sure)
