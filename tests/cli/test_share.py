"""The commands of docs/how-to/share.md run, with a server on loopback as hub."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import loopback
import pytest

from im2latex_cli.recognition import remote
from im2latex_cli.recognition.models import bundled_model

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "share.md").read_text(encoding="utf-8")
USE, SHARE = (
    [line for block in blocks for line in block.splitlines()]
    for blocks in (
        re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        for language in ("console", "sh")
    )
)
QUICK = {
    "IM2LATEX_DECODE__BEAM": "1",
    "IM2LATEX_EVALUATE__LIMIT": "2",
    "IM2LATEX_RENDER__RENDERER": "embedded",
    "IM2LATEX_RUNTIME__THREADS": "1",
    "IM2LATEX_BUILD__JOBS": "1",
}


@pytest.fixture
def run(invoke: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)

    def once(line: str) -> str:
        done = invoke(*shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
        return done.stdout + done.stderr

    return once


def test_a_model_is_shared(run: Callable[[str], str]) -> None:
    run("im2latex build --output data/small --set build.limit=40")
    bundled = bundled_model()
    assert bundled is not None
    Path("results/small").mkdir(parents=True)
    shutil.copy(bundled, "results/small/best.safetensors")
    for line in SHARE:
        run(line)
    assert "exact match" in Path("shared/README.md").read_text(encoding="utf-8")
    shutil.copy(ROOT / "docs" / "formula.png", "formula.png")
    assert "\\frac" in run("im2latex predict --model shared formula.png")


def test_a_shared_model_is_used(run: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = bundled_model()
    assert bundled is not None
    shutil.copy(ROOT / "docs" / "formula.png", "formula.png")
    content = bundled.read_bytes()
    digest = sha256(content).hexdigest()
    names = ("model.safetensors", "best.safetensors")
    lines = [line for line in USE if line.startswith("im2latex predict")]
    assert len(lines) == 3
    with loopback.serving(loopback.Zenodo(dict.fromkeys(names, content))) as hub:
        monkeypatch.setattr(remote, "HUB", hub.base)
        for line in lines:
            printed = run(line.replace("7f4d…", digest))
            assert "\\frac" in printed
            assert (f"SHA-256 {digest}" in printed) is ("#sha256" not in line)
    assert [name for name, _ in hub.asked] == ["model.safetensors", "best.safetensors"]
