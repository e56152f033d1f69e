"""Image scores against hand-made pages and a slow, direct transcription of the definitions."""

from __future__ import annotations

import random

import numpy as np
import pytest

from im2latex_cli.evaluate import columns, image


def page(*rows: str) -> np.ndarray:
    """A grey page from rows of `#` (ink) and anything else (paper)."""
    return np.array([[0 if pixel == "#" else 255 for pixel in row] for row in rows], dtype=np.uint8)


def bars(pattern: str, height: int = 12) -> np.ndarray:
    """One column a letter: `.` blank, other letters a bar of their own kind, 6 or more apart."""
    kinds = {".": range(0), "a": range(6), "b": range(6, 12), "c": range(12)}
    grey = np.full((height, len(pattern)), 255, dtype=np.uint8)
    for column, kind in enumerate(pattern):
        grey[list(kinds[kind]), column] = 0
    return grey


def score_pair(left: np.ndarray, right: np.ndarray) -> image.PairScore:
    return image.score_pair(columns.Columns.of(left), columns.Columns.of(right))


def test_equal_pages_score_100_everywhere():
    scores = image.score([bars("ab.c")], [bars("ab.c")])
    assert [getattr(scores, name) for name in image.FIGURES] == [100.0] * 7


def test_grey_of_128_is_ink_and_129_is_paper():
    dark, light = np.full((3, 2), 128, np.uint8), np.full((3, 2), 129, np.uint8)
    black, white = np.zeros((3, 2), np.uint8), np.full((3, 2), 255, np.uint8)
    assert score_pair(dark, black).edit == 0
    assert score_pair(light, white).edit == 0
    assert score_pair(dark, light).edit == 2


def test_edit_is_levenshtein_over_columns_and_micro_averaged():
    references = [bars("abcabcabca"), bars("aa")]
    hypotheses = [bars("abcabcabca"), bars("abba")]
    scores = image.score(references, hypotheses)
    assert scores.edit_similarity == pytest.approx(100 * (1 - 2 / 14))
    assert scores.exact_match == 50.0


def test_pages_of_unequal_height_are_aligned_at_the_top():
    short, tall = page("##", ".."), page("##", "..", "..", "..")
    assert score_pair(short, tall).edit == 0
    assert score_pair(page("##"), page("..", "##")).edit == 2


def test_columns_of_more_than_64_pixels_are_compared_exactly():
    tall = np.full((100, 1), 255, np.uint8)
    left, right = tall.copy(), tall.copy()
    left[5], right[66] = 0, 0  # 2**66 and 2**5 are equal modulo 2**61 - 1
    assert score_pair(left, right).edit == 1


def test_inserted_columns_are_forgiven_by_the_tolerant_match_and_not_by_the_strict_one():
    found = score_pair(bars("abcabc"), bars("abc" + "cab" * 5 + "abc"))
    assert found.edit > 5
    assert (found.exact, found.tolerant, found.strict) == (False, True, False)


@pytest.mark.parametrize(("lost", "match"), [(4, True), (5, False)])
def test_four_deleted_columns_are_forgiven_and_five_are_not(lost, match):
    found = score_pair(bars("ab" + "c" * lost + "ab"), bars("abab"))
    assert (found.tolerant, found.strict) == (match, match)


@pytest.mark.parametrize(("changed", "match"), [(4, True), (5, False)])
def test_four_replaced_columns_are_forgiven_and_five_are_not(changed, match):
    found = score_pair(bars("a" * 3 + "b" * changed), bars("a" * 3 + "c" * changed))
    assert (found.tolerant, found.strict) == (match, match)


@pytest.mark.parametrize(("apart", "match"), [(4, True), (5, False)])
def test_columns_that_differ_in_four_pixels_are_one_symbol(apart, match):
    left, right = np.full((12, 9), 255, np.uint8), np.full((12, 9), 255, np.uint8)
    left[:6], right[: 6 + apart] = 0, 0
    found = score_pair(left, right)
    assert (found.edit, found.tolerant) == (9, match)


def test_a_column_joins_the_first_founder_not_the_nearest():
    # 4, 8 and 6 pixels of ink: the third is 2 away from both, and joins the first.
    left = np.full((12, 3), 255, np.uint8)
    for column, ink in enumerate((4, 9, 6)):
        left[:ink, column] = 0
    assert columns.cluster(columns.Columns.of(left), columns.Columns.of(left[:, :0]))[0] == [
        0,
        1,
        0,
    ]


def test_blank_columns_do_not_count_in_the_without_blank_figures():
    found = score_pair(bars("ab......cab"), bars("abcab"))
    assert (found.tolerant, found.tolerant_without_blank) == (False, True)
    assert (found.exact, found.exact_without_blank) == (False, True)


def test_blank_pages():
    blank, inked = bars("......"), bars("aaaaaa")
    both = score_pair(blank, bars(".."))
    assert (both.exact, both.exact_without_blank, both.tolerant_without_blank) == (
        False,
        True,
        True,
    )
    one = score_pair(blank, inked)
    assert not one.exact_without_blank
    assert not one.tolerant_without_blank
    assert not one.strict_without_blank
    other = score_pair(inked, blank)
    assert not other.tolerant
    assert not other.tolerant_without_blank


def test_missing_pages_count_in_full_and_references_that_do_not_render_are_skipped():
    scores = image.score([bars("abcc"), None, bars("abcabc")], [None, bars("a"), bars("abcabc")])
    assert (scores.pairs, scores.missing, scores.skipped) == (2, 1, 1)
    assert scores.edit_similarity == pytest.approx(60.0)
    assert scores.exact_match == scores.match_strict == 50.0


def test_no_pages_at_all():
    assert image.score([None], [None]).pairs == 0


def random_pages(draw: random.Random) -> tuple[np.ndarray, np.ndarray]:
    """Two pages that share most columns: the second has noise, lost, new and blank columns."""
    height = draw.randint(4, 14)
    alphabet = [draw.getrandbits(height) for _ in range(6)] + [0]
    left = draw.choices(alphabet, k=draw.randint(0, 25))
    right: list[int] = []
    for column in left:
        if draw.random() < 0.1:
            right += draw.choices(alphabet, k=draw.randint(1, 7))
        if draw.random() < 0.85:
            right.append(column ^ (1 << draw.randrange(height)) if draw.random() < 0.3 else column)
    if draw.random() < 0.3:
        start = draw.randint(0, len(right))
        del right[start : start + draw.randint(1, 8)]
    taller = height + draw.choice([0, 0, 3])
    return grey(left, height), grey(right, taller)


def grey(bits: list[int], height: int) -> np.ndarray:
    ink = [[column >> row & 1 for column in bits] for row in range(height)]
    return np.array([[0 if dot else 255 for dot in row] for row in ink], np.uint8).reshape(
        height, len(bits)
    )


class Slow:
    """The definition, line by line, on lists of column strings; nothing shared with the code."""

    def __init__(self, left: np.ndarray, right: np.ndarray) -> None:
        height = max(len(left), len(right))
        self.left, self.right = (
            [
                "".join("1" if value <= 128 else "0" for value in side[:, column]).ljust(
                    height, "0"
                )
                for column in range(side.shape[1])
            ]
            for side in (left, right)
        )

    @staticmethod
    def distance(left: list[str], right: list[str]) -> list[list[int]]:
        table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
        for i in range(len(left) + 1):
            for j in range(len(right) + 1):
                if i == 0 or j == 0:
                    table[i][j] = i + j
                else:
                    table[i][j] = min(
                        table[i - 1][j] + 1,
                        table[i][j - 1] + 1,
                        table[i - 1][j - 1] + (left[i - 1] != right[j - 1]),
                    )
        return table

    @staticmethod
    def clusters(left: list[str], right: list[str]) -> tuple[list[int], list[int]]:
        founders: list[str] = []
        numbers = []
        for column in left + right:
            for number, founder in enumerate(founders):
                if sum(a != b for a, b in zip(column, founder, strict=True)) < 5:
                    numbers.append(number)
                    break
            else:
                founders.append(column)
                numbers.append(len(founders) - 1)
        return numbers[: len(left)], numbers[len(left) :]

    @classmethod
    def blocks(cls, left: list, right: list) -> list[tuple[str, int, int]]:
        """Opcodes that are not equal: (tag, reference columns, hypothesis columns).

        Among equally short scripts the one of python-Levenshtein 0.12: common ends first, then
        from the end: go on inserting or deleting; a diagonal step; begin to insert; to delete.
        """
        while left and right and left[0] == right[0]:
            left, right = left[1:], right[1:]
        while left and right and left[-1] == right[-1]:
            left, right = left[:-1], right[:-1]
        table = cls.distance(left, right)
        i, j, steps = len(left), len(right), [""]
        while i or j:
            possible = []
            if j and table[i][j - 1] + 1 == table[i][j]:
                possible.append("insert")
            if i and table[i - 1][j] + 1 == table[i][j]:
                possible.append("delete")
            if i and j and table[i - 1][j - 1] + (left[i - 1] != right[j - 1]) == table[i][j]:
                possible.insert(0, "equal" if left[i - 1] == right[j - 1] else "replace")
            going_on = steps[-1] in {"insert", "delete"} and steps[-1] in possible
            steps.append(steps[-1] if going_on else possible[0])
            i -= steps[-1] != "insert"
            j -= steps[-1] != "delete"
        steps = steps[1:]
        grouped: list[list] = []
        for step in reversed(steps):
            if not grouped or grouped[-1][0] != step:
                grouped.append([step, 0, 0])
            grouped[-1][1] += step != "insert"
            grouped[-1][2] += step != "delete"
        return [tuple(block) for block in grouped if block[0] != "equal"]

    def matches(self, *, blank: bool) -> tuple[bool, bool]:
        left, right = self.left, self.right
        if not blank:
            left = [column for column in left if "1" in column]
            right = [column for column in right if "1" in column]
        if not left or not right:
            return (not left and not right,) * 2
        blocks = self.blocks(*self.clusters(left, right))
        tolerant = not any(reference >= 5 for _, reference, _ in blocks)
        return tolerant, tolerant and not any(hypothesis >= 5 for _, _, hypothesis in blocks)


def test_every_figure_against_a_direct_transcription_on_2000_pages():
    draw = random.Random(20160919)
    verdicts = set()
    for _ in range(2000):
        left, right = random_pages(draw)
        found, slow = score_pair(left, right), Slow(left, right)
        assert found.edit == slow.distance(slow.left, slow.right)[-1][-1]
        assert found.width == max(len(slow.left), len(slow.right))
        assert found.exact == (found.edit == 0)
        expected = slow.matches(blank=True), slow.matches(blank=False)
        assert (found.tolerant, found.strict) == expected[0]
        assert (found.tolerant_without_blank, found.strict_without_blank) == expected[1]
        verdicts.add((found.exact, *expected))
    assert len(verdicts) >= 6  # the pages reach both verdicts of every rule


def test_identity_is_100_missing_pages_0_and_shuffled_ones_near_chance():
    draw = random.Random(9)
    pages = [
        grey([draw.getrandbits(40) for _ in range(draw.randint(20, 40))], 40) for _ in range(60)
    ]
    same = image.score(pages, pages)
    assert {getattr(same, name) for name in image.FIGURES} == {100.0}
    nothing = image.score(pages, [None] * len(pages))
    assert {getattr(nothing, name) for name in image.FIGURES} == {0.0}
    assert nothing.missing == 60
    mixed = image.score(pages, [*pages[1:], pages[0]])
    assert mixed.edit_similarity < 5
    assert mixed.exact_match == mixed.match_strict == 0.0


def test_intervals_hold_the_figures_and_come_from_the_seed():
    draw = random.Random(10)
    pages = [bars("".join(draw.choices("abc.", k=20))) for _ in range(80)]
    others = [page if draw.random() < 0.6 else page[:, ::-1] for page in pages]
    scores = image.score(pages, others, seed=4)
    for name in image.FIGURES:
        low, high = getattr(scores, name).interval
        assert low <= getattr(scores, name) <= high
    again, other = (image.score(pages, others, seed=seed).edit_similarity for seed in (4, 5))
    assert scores.edit_similarity.interval == again.interval != other.interval
