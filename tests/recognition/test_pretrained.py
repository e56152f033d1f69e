"""The bundled model reads what people paste most: single letters, digits, the shortest formulas."""

from __future__ import annotations

import string
from collections.abc import Sequence

import pytest

from im2latex_cli import Recognizer, load
from im2latex_cli.latex.normalize import normalize
from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.render.renderer import Page
from im2latex_cli.settings.sections import RenderSettings

GREEK = [
    f"\\{name}"
    for name in (
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa"),
        *("lambda", "mu", "xi", "pi", "rho", "sigma", "tau", "phi", "psi", "omega"),
        *("Gamma", "Delta", "Theta", "Lambda", "Pi", "Sigma", "Phi", "Psi", "Omega", "infty"),
    )
]
SHORT = [
    *("15", "1/r", "f(x)", "n+1", "x^{2}", "a_{1}"),
    *("\\hat{p}", "2\\pi", "dx", "-1", "k!", "\\ne0"),
]
ONE_SHAPE = str.maketrans("CKOPSUVWXYZ", "ckopsuvwxyz")
"""Alone, a capital of these letters differs from its small letter in nothing but size."""


@pytest.fixture(scope="module")
def model() -> Recognizer:
    return load(backend="torch")


def share_read(model: Recognizer, formulas: Sequence[str], *, dpi: int) -> float:
    renderer = EmbeddedRenderer(RenderSettings(dpi=dpi))
    pages = [page.ink for page in renderer.render(formulas) if isinstance(page, Page)]
    read = [str(one.latex) for one in model(pages)]
    pairs = zip(map(spelling, formulas), map(spelling, read), strict=True)
    return sum(label == reading for label, reading in pairs) / len(formulas)


def spelling(formula: str) -> tuple[str, ...]:
    return tuple(token.translate(ONE_SHAPE) for token in normalize(formula).tokens)


@pytest.mark.parametrize("dpi", [100, 200, 330])
@pytest.mark.parametrize(
    ("formulas", "least"),
    [(string.ascii_letters, 0.9), (string.digits, 0.9), (GREEK, 0.85), (SHORT, 0.9)],
    ids=["letters", "digits", "Greek", "short"],
)
def test_single_symbols_are_read(
    model: Recognizer, formulas: Sequence[str], least: float, dpi: int
) -> None:
    assert share_read(model, list(formulas), dpi=dpi) >= least
