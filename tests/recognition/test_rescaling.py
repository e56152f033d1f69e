"""Second readings: who gets one, which reading stays, and that sure pictures cost one reading."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from im2latex_cli.data.predictions import Hypothesis
from im2latex_cli.decoding.calibration import geometric_mean
from im2latex_cli.recognition import decoder
from im2latex_cli.recognition.decoder import certainty, pool


def hypothesis(name: str, mean: float, *, tokens: int = 4, truncated: bool = False) -> Hypothesis:
    scores = (math.log(mean),) * tokens
    return Hypothesis(name, (name,), sum(scores), mean, scores, truncated)


def pooled(*readings: list[Hypothesis]) -> list[Hypothesis]:
    return pool(readings, 0.2, lambda score, _: math.exp(score))


read_again = partial(decoder.read_again, length_penalty=0.2, confidence=geometric_mean)


class Reader:
    """Reads the width of a picture: `certain[width]` says how surely."""

    def __init__(self, certain: dict[int, float]) -> None:
        self.certain = certain
        self.widths: list[list[int]] = []

    def __call__(self, pictures):
        self.widths.append([picture.shape[1] for picture in pictures])
        return [[hypothesis(str(width), self.certain[width])] for width in self.widths[-1]]


def picture(width: int, height: int = 40):
    return np.full((height, width), 255, np.uint8)


def test_doubtful_pictures_are_read_at_every_scale_and_the_sure_are_left_alone():
    reader = Reader({200: 0.99, 210: 0.5, 300: 0.6, 420: 0.8, 105: 0.3, 600: 0.4, 150: 0.9})
    readings = read_again(
        [picture(200), picture(210), picture(300)], reader, scales=(2.0, 0.5), sure=0.95
    )
    assert [reading[0].latex for reading in readings] == ["200", "420", "150"]
    assert reader.widths == [[200, 210, 300], [420, 600, 105, 150]]


def test_no_scales_no_second_reading():
    reader = Reader({100: 0.1})
    read_again([picture(100)], reader, scales=(), narrow_scales=(2.0,), sure=0.9)
    assert reader.widths == [[100]]


def test_pictures_with_few_glyphs_are_read_at_more_scales():
    reader = Reader({100: 0.1, 300: 0.1, 200: 0.2, 600: 0.2, 50: 0.3})
    read_again([picture(100), picture(300)], reader, scales=(2.0,), narrow_scales=(0.5,), sure=0.9)
    assert reader.widths == [[100, 300], [200, 600], [50]]


def test_sizes_that_agree_need_no_more():
    calls = []

    def read(pictures):
        calls.append(len(pictures))
        return [[hypothesis("x", 0.4)] for _ in pictures]

    (reading,) = read_again(
        [picture(100)], read, scales=(1.2, 0.8), narrow_scales=(1.4, 0.7), sure=0.9
    )
    assert calls == [1, 2]
    assert math.exp(reading[0].score / 4) == pytest.approx(0.4)


def test_what_gets_too_small_is_padded():
    heights = []

    def read(pictures):
        heights.extend(picture.shape[0] for picture in pictures)
        return [[hypothesis("x", 0.1)] for _ in pictures]

    read_again([picture(100, height=20)], read, scales=(0.5,), sure=0.9)
    assert heights == [20, 16]


def test_the_probability_of_a_formula_is_its_mean_over_the_sizes():
    (a, b) = pooled(
        [hypothesis("a", 0.7, tokens=1)],
        [hypothesis("b", 0.8, tokens=1)],
        [hypothesis("a", 0.4, tokens=1)],
    )
    assert (a.latex, b.latex) == ("a", "b")
    assert math.exp(a.score) == pytest.approx((0.7 + 0.4) / 3) == a.confidence
    assert math.exp(b.score) == pytest.approx(0.8 / 3)
    assert a.token_scores == (math.log(0.7),)


def test_all_hypotheses_of_a_size_count():
    first, *_ = pooled(
        [hypothesis("a", 0.5, tokens=1), hypothesis("b", 0.45, tokens=1)],
        [hypothesis("c", 0.5, tokens=1), hypothesis("b", 0.45, tokens=1)],
    )
    assert first.latex == "b"


def test_hypotheses_that_were_cut_off_come_last():
    cut, whole = hypothesis("cut", 0.99, truncated=True), hypothesis("whole", 0.1)
    assert [one.latex for one in pooled([cut], [cut], [whole])] == ["whole", "cut"]
    assert [one.latex for one in pooled([cut], [])] == ["cut"]
    assert pooled([], []) == []


@pytest.mark.parametrize("mean", [0.01, 0.5, 0.99])
def test_a_formula_cut_off_loses_to_any_that_ends(mean):
    assert certainty([hypothesis("cut", 0.999, truncated=True)]) < certainty(
        [hypothesis("whole", mean)]
    )
    assert certainty([]) < certainty([hypothesis("cut", mean, truncated=True)])


def test_length_does_not_count():
    short, long = hypothesis("short", 0.8, tokens=3), hypothesis("long", 0.9, tokens=50)
    assert certainty([long]) > certainty([short])
