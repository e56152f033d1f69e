"""What every test may lean on: a clean environment, real TeX where it is, real data where it is."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine may stall any example; CI tries the same examples every time.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# Tiny networks gain nothing from threads, and lose much where another process holds a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

HAS_TEX = shutil.which("latex") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_TEX or os.environ.get("IM2LATEX_REQUIRE_TEX"):
        return
    skip = pytest.mark.skip(reason="latex is not on PATH; install texlive-latex-base")
    for item in items:
        if item.get_closest_marker("tex"):
            item.add_marker(skip)


def pytest_report_header() -> str:
    return f"latex: {shutil.which('latex') or 'absent, tex tests are skipped'}"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings, caches and folders out of the tests."""
    for name in list(os.environ):
        if name.startswith("IM2LATEX_") and name not in {"IM2LATEX_DATA", "IM2LATEX_REQUIRE_TEX"}:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function of dimensions and tokens that saves a model which has learned nothing."""

    def make(dims, tokens: Sequence[str]) -> Path:
        import torch

        from im2latex_cli import checkpoints
        from im2latex_cli.latex.vocab import Vocab
        from im2latex_cli.network.network import Network
        from im2latex_cli.vision.prepare import Preprocessing

        torch.manual_seed(5)
        vocab = Vocab.build(dict.fromkeys(tokens, 3), min_count=1)
        tensors = Network(dims, len(vocab)).state_dict()
        path = tmp_path_factory.mktemp("model") / "best.safetensors"
        checkpoints.save(path, checkpoints.ModelFile(dims, vocab, Preprocessing(), tensors))
        return path

    return make


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real formulas and pictures that IM2LATEX_DATA names."""
    folder = os.environ.get("IM2LATEX_DATA")
    if not folder:
        pytest.skip("IM2LATEX_DATA is not set")
    return Path(folder)
