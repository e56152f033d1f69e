"""Detect words, further formulas and an equation number beside a formula.

All of it is read off the connected pieces of ink. Letters of one word stand on one line, almost
touching, and two fifths of them are as high as an x; symbols of a formula seldom do. Between two
displayed formulas there is more white than between the rows of one. Lengths are in em of the
text, whose size is estimated from the ink. docs/explanation/pictures.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.vision.ink import EM, Ink, Pieces, find_pieces

MOST_PIECES = 1500
"""More pieces of ink are a page of text."""

CROWDED = 250
"""More than any formula has: its size, estimated as a formula's, is open too."""

LETTER = (0.32, 0.85, 0.1, 2.3)
"""Least and greatest height, least and greatest width of a letter, or of a few that touch."""
X_HEIGHT = (0.36, 0.57)
LETTER_WIDTH = 0.46
WORD_GAP = (-0.08, 0.17)
"""Between two letters of a word."""
LEVEL = 0.095
"""So far apart two letters of a line may begin or end."""
WORD = 3
"""Letters of a word; with narrow spaces, a whole line counts as one."""
MANY_LETTERS, LETTERS_SHARE = 18, 0.5
FEW_LETTERS = 10
"""Enough if a gap separates blocks."""

ROW_GAP = 0.72
"""White between two displayed formulas; rows of one formula are nearer."""
COLUMN_GAP = 5.2
"""White between two formulas side by side; \\qquad is 2."""
NUMBER_GAP = 2.2
"""White before an equation number."""
RELATION_GAP = 0.27
"""White beside a relation or an operator; a number has neither."""
MOST_OF_NUMBER = 10
"""Pieces of ink of a number with its brackets."""

Grey = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layout:
    """What was found.

    Attributes:
        words: whether there are words around or beside the formula.
        formulas: more than one formula.
    """

    words: bool = False
    formulas: bool = False


def examine(ink: Ink) -> Layout:
    """Look for words and further formulas.

    Args:
        ink: of a picture from `prepare`.
    """
    pieces = ink.pieces
    if len(pieces) > MOST_PIECES:
        return Layout(words=True)
    em = ink.em
    letters, symbols = count_letters(pieces, em)
    many = _are_many(letters, symbols)
    if len(pieces) > CROWDED:
        many = many or any(_are_many(*count_letters(pieces, size * em)) for size in (1.3, 1.7))
    rows = _bands(ink.mask, 1, ROW_GAP * em)
    columns = _bands(ink.mask, 0, COLUMN_GAP * em)
    divided = len(rows) > 1 or len(columns) > 1
    if many or (divided and letters >= FEW_LETTERS):
        return Layout(words=True)
    beside = len(columns) > 1 and all(_holds(pieces, band, em) for band in columns)
    return Layout(formulas=beside or _separate(pieces, rows, em))


def _are_many(letters: int, symbols: int) -> bool:
    return letters >= MANY_LETTERS and letters >= LETTERS_SHARE * symbols


def count_letters(pieces: Pieces, em: float) -> tuple[int, int]:
    """How many letters there are in words, and symbols of the size of letters at all."""
    high, wide = pieces.height / em, pieces.width / em
    least_high, most_high, least_wide, most_wide = LETTER
    is_letter = (high > least_high) & (high < most_high) & (wide > least_wide) & (wide < most_wide)
    letters = pieces.where(is_letter)
    if not len(letters):
        return 0, 0
    units = np.maximum(1, np.round(letters.width / em / LETTER_WIDTH))
    low = (letters.height > X_HEIGHT[0] * em) & (letters.height < X_HEIGHT[1] * em)
    run = _runs(letters, em)
    length = np.bincount(run, units)
    small = np.bincount(run, units * low)
    words = (length >= WORD) & (small >= 0.4 * length)
    return int(length[words].sum()), int(units.sum())


def without_number(ink: Ink) -> Ink | None:
    """The ink without the equation number at its side, or None if there is none.

    Args:
        ink: of a picture from `prepare`.
    """
    parts = split_number(ink)
    return None if parts is None else parts[0]


def split_number(ink: Ink) -> tuple[Ink, Grey] | None:
    """The ink without the equation number at its side, and the picture of the number.

    A number is a short block in brackets, such as (12) or (A.3), set far apart from all
    other ink on its right or left.

    Args:
        ink: of a picture from `prepare`.

    Returns:
        None if there is no number.
    """
    mask = ink.mask
    if len(_bands(mask, 0, NUMBER_GAP * EM / 2)) < 2:
        return None  # most pictures: no gap at any likely size
    em = ink.em
    bands = _bands(mask, 0, NUMBER_GAP * em)
    if len(bands) < 2:
        return None
    for number, others in ((bands[-1], bands[:-1]), (bands[0], bands[1:])):
        if _is_number(mask[:, slice(*number)], em):
            formula = Ink(_crop(ink.picture, mask, others[0][0], others[-1][1]))
            return formula, _crop(ink.picture, mask, *number)
    return None


def _runs(letters: Pieces, em: float) -> NDArray[np.int64]:
    """The number of the run that each letter belongs to: each follows its nearest on the left."""
    left, right = letters.left[None, :], letters.right[:, None]
    gap = (left - right) / em
    slack = LEVEL * em + 0.5
    level = (np.abs(letters.top[None] - letters.top[:, None]) <= slack) | (
        np.abs(letters.bottom[None] - letters.bottom[:, None]) <= slack
    )
    follows = level & (gap > WORD_GAP[0]) & (gap < WORD_GAP[1])
    nearest = np.where(follows, gap, np.inf).argmin(axis=1)
    run = np.arange(len(letters))
    for letter in np.argsort(letters.left, kind="stable"):
        after = nearest[letter]
        if follows[letter, after] and letters.left[after] > letters.left[letter]:
            run[after] = run[letter]
    return run


def _bands(ink: NDArray[np.bool_], axis: int, gap: float) -> list[tuple[int, int]]:
    """First row (axis 0: column) and that after the last of each stretch of ink.

    Stretches nearer than `gap` are one.
    """
    lines = np.flatnonzero(ink.any(axis=axis))
    if not len(lines):
        return []
    cuts = np.flatnonzero(np.diff(lines) - 1 >= gap)
    starts, ends = lines[np.r_[0, cuts + 1]], lines[np.r_[cuts, len(lines) - 1]] + 1
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _holds(pieces: Pieces, columns: tuple[int, int], em: float) -> bool:
    """Whether a block may be a formula of its own: a punctuation mark is none."""
    inside = (pieces.left >= columns[0]) & (pieces.right <= columns[1])
    return bool(inside.sum() >= 3 and columns[1] - columns[0] >= 1.5 * em)


def _separate(pieces: Pieces, rows: list[tuple[int, int]], em: float) -> bool:
    """Whether blocks one below the other are formulas of their own, not rows of one."""
    equals = [_equals(_within(pieces, row), em) for row in rows]
    for (upper, above), (lower, below) in zip(
        zip(rows, equals, strict=True), list(zip(rows, equals, strict=True))[1:], strict=False
    ):
        aligned = any(abs(one - other) <= 0.15 * em for one in above for other in below)
        tall = min(upper[1] - upper[0], lower[1] - lower[0]) >= 0.4 * em
        if tall and not aligned and not _goes_on(_within(pieces, lower), em):
            return True
    return False


def _within(pieces: Pieces, rows: tuple[int, int]) -> Pieces:
    return pieces.where((pieces.top >= rows[0]) & (pieces.bottom <= rows[1]))


def _bars(pieces: Pieces, em: float) -> Pieces:
    """Bars as long as those of a minus or an equals sign."""
    flat = pieces.height <= 0.16 * em
    return pieces.where(flat & (pieces.width >= 0.4 * em) & (pieces.width <= 0.95 * em))


def _equals(pieces: Pieces, em: float) -> list[float]:
    """Left ends of the equals signs."""
    bars = _bars(pieces, em)
    ends = []
    for index in range(len(bars)):
        beside = np.abs(bars.left - bars.left[index]) <= 0.1 * em
        below = (bars.top > bars.top[index]) & (bars.top - bars.top[index] <= 0.45 * em)
        if (beside & below).any():
            ends.append(float(bars.left[index]))
    return ends


def _goes_on(pieces: Pieces, em: float) -> bool:
    """Whether a row begins with a relation or a sign, as the second row of a formula does."""
    first = int(pieces.left.argmin())
    bars = _bars(pieces, em)
    if len(bars) and bars.left.min() <= pieces.left[first] + 0.1 * em:
        return True
    height, width = pieces.height[first] / em, pieces.width[first] / em
    hollow = pieces.area[first] <= 0.35 * pieces.height[first] * pieces.width[first]
    return bool(hollow and 0.55 <= height <= 0.85 and 0.9 <= width / height <= 1.1)  # a plus


def _is_number(ink: NDArray[np.bool_], em: float) -> bool:
    """Whether a block of ink is ( digits ), perhaps with a dot or a letter."""
    pieces = find_pieces(ink)
    if not 3 <= len(pieces) <= MOST_OF_NUMBER:
        return False
    order = np.argsort(pieces.left)
    opening, closing = int(order[0]), int(order[-1])
    if not (_bulges(ink, pieces, opening, em) < 0 < _bulges(ink, pieces, closing, em)):
        return False
    if abs(int(pieces.top[opening]) - int(pieces.top[closing])) > 0.12 * em:
        return False
    between = ink[:, int(pieces.right[opening]) : int(pieces.left[closing])]
    characters = list(_characters(between))
    if not characters or len(_bands(between, 0, RELATION_GAP * em)) > 1:
        return False
    heights, widths, bottoms = np.array(characters).T / em
    dots = (heights < 0.22) & (widths < 0.22)
    digits = (heights > 0.55) & (heights < 0.86) & (widths < 0.95)
    letters = (heights > X_HEIGHT[0]) & (heights < X_HEIGHT[1]) & (widths < 0.6)
    level = digits.any() and np.ptp(bottoms[~dots]) <= 0.15
    return bool((dots | digits | letters).all() and level)


def _characters(ink: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Height, width and bottom of each character; pieces of one sign stay together."""
    for left, right in _bands(ink, 0, 1):
        rows = np.flatnonzero(ink[:, left:right].any(axis=1))
        yield int(rows[-1] - rows[0] + 1), right - left, int(rows[-1])


def _bulges(ink: NDArray[np.bool_], pieces: Pieces, which: int, em: float) -> float:
    """How far a bracket's middle lies to the right of its ends, in pixels; 0 for no bracket."""
    height, width = int(pieces.height[which]), int(pieces.width[which])
    if not (0.75 * em <= height <= 1.45 * em and width <= 0.5 * em):
        return 0.0
    rows = slice(int(pieces.top[which]), int(pieces.bottom[which]))
    part = ink[rows, int(pieces.left[which]) : int(pieces.right[which])]
    third = height // 3
    ends = np.concatenate((part[: third // 2], part[height - third // 2 :]))
    return _centre(part[third : height - third]) - _centre(ends)


def _centre(part: NDArray[Any]) -> float:
    columns = np.nonzero(part)[1]
    return float(columns.mean()) if len(columns) else 0.0


def _crop(picture: Grey, ink: NDArray[np.bool_], left: int, right: int) -> Grey:
    """Columns `left` to `right` and their ink's rows, with the margin that the picture has."""
    rows = np.flatnonzero(ink[:, left:right].any(axis=1))
    margin = int(np.flatnonzero(ink.any(axis=0))[0])
    part = picture[rows[0] : rows[-1] + 1, left:right]
    return np.pad(part, margin, constant_values=255)
