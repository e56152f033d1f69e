import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image

from im2latex_cli.render.embedded.renderer import EmbeddedRenderer
from im2latex_cli.serve import app as application
from im2latex_cli.settings.sections import ModelSettings, RenderSettings

TOKENS = ["x", "y", "+", "2", "{", "}", "^", r"\frac", r"\alpha", "="]
DIMS = ModelSettings(
    encoder="residual",
    decoder="transformer",
    channels=(4, 8, 16),
    width=32,
    feedforward=32,
    decoder_layers=2,
)

Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def model_file(untrained) -> Path:
    """Save a tiny model that has learned nothing."""
    return untrained(DIMS, TOKENS)


@pytest.fixture(scope="session")
def png() -> bytes:
    """Return a picture of strokes on paper."""
    rng = np.random.default_rng(1)
    page = np.full((40, 120), 255, np.uint8)
    for _ in range(6):
        top, left = rng.integers(4, 26), rng.integers(4, 106)
        page[top : top + rng.integers(2, 9), left : left + rng.integers(2, 9)] = 0
    held = io.BytesIO()
    Image.fromarray(page).save(held, "PNG")
    return held.getvalue()


PAGE_DPI, PAGE_SIZE = 100, (650, 850)
WORDS = (
    r"\text{The wave equation for a field on a line is what we begin with, since}",
    r"\text{it is the simplest of all such equations and has been solved for long,}",
    r"\text{by hand and without a computer. The words go on for some lines now.}",
)
WAVE = r"\frac{\partial^2 u}{\partial t^2}=c^2\frac{\partial^2 u}{\partial x^2}"
SUM = r"\sum_{n=1}^{N}\frac{1}{n^2}<\frac{\pi^2}{6}"


@pytest.fixture(scope="session")
def typeset() -> Callable[..., Image.Image]:
    """Typeset lines of words, and formulas between them, as a page."""
    renderer = EmbeddedRenderer(RenderSettings(dpi=PAGE_DPI))

    def page(*formulas: str) -> Image.Image:
        sheet = Image.new("L", PAGE_SIZE, 255)
        top = 80
        for formula in (None, *formulas):
            for line in (formula,) if formula else ():
                (drawn,) = renderer.render([line])
                left = (PAGE_SIZE[0] - drawn.ink.shape[1]) // 2
                sheet.paste(Image.fromarray(drawn.ink), (left, top + 14))
                top += drawn.ink.shape[0] + 36
            for drawn in renderer.render(list(WORDS)):
                sheet.paste(Image.fromarray(drawn.ink), (80, top))
                top += 19
        return sheet

    return page


@pytest.fixture(scope="session")
def paper(typeset) -> bytes:
    """Return a PDF of three pages with two, no and one displayed formula."""
    first, *others = typeset(WAVE, SUM), typeset(), typeset(SUM)
    held = io.BytesIO()
    first.save(held, "PDF", resolution=PAGE_DPI, save_all=True, append_images=others)
    return held.getvalue()


@pytest.fixture(scope="session")
def serving() -> Serve:
    """Serve an application on a free port of this machine, in a thread."""

    @contextmanager
    def run(app) -> Iterator[str]:
        listening = application.open_socket("127.0.0.1", 0)
        config = uvicorn.Config(app, http="h11", ws="none", log_config=None, log_level="critical")
        uvicorn_server = uvicorn.Server(config)
        thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not uvicorn_server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield application.address(listening)
        finally:
            uvicorn_server.should_exit = True
            thread.join()
            listening.close()

    return run
