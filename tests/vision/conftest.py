"""Pictures of formulas for the tests of vision."""

import functools
import random

import numpy as np
import pytest

from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import RenderSettings

FORMULAS = (
    r"\int_0^1 \frac{x^2 + 1}{\sqrt{1 - x}} \, dx = \sum_{n=1}^\infty a_n",
    r"E = m c^2",
    r"\left( \begin{matrix} a & b \\ c & d \end{matrix} \right) \psi = \lambda \psi",
    r"P(A \mid B) = \frac{P(B \mid A) P(A)}{P(B)}",
    r"\forall \epsilon > 0 \; \exists \delta : |x - y| < \delta",
    r"\hat{H} |n\rangle = \hbar \omega (n + \tfrac12) |n\rangle",
)


@functools.cache
def page(formula: str, dpi: int = 200) -> np.ndarray:
    """The page of a formula, in the embedded renderer's look."""
    (drawn,) = EmbeddedRenderer(RenderSettings(dpi=dpi)).render([formula])
    assert isinstance(drawn, Page), drawn
    return drawn.ink


@pytest.fixture(params=FORMULAS, ids=range(len(FORMULAS)))
def formula_page(request):
    """A page at 200 dpi, (H, W) uint8."""
    return page(request.param)


@pytest.fixture(scope="session")
def all_pages():
    """Pages of all formulas at a resolution."""
    return lambda dpi=200: [page(formula, dpi) for formula in FORMULAS]


@pytest.fixture
def blots():
    """A page with random black blots; takes height and width."""

    def make(height, width, seed=0):
        draw = random.Random(seed)
        sheet = np.full((height, width), 255, np.uint8)
        for _ in range(12):
            y, x = draw.randrange(height), draw.randrange(width)
            sheet[y : y + draw.randint(1, 5), x : x + draw.randint(1, 9)] = draw.randrange(200)
        return sheet

    return make
