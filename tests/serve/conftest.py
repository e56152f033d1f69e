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

from im2latex_cli.serve import server
from im2latex_cli.settings.training import ModelSettings

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


@pytest.fixture(scope="session")
def serving() -> Serve:
    """Serve an application on a free port of this machine, in a thread."""

    @contextmanager
    def run(app) -> Iterator[str]:
        listening = server.open_socket("127.0.0.1", 0)
        config = uvicorn.Config(app, http="h11", ws="none", log_config=None, log_level="critical")
        uvicorn_server = uvicorn.Server(config)
        thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not uvicorn_server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield server.address(listening)
        finally:
            uvicorn_server.should_exit = True
            thread.join()
            listening.close()

    return run
