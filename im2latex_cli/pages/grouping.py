"""From what the network says of each cell to boxes of formulas.

Every piece of ink asks the cells that it covers what it is, and the pieces of one line of text or
formula decide together. Pieces of displays that agree on the edges of their display belong
together, and the box is the one around them: the network decides what belongs to a formula, the ink
where its edges are. No display goes over a line of text, and rows close below each other are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.pages.network import CELL, CLASSES, Maps
from im2latex_cli.pages.order import column_gap
from im2latex_cli.pages.picture import PagePicture
from im2latex_cli.pages.regions import FoundFormula, Rectangle, RegionKind, hull
from im2latex_cli.vision.ink import Pieces

TEXT, DISPLAY, NUMBER, INLINE = range(len(CLASSES))
LEAST_SCORE = 0.6
"""Mean probability of a display's pieces below which it is none."""
LEAST_WORDS_SCORE = 0.92
"""The same for one that looks like a line of words, such as a heading."""
WORD_SHARE, WORD = 0.6, 3
"""Share of the pieces that stand in words from which a line is one of words, and letters of one."""
LETTER_GAP, BASE = 0.3, 0.12
"""White between two letters of a word, and how far their lower edges differ, in heights of a
capital."""
LETTER_HEIGHT, HIGHEST_LETTER, PARTICLE = (0.55, 1.25), 1.6, 0.4
"""Least and greatest height of a letter, and greatest of all pieces of a line of words, in heights
of a capital; pieces lower than the last share of the highest one are dots and dashes."""
DRAWING_PIECES, DRAWING_HEIGHT = 3, 6.0
"""Most pieces of what must be a drawing, as it is higher than that many heights of an x."""
AGREE = 0.3
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
LINE_GAP = 2.0
"""Widest white inside a line of text or formula, in heights of an x."""
LEVEL = 0.3
"""Share of its height that a piece has in common with others of its line."""
ROW_GAP = 1.2
"""White between two rows up to which they are one display, in heights of an x."""
TEXT_GAP, TEXT_WIDTH = 0.3, 3.0
"""White above and below a line of text between two displays, and its least width."""
NUMBER_REACH = 4.0
"""How far above or below its display an equation number may stand, in heights of an x."""
BRACKET = (1.3, 1.7)
"""Least height of a bracket, in heights of an x and in its own widths."""
LEAST_ALIGNED = 2
"""Lines of text and other numbers that begin or end where an equation number does."""
FLUSH = 0.35
"""How likely a line that begins at the left margin still is a display, as displays are indented."""
FLUSH_LINES, FLUSH_WIDTH, FLUSH_WITHIN = 3, 10.0, 0.3
"""Least number of lines of text at a margin; least width of them and greatest difference of where
they begin, in heights of an x."""
WORDS_GAP, WORDS_WIDTH = (1.0, 6.0), 18.0
"""White between a display and words of its row, and their greatest width, in heights of an x."""
POSSIBLE = 0.4
"""Probability from which a piece inside a display's named box belongs to it."""
_SAMPLES = (1 / 6, 1 / 2, 5 / 6)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What the cells say of each piece.

    Attributes:
        boxes: (N, 4) the piece's own box.
        own: (N, 4) probabilities of the piece.
        classes: (N, 4) mean probabilities of its line; inline formulas count as text.
        named: (N, 4) edges of the display that its line names.
        lines: (N,) number of its line.
    """

    boxes: Floats
    own: Floats
    classes: Floats
    named: Floats
    lines: NDArray[np.int64]


def group(page: PagePicture, maps: Maps, *, inline: bool = False) -> list[FoundFormula]:
    """The formulas of a page, from top to bottom, with boxes in pixels of `page.grey`."""
    asked = _ask(page, maps)
    if not len(asked.boxes):
        return []
    asked.classes[_at_margin(asked, page.text_height), DISPLAY] *= FLUSH
    asked.classes[_look_like_numbers(asked, page.text_height)] = np.eye(len(CLASSES))[NUMBER]
    kinds = asked.classes.argmax(axis=1)
    displays = [
        (box, score)
        for box, score in _displays(asked, kinds, column_gap(page), page.text_height)
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
    lines = _lines(boxes, LINE_GAP * page.text_height)
    edges = named / weights[:, None] / page.factor
    own = classes / 9
    joined = _by_lines(own, lines)
    joined[:, TEXT] += joined[:, INLINE]
    joined[:, INLINE] = 0
    return _Asked(boxes, own, joined, _by_lines(edges, lines), lines)


def _by_lines(said: Floats, lines: NDArray[np.int64]) -> Floats:
    """For each piece the mean over its line."""
    counts = np.bincount(lines)
    sums = np.zeros((len(counts), said.shape[1]))
    np.add.at(sums, lines, said)
    means: Floats = (sums / counts[:, None])[lines]
    return means


def _lines(boxes: Floats, gap: float) -> NDArray[np.int64]:
    """For each piece the number of its line: pieces beside each other with little white between."""
    order = np.argsort(boxes[:, 0], kind="stable")
    left, top, right, bottom = boxes[order].T
    ends = np.searchsorted(left, right + gap, side="right")
    counts = np.maximum(ends - np.arange(len(order)) - 1, 0)
    first = np.repeat(np.arange(len(order)), counts)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    shared = np.minimum(bottom[first], bottom[second]) - np.maximum(top[first], top[second])
    level = shared >= LEVEL * np.minimum((bottom - top)[first], (bottom - top)[second])
    first, second = first[level], second[level]
    names = np.arange(len(order))
    while True:
        least = np.minimum(names[first], names[second])
        before = names.copy()
        np.minimum.at(names, first, least)
        np.minimum.at(names, second, least)
        names = names[names]
        if (names == before).all():
            break
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.unique(names, return_inverse=True)[1]
    return numbers


def _around(boxes: Floats, lines: NDArray[np.int64]) -> Floats:
    """(L, 4) box around each line."""
    count = int(lines.max()) + 1
    around = np.tile([np.inf, np.inf, -np.inf, -np.inf], (count, 1))
    np.minimum.at(around[:, :2], lines, boxes[:, :2])
    np.maximum.at(around[:, 2:], lines, boxes[:, 2:])
    return around


def _look_like_numbers(asked: _Asked, text_height: float) -> NDArray[np.bool_]:
    """Pieces of lines that look like equation numbers: bracketed, at the margin, by a display."""
    around = _around(asked.boxes, asked.lines)
    kinds = np.zeros(len(around), np.int64)
    kinds[asked.lines] = asked.classes.argmax(axis=1)
    width, height = around[:, 2] - around[:, 0], around[:, 3] - around[:, 1]
    narrowest, widest, highest = (size * text_height for size in NUMBER_SIZE)
    narrow = (width >= narrowest) & (width <= widest) & (height <= highest)
    bracketed = np.zeros(len(around), np.bool_)
    for line in np.flatnonzero(narrow):
        bracketed[line] = _bracketed(asked.boxes[asked.lines == line], text_height)
    aligned = around[((kinds == TEXT) & (width >= widest)) | bracketed | (kinds == NUMBER)]
    shown = around[(kinds == DISPLAY) & ~bracketed]
    reach = NUMBER_REACH * text_height
    for line in np.flatnonzero(bracketed):
        box = around[line]
        sides = [int((np.abs(aligned[:, at] - box[at]) < text_height).sum()) for at in (0, 2)]
        middle = (box[1] + box[3]) / 2
        near = (shown[:, 1] - reach < middle) & (shown[:, 3] + reach > middle)
        bracketed[line] = max(sides) > LEAST_ALIGNED and near.any()  # it is one of them itself
    return bracketed[asked.lines]


def _at_margin(asked: _Asked, text_height: float) -> NDArray[np.bool_]:
    """Pieces of wide lines that begin where wide lines of text begin."""
    around = _around(asked.boxes, asked.lines)
    wide = around[:, 2] - around[:, 0] >= FLUSH_WIDTH * text_height
    return _begin_with_text(asked, asked.classes.argmax(axis=1), text_height) & wide[asked.lines]


def _begin_with_text(
    asked: _Asked, kinds: NDArray[np.int64], text_height: float
) -> NDArray[np.bool_]:
    """Pieces of lines that begin where wide lines of text begin."""
    around = _around(asked.boxes, asked.lines)
    text = np.zeros(len(around), np.bool_)
    text[asked.lines] = kinds == TEXT
    wide = around[:, 2] - around[:, 0] >= FLUSH_WIDTH * text_height
    starts = np.sort(around[text & wide, 0])
    near = FLUSH_WITHIN * text_height
    low = np.searchsorted(starts, around[:, 0] - near)
    high = np.searchsorted(starts, around[:, 0] + near)
    flush: NDArray[np.bool_] = (high - low >= FLUSH_LINES)[asked.lines]
    return flush


def _bracketed(boxes: Floats, text_height: float) -> bool:
    """Whether the first and the last piece of a line are tall and narrow."""
    for piece in (boxes[boxes[:, 0].argmin()], boxes[boxes[:, 2].argmax()]):
        width, height = piece[2] - piece[0], piece[3] - piece[1]
        if height < BRACKET[0] * text_height or height < BRACKET[1] * width:
            return False
    return len(boxes) > 2


def _displays(
    asked: _Asked, kinds: NDArray[np.int64], gap: Rectangle | None, text_height: float
) -> Iterator[tuple[Rectangle, float]]:
    """Box and score of each display; `gap` is that between two columns."""
    members = np.flatnonzero(kinds == DISPLAY)
    groups = _agreeing(members, asked)
    merged = _merged([_gathered(group, asked, kinds) for group in groups], asked.boxes)
    around = _around(asked.boxes, asked.lines)
    wide = around[:, 2] - around[:, 0] >= TEXT_WIDTH * text_height
    text = np.zeros(len(around), np.bool_)
    text[asked.lines] = kinds == TEXT
    texts = around[text & wide]
    parts: list[NDArray[np.int64]] = []
    for group in merged:
        parts += _parted(group, asked.boxes, texts, gap, text_height)
    for group in _stacked(parts, asked.boxes, gap, text_height):
        score = float(asked.classes[group, DISPLAY].mean())
        boxes = asked.boxes[group]
        if _is_drawing(boxes, text_height):
            continue
        if score >= (LEAST_WORDS_SCORE if are_words(boxes) else LEAST_SCORE):
            yield _with_words(_hull(asked.boxes[group]), asked, kinds, gap, text_height), score


def _is_drawing(boxes: Floats, text_height: float) -> bool:
    return len(boxes) <= DRAWING_PIECES and _hull(boxes).height > DRAWING_HEIGHT * text_height


def are_words(boxes: Floats) -> bool:
    """Whether most of (N, 4) pieces are letters in words: near each other on one base line."""
    heights = boxes[:, 3] - boxes[:, 1]
    boxes = boxes[heights > PARTICLE * heights.max()]
    boxes = boxes[np.argsort(boxes[:, 0], kind="stable")]
    if len(boxes) < WORD:
        return False
    heights = boxes[:, 3] - boxes[:, 1]
    capital = float(np.percentile(heights, 75))
    least, most = (factor * capital for factor in LETTER_HEIGHT)
    letters = (heights > least) & (heights < most)
    letters &= np.abs(boxes[:, 3] - np.median(boxes[:, 3])) <= max(1.0, BASE * capital)
    near = boxes[1:, 0] - boxes[:-1, 2] < LETTER_GAP * capital
    word = np.concatenate(([0], np.cumsum(~(near & letters[1:] & letters[:-1]))))
    in_words = letters & (np.bincount(word)[word] >= WORD)
    return bool(in_words.mean() >= WORD_SHARE and heights.max() < HIGHEST_LETTER * capital)


def _with_words(
    box: Rectangle,
    asked: _Asked,
    kinds: NDArray[np.int64],
    gap: Rectangle | None,
    text_height: float,
) -> Rectangle:
    """A display with the few words beside it: nothing else stands in the row of a display."""
    around = _around(asked.boxes, asked.lines)
    text = np.zeros(len(around), np.bool_)
    text[asked.lines] = kinds == TEXT
    flush = np.zeros(len(around), np.bool_)
    flush[asked.lines] = _begin_with_text(asked, kinds, text_height)
    middle = (around[:, 1] + around[:, 3]) / 2
    words = text & ~flush & (middle > box.top) & (middle < box.bottom)
    words &= around[:, 2] - around[:, 0] <= WORDS_WIDTH * text_height
    words &= _same_column(box, around, gap)
    least, most = (white * text_height for white in WORDS_GAP)
    for line in np.flatnonzero(words):
        left, _, right, _ = around[line]
        white = max(left - box.right, box.left - right)
        pieces = asked.boxes[asked.lines == line]
        if least <= white <= most and not _bracketed(pieces, text_height):
            box = hull((box, _hull(pieces)))
    return box


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


def _parted(
    group: NDArray[np.int64],
    boxes: Floats,
    texts: Floats,
    gap: Rectangle | None,
    text_height: float,
) -> Iterator[NDArray[np.int64]]:
    """A group cut where a line of text stands between its rows."""
    box = _hull(boxes[group])
    near = texts[_same_column(box, texts, gap)]
    near = near[(near[:, 1] > box.top) & (near[:, 3] < box.bottom)]
    order = group[np.argsort(boxes[group, 1], kind="stable")]
    reach = np.maximum.accumulate(boxes[order, 3])
    start, white = 0, TEXT_GAP * text_height
    for at in range(1, len(order)):
        above, below = reach[at - 1] + white, boxes[order[at], 1] - white
        if below > above and ((near[:, 1] >= above) & (near[:, 3] <= below)).any():
            yield order[start:at]
            start = at
    yield order[start:]


def _stacked(
    groups: Sequence[NDArray[np.int64]],
    boxes: Floats,
    gap: Rectangle | None,
    text_height: float,
) -> list[NDArray[np.int64]]:
    """Groups close below each other in one column are one."""
    stacked: list[NDArray[np.int64]] = []
    for group in sorted(groups, key=lambda one: float(boxes[one, 1].min())):
        box = _hull(boxes[group])
        for at, other in enumerate(stacked):
            above = _hull(boxes[other])
            close = -0.5 * text_height < box.top - above.bottom < ROW_GAP * text_height
            if close and _same_column(box, np.array([above]), gap)[0]:
                stacked[at] = np.union1d(other, group)
                break
        else:
            stacked.append(group)
    return stacked


def _same_column(box: Rectangle, boxes: Floats, gap: Rectangle | None) -> NDArray[np.bool_]:
    """Which of (N, 4) boxes are in the column of a box."""
    if gap is None:
        return np.ones(len(boxes), np.bool_)
    middle = (gap.left + gap.right) / 2
    if box.left < middle < box.right:
        return np.ones(len(boxes), np.bool_)
    return (boxes[:, 0] < middle) if box.right <= middle else (boxes[:, 2] > middle)


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
    chosen = (asked.own.argmax(axis=1) == INLINE) & (kinds == TEXT)
    sure = float(asked.own[chosen, INLINE].mean()) if chosen.any() else 0.0
    for box in _runs(asked.boxes[chosen], INLINE_GAP * text_height):
        yield FoundFormula(box, RegionKind.INLINE, sure)
