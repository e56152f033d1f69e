import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import im2latex_cli.services
from im2latex_cli.cli.app import app

Invoke = Callable[..., Result]
Execute = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the app in this process, in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return lambda *args, **options: CliRunner().invoke(app, args, prog_name="im2latex", **options)


@pytest.fixture
def execute(tmp_path: Path) -> Execute:
    """Run the real executable in an empty folder."""

    def run(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "im2latex_cli", *args]
        options = {"cwd": tmp_path, "capture_output": True, "text": True, **options}
        return subprocess.run(command, check=False, timeout=60, **options)

    return run


def home_of(service: str) -> ModuleType:
    """Return the package that commands import a service from."""
    root = Path(im2latex_cli.services.__path__[0])
    (path,) = root.rglob(f"{service}.py")
    return importlib.import_module(
        ".".join(("im2latex_cli", "services", *path.parent.relative_to(root).parts))
    )


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    """Put a fake in the place of a service; it keeps what it was called with."""

    def replace(name: str, outcome: Any) -> SimpleNamespace:
        def run(*args: Any, **options: Any) -> Any:
            fake.args, fake.options = args, options
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        fake = SimpleNamespace(run=run, run_together=run, args=(), options={})
        monkeypatch.setattr(home_of(name), name, fake, raising=False)
        return fake

    return replace


@pytest.fixture
def environment() -> dict[str, str]:
    """Return a copy of this process's environment, for tests that change one thing."""
    return dict(os.environ)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained model that writes x, y, + and 2."""
    import torch

    from im2latex_cli import checkpoints
    from im2latex_cli.latex.vocab import Vocab
    from im2latex_cli.network.network import Network
    from im2latex_cli.settings.sections import ModelSettings
    from im2latex_cli.vision.prepare import Preprocessing

    torch.manual_seed(5)
    dims = ModelSettings(
        encoder="residual", decoder="transformer", channels=(4, 8, 16), width=32, feedforward=32
    )
    vocab = Vocab.build(dict.fromkeys(["x", "y", "+", "2"], 3), min_count=1)
    path = tmp_path_factory.mktemp("tiny") / "best.safetensors"
    tensors = Network(dims, len(vocab)).state_dict()
    checkpoints.save(path, checkpoints.ModelFile(dims, vocab, Preprocessing(), tensors))
    return path


@pytest.fixture(scope="session")
def strokes() -> Image.Image:
    """Return a picture with some ink."""
    rng = np.random.default_rng(0)
    page = np.full((40, 100), 255, np.uint8)
    for _ in range(6):
        top, left = rng.integers(4, 28), rng.integers(4, 88)
        page[top : top + 7, left : left + 3] = 0
    return Image.fromarray(page)
