from pathlib import Path

import pytest

from im2latex_cli.render.tex.renderer import TexRenderer
from im2latex_cli.settings.sections import RenderSettings


@pytest.fixture(scope="module")
def tex() -> TexRenderer:
    """One renderer for all tests of a file; they carry the marker `tex`."""
    return TexRenderer(RenderSettings(timeout=2))


@pytest.fixture(scope="session")
def hostile() -> list[str]:
    """Formulas that try to break out, to disturb their neighbours or to break TeX."""
    lines = Path(__file__).with_name("hostile.txt").read_text(encoding="utf-8").splitlines()
    return [
        *lines,
        "a\0b",
        "\x1b[31m",
        "x" * 30_000,
        "{" * 5000 + "x" + "}" * 5000,
        r"\frac{" * 300 + "x" + "}{y}" * 300,
    ]
