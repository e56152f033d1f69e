"""What stands around the formulas of typeset pages: made-up prose, and drawings for figures.

The prose is grammatical in shape, without meaning; drawings are plots, boxes and photographs, made
of chance.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from im2latex_cli.pages.regions import Rectangle

SMALLEST_DRAWING = 12
"""Pixels of a side below which nothing is drawn."""

_NOUNS = """
theorem proof lemma result argument function map space group field ring module operator matrix
vector basis kernel image measure integral series sequence limit bound estimate inequality equation
solution system model parameter variable constant coefficient term factor product sum difference
energy momentum particle wave current charge mass velocity pressure temperature density surface
volume boundary domain region curve point line plane angle distance length metric tensor connection
bundle section sheaf category functor object morphism sample mean variance distribution likelihood
estimator test error noise signal filter network layer weight gradient loss step method algorithm
graph vertex edge path tree node state transition probability event experiment figure table chapter
approach author reader student question example exercise case condition assumption definition
notation convention remark property structure theory problem observation measurement value number
""".split()  # noqa: SIM905
_VERBS = """
is shows gives yields implies follows holds satisfies denotes defines determines describes depends
converges vanishes decreases increases commutes factors extends preserves induces generates requires
contains bounds controls represents approximates minimises computes measures predicts explains
""".split()  # noqa: SIM905
_ADJECTIVES = """
linear smooth compact finite discrete continuous bounded positive symmetric local global simple free
abelian normal regular stable uniform standard natural canonical exact explicit weak strong large
small classical quantum thermal average random independent optimal convex sparse general special
important previous following similar different new total relative absolute real complex integer
""".split()  # noqa: SIM905
_GLUE = """
of for in on by with from to over under between through at as and or but where since because if when
while although then thus hence also only again moreover however therefore
""".split()  # noqa: SIM905
_DETERMINERS = "the the the a this that each every some any our its".split()  # noqa: SIM905
_OPENERS = """
We Let It Here Now Then There This The In For By Since If Note Recall Consider Suppose Observe Hence
Moreover However Finally Thus
""".split()  # noqa: SIM905
_SYLLABLES = """
an ber chi da el for gen hau in jo kra lin mo ner os pel qui ra sch tor ur vel wei xi yo zen ter ing
lich ung keit tion ment able ous ique eur ado ista ov ski sen berg mann
""".split()  # noqa: SIM905
_PUNCTUATION = (",", ",", ";", ":", " --")


class Prose:
    """Makes words, sentences and titles.

    Args:
        rng: what chooses.
        foreign: share of words that are of no language.
    """

    def __init__(self, rng: random.Random, *, foreign: float = 0.05) -> None:
        self._rng = rng
        self._foreign = foreign

    def word(self) -> str:
        """One word in lower case."""
        rng = self._rng
        if rng.random() < self._foreign:
            return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(1, 4)))
        kinds = (_NOUNS, _VERBS, _ADJECTIVES, _GLUE, _DETERMINERS)
        return rng.choice(rng.choices(kinds, (5, 2, 3, 4, 4))[0])

    def words(self, count: int) -> list[str]:
        """So many words."""
        return [self.word() for _ in range(count)]

    def sentence(self, inline: Sequence[str] = ()) -> str:
        """A sentence with the given pieces of LaTeX at random places in it."""
        rng = self._rng
        words = [rng.choice(_OPENERS), *self.words(rng.randint(5, 22))]
        for piece in inline:
            words.insert(rng.randint(1, len(words)), piece)
        for at in range(3, len(words) - 2):
            if rng.random() < 0.06:
                words[at] += rng.choice(_PUNCTUATION)
            elif rng.random() < 0.02:
                words[at] = rng.choice(
                    (f"[{rng.randint(1, 60)}]", f"({self.word()})", f"({rng.randint(1, 40)})")
                )
            elif rng.random() < 0.015:
                words[at] = str(rng.randint(2, 3000))
        return " ".join(words) + rng.choice(".....?:")

    def title(self) -> str:
        """A few words, the first with a capital letter."""
        return " ".join(self.words(self._rng.randint(1, 6))).capitalize()

    def name(self) -> str:
        """A made-up person."""
        rng = self._rng
        family = "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3))).capitalize()
        return f"{rng.choice('ABCDEFGHJKLMNPRSTVW')}. {family}"


def draw(ink: NDArray[np.uint8], box: Rectangle, rng: random.Random) -> None:
    """Replace what is in a box of a page (H, W) by a drawing."""
    left, top = max(0, math.floor(box.left)), max(0, math.floor(box.top))
    right, bottom = math.ceil(box.right), math.ceil(box.bottom)
    height, width = ink[top:bottom, left:right].shape
    if min(height, width) < SMALLEST_DRAWING:
        return
    maker = rng.choice((_plot, _plot, _diagram, _photograph))
    ink[top:bottom, left:right] = maker(width, height, rng)


def _plot(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    image = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((4, 2, width - 3, height - 5), outline=0)
    for at in range(1, 8):
        x = 4 + at * width // 8
        pen.line((x, height - 5, x, height - 9), fill=0)
    for _ in range(rng.randint(1, 4)):
        phase, speed = rng.uniform(0, 6), rng.uniform(1, 9)
        size = rng.uniform(0.1, 0.45)
        points = [
            (x, height * (0.5 + size * math.sin(phase + speed * x / width)))
            for x in range(5, width - 4, 3)
        ]
        if rng.random() < 0.3:
            for x, y in points[:: rng.randint(2, 6)]:
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), outline=0)
        else:
            pen.line(points, fill=rng.choice((0, 60, 120)), width=rng.choice((1, 2)))
    return np.asarray(image)


def _diagram(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    image = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(image)
    centres = []
    for _ in range(rng.randint(2, 7)):
        x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.15, 0.85) * height
        across, down = rng.uniform(0.03, 0.1) * width, rng.uniform(0.05, 0.12) * height
        box = (x - across, y - down, x + across, y + down)
        fill = rng.choice((255, 255, 220, 180))
        if rng.random() < 0.5:
            pen.rectangle(box, outline=0, fill=fill)
        else:
            pen.ellipse(box, outline=0, fill=fill)
        centres.append((x, y))
    for start in centres[1:]:
        pen.line((start, rng.choice(centres)), fill=0, width=rng.choice((1, 2)))
    return np.asarray(image)


def _photograph(width: int, height: int, rng: random.Random) -> NDArray[np.uint8]:
    grain = np.random.default_rng(rng.getrandbits(32)).integers(0, 255, (6, 8), np.uint8)
    picture = Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
