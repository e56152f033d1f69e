import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.settings.sections import RenderSettings
from im2latex_cli.vision.finish import finish
from im2latex_cli.vision.foreign import may_be_formula
from im2latex_cli.vision.ink import Ink
from im2latex_cli.vision.prepare import Preprocessing, prepare

FORMULAS = [
    "x",
    r"\boxed{\int_0^\infty e^{-x^2}dx=\frac{\sqrt\pi}{2}}",
    r"\begin{array}{cccc}a&&&\\&b&&\\&&c&\\&&&d\end{array}",
    r"a\qquad\qquad\qquad\qquad\qquad\qquad b",
    "+".join(rf"\frac{{{n}}}{{x_{n}}}" for n in range(40)),
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_may_be_formulas(formula: str) -> None:
    (page,) = EmbeddedRenderer(RenderSettings()).render([formula])
    assert may_be_formula(Ink(prepare(finish(page.ink)[0], Preprocessing())))


def blobs() -> np.ndarray:
    """A photograph of sorts: soft, large shapes."""
    y, x = np.mgrid[:400, :500] / 60
    return np.uint8(np.clip(128 + 120 * np.sin(x) * np.cos(y + x / 3), 0, 255))


def texture() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.uint8(255 - 255 * (np.kron(rng.random((80, 80)), np.ones((3, 3))) < 0.15))


def text() -> np.ndarray:
    page = Image.new("L", (600, 600), 255)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=20)
    for line in range(20):
        place = (10, 10 + 28 * line)
        pen.text(place, "The quick brown fox jumps over the lazy dogs.", fill=0, font=font)
    return np.array(page)


@pytest.mark.parametrize("draw", [blobs, texture, text])
def test_photographs_textures_and_pages_are_not(draw) -> None:
    assert not may_be_formula(Ink(prepare(draw(), Preprocessing())))
