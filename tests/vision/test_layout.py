from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.ink import Ink
from im2latex_cli.vision.layout import Layout, examine, without_number
from im2latex_cli.vision.prepare import Preprocessing, prepare

FORMULA = r"\int_0^1 \frac{x^2 + 1}{\sqrt{1 - x}} \, dx = \sum_{n=1}^\infty a_n"
OTHER = r"E = m c^2 + \frac{p^2}{2 m}"
SENTENCE = "where the energy of the system is given by the sum over states"
ONE = (
    FORMULA,
    OTHER,
    r"a = b, \qquad c = d \qquad (n > 2)",
    r"f(x) = \begin{cases} 0 & x < 0 \\ 1 & x \geq 0 \end{cases}",
    r"\begin{aligned} a &= b + c \\ &= d + e \\ f &= g \end{aligned}",
    r"\left( \begin{matrix} a & b \\ c & d \end{matrix} \right) \psi = \lambda \psi",
    r"\sin x + \cos y = \lim_{n \to \infty} \log n",
)
EM = 33
"""Of the pages below: 12 pt at 200 dots per inch."""


@functools.cache
def page(formula: str) -> np.ndarray:
    (drawn,) = EmbeddedRenderer(RenderSettings()).render([formula])
    assert isinstance(drawn, Page)
    return drawn.ink


def words(text: str) -> np.ndarray:
    """Words whose x is as high as the formula's."""
    font = ImageFont.load_default(27)
    left, top, right, bottom = (round(side) for side in font.getbbox(text))
    image = Image.new("L", (right - left, bottom - top), 255)
    ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=0)
    return np.asarray(image)


def stacked(*parts: np.ndarray, gap: float) -> np.ndarray:
    width = max(part.shape[1] for part in parts)
    rows: list[np.ndarray] = []
    for part in parts:
        left = (width - part.shape[1]) // 2
        wide = np.pad(part, ((0, 0), (left, width - part.shape[1] - left)), constant_values=255)
        rows += [wide, np.full((round(gap * EM), width), 255, np.uint8)]
    return np.concatenate(rows[:-1])


def beside(*parts: np.ndarray, gap: float) -> np.ndarray:
    """Side by side, middles level."""
    height = max(map(len, parts))
    columns: list[np.ndarray] = []
    for part in parts:
        top = (height - len(part)) // 2
        high = np.pad(part, ((top, height - len(part) - top), (0, 0)), constant_values=255)
        columns += [high, np.full((height, round(gap * EM)), 255, np.uint8)]
    return np.concatenate(columns[:-1], axis=1)


def ready(picture: np.ndarray) -> Ink:
    return Ink(prepare(np.pad(picture, 20, constant_values=255), Preprocessing()))


@pytest.mark.parametrize("formula", ONE)
@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.4])
def test_one_formula_is_one_formula(formula: str, zoom: float) -> None:
    image = Image.fromarray(page(formula))
    size = (round(image.width * zoom), round(image.height * zoom))
    picture = ready(np.asarray(image.resize(size, Image.Resampling.LANCZOS)))
    assert without_number(picture) is None
    assert examine(picture) == Layout()


@pytest.mark.parametrize("above", [True, False])
def test_lines_of_words(above: bool) -> None:
    parts = [words(SENTENCE), page(FORMULA)]
    assert examine(ready(stacked(*parts[:: 1 if above else -1], gap=0.8))) == Layout(words=True)


def test_words_on_the_line() -> None:
    picture = beside(words("where the energy"), page("E = mc^2"), words("is constant"), gap=0.4)
    assert examine(ready(picture)).words


def test_a_page_of_words() -> None:
    assert examine(ready(stacked(*[words(SENTENCE)] * 5, gap=0.3))) == Layout(words=True)


@pytest.mark.parametrize("arranged", [stacked, beside])
def test_two_formulas(arranged) -> None:
    near, far = (0.4, 1.2) if arranged is stacked else (2.0, 8.0)
    assert examine(ready(arranged(page(OTHER), page(FORMULA), gap=near))) == Layout()
    picture = ready(arranged(page(OTHER), page(FORMULA), gap=far))
    assert examine(picture) == Layout(formulas=True)


@pytest.mark.parametrize("number", ["(7)", "(12)", "(3.4)", "(A.1)", "(12a)"])
@pytest.mark.parametrize("right", [True, False])
def test_an_equation_number_is_cut_off(number: str, right: bool) -> None:
    tag = page(rf"\mathrm{{{number}}}")
    parts = (page(FORMULA), tag) if right else (tag, page(FORMULA))
    cut = without_number(ready(beside(*parts, gap=6)))
    alone = ready(page(FORMULA))
    assert cut is not None
    assert np.abs(np.subtract(cut.picture.shape, alone.picture.shape)).max() <= 2
    assert examine(cut) == Layout()


@pytest.mark.parametrize(
    ("text", "gap"), [("(12)", 1.0), ("12", 6.0), ("(n>2)", 6.0), ("(x)", 6.0)]
)
def test_what_is_no_equation_number_stays(text: str, gap: float) -> None:
    assert without_number(ready(beside(page(FORMULA), page(text), gap=gap))) is None


def test_nothing_breaks_on_odd_ink() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        noise = np.where(rng.random((90, 400)) < rng.uniform(0.001, 0.4), 0, 255).astype(np.uint8)
        noise[:, 100:300] = 255
        examine(Ink(noise))
        without_number(Ink(noise))
    empty = Ink(np.full((20, 20), 255, np.uint8))
    assert (examine(empty), without_number(empty)) == (Layout(), None)
