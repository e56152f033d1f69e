"""Typeset pages: boxes lie around the ink of their formulas, and nothing else."""

import random
import re
from collections import Counter

import numpy as np
import pytest

from im2latex_cli.errors import UsageError
from im2latex_cli.pages.document import EXAMPLE_WIDTH, Composer, Supply, owners
from im2latex_cli.pages.layouts import LAYOUTS, chosen_layouts
from im2latex_cli.pages.regions import RegionKind
from im2latex_cli.pages.typeset import PageTypesetter, TypesetPage
from im2latex_cli.vision.ink import find_pieces

FORMULAS = [
    formula.split()
    for formula in (
        "x = y",
        "a ^ { 2 } + b ^ { 2 } = c ^ { 2 }",
        "\\frac { 1 } { 2 } \\sum _ { k = 1 } ^ { n } k = m",
        "\\int _ { 0 } ^ { 1 } f ( t ) d t \\le \\left( 1 + s \\right)",
        "f ( x ) = \\begin{cases} 1 & x > 0 \\\\ 0 & x < 0 \\end{cases}",
    )
]


def test_owners_follow_marks() -> None:
    specials = [(1, "i2p 4"), (3, "i2p 0"), (4, "color push"), (4, "i2p 6")]
    assert owners(specials, [1, 3, 4, 4], 6) == [0, 4, 4, 0, 6, 6]
    assert owners(specials, [0, 1, 1, 1], 2) == [4, 6]
    lines = [(1, "i2p 4"), (2, "i2p 0"), (3, "i2p back"), (4, "i2p 0")]  # a line number inside
    assert owners(lines, [0, 1, 2, 3], 4) == [4, 0, 4, 0]


def test_rows_split_at_a_relation_outside_braces() -> None:
    supply = Supply.of(FORMULAS, random.Random(0))
    assert FORMULAS[1] in supply.rows
    assert FORMULAS[4] not in supply.rows  # has rows of its own
    assert FORMULAS[4] in supply.displays


def test_the_same_seed_writes_the_same_document() -> None:
    def source(seed: int) -> str:
        rng = random.Random(seed)
        composer = Composer(rng, Supply.of(FORMULAS, rng), LAYOUTS["book"], nonce="n")
        return composer.document(20).source()

    assert source(1) == source(1) != source(2)


def test_a_document_without_formulas_has_none() -> None:
    rng = random.Random(3)
    supply = Supply.of(FORMULAS, rng)
    composer = Composer(rng, supply, LAYOUTS["article"], nonce="n", plain=True)
    document = composer.document(60)
    assert not document.labels
    assert "\\[" not in document.source()


def test_source_beside_what_it_looks_like_is_narrow() -> None:
    rng = random.Random(0)
    composer = Composer(rng, Supply.of(FORMULAS, rng), LAYOUTS["article"], nonce="n")
    source = composer.document(500).source()
    example = r"linewidth}\n{\\footnotesize\n\\begin{verbatim}\n(.*?)\n\\end{verbatim}"
    listings = re.findall(example, source, re.DOTALL)
    beside = [line for listing in listings for line in listing.split("\n")]
    assert len(listings) > 2
    assert max(map(len, beside)) <= EXAMPLE_WIDTH


def test_unknown_layout() -> None:
    with pytest.raises(UsageError, match="There is no layout nonsense"):
        chosen_layouts(("nonsense",))


@pytest.fixture(scope="module")
def pages() -> list[TypesetPage]:
    typesetter = PageTypesetter(
        dpi=100, layouts=("article", "two-column", "article-left"), typefaces=("computer-modern",)
    )
    return [page for seed in range(3) for page in typesetter.pages(FORMULAS, seed)]


@pytest.mark.tex
def test_a_narrow_formula_is_not_broken() -> None:
    """A short one over two lines would be two pieces of ink at the two margins."""
    narrow = ["x", "=", *"{" * 12, "y", *"}" * 12, "+", "z"]
    rng = random.Random(5)
    composer = Composer(rng, Supply.of([narrow], rng), LAYOUTS["article"], nonce="n")
    assert "{multline" in composer.document(60).source()
    typesetter = PageTypesetter(dpi=60, layouts=("article",), typefaces=("computer-modern",))
    shown = [
        region.box.width / page.ink.shape[1]
        for page in typesetter.pages([narrow], 5)
        for region in page.regions
        if region.kind is RegionKind.DISPLAY
    ]
    assert shown
    assert max(shown) < 0.4


@pytest.mark.tex
def test_pages_have_displays_numbers_and_inline_formulas(pages: list[TypesetPage]) -> None:
    kinds = Counter(region.kind for page in pages for region in page.regions)
    assert kinds[RegionKind.DISPLAY] > 10
    assert kinds[RegionKind.NUMBER] > 3
    assert kinds[RegionKind.INLINE] > 3


@pytest.mark.tex
def test_boxes_touch_ink_on_every_side(pages: list[TypesetPage]) -> None:
    """No box is larger or smaller than its ink, but for a pixel of anti-aliasing."""
    for page in pages:
        for region in page.regions:
            left, top, right, bottom = (round(side) for side in region.box)
            inside = page.ink[top:bottom, left:right] < 255
            edges = (inside[:2], inside[-2:], inside[:, :2], inside[:, -2:])
            assert all(edge.any() for edge in edges), region


@pytest.mark.tex
def test_no_piece_of_ink_crosses_the_edge_of_a_display(pages: list[TypesetPage]) -> None:
    crossing = total = 0
    for page in pages:
        pieces = find_pieces(page.ink < 180)
        for region in page.regions:
            if region.kind is not RegionKind.DISPLAY:
                continue
            box = region.box
            x, y = (pieces.left + pieces.right) / 2, (pieces.top + pieces.bottom) / 2
            inside = (x > box.left) & (x < box.right) & (y > box.top) & (y < box.bottom)
            within = (pieces.left >= box.left - 2) & (pieces.right <= box.right + 2)
            within &= (pieces.top >= box.top - 2) & (pieces.bottom <= box.bottom + 2)
            crossing += int((inside & ~within).sum())
            total += int(inside.sum())
    assert total > 200
    assert crossing <= 0.002 * total


@pytest.mark.tex
def test_numbers_belong_to_displays(pages: list[TypesetPage]) -> None:
    for page in pages:
        for region in page.regions:
            if region.kind is not RegionKind.NUMBER:
                continue
            display = page.regions[region.display]
            assert display.kind is RegionKind.DISPLAY
            middle = (region.box.top + region.box.bottom) / 2
            assert display.box.top - 20 < middle < display.box.bottom + 20
            assert region.box.intersection(display.box).area == 0


@pytest.mark.tex
def test_a_formula_that_tex_refuses_costs_only_its_block() -> None:
    typesetter = PageTypesetter(dpi=72, layouts=("article",), typefaces=("computer-modern",))
    bad = [["\\undefinedcommand", "=", "x", "+", "y", "+", "z", "+", "w"]]
    pages = list(typesetter.pages([*FORMULAS, *bad], 5))
    assert pages
    assert all("undefined" not in region.formula for page in pages for region in page.regions)
    assert np.ptp(pages[0].ink) == 255
