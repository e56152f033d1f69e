"""What is here and what each missing part would give. Never imports torch into this process."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from im2latex_cli import paths
from im2latex_cli.settings.tree import Settings

PRETRAINED = Path(__file__).parent.parent / "pretrained"
_TIMEOUT = 60.0
_DEVICES = """\
import torch
mps = getattr(torch.backends, "mps", None)
print("cpu")
for i in range(torch.cuda.device_count()): print(f"cuda:{i} ({torch.cuda.get_device_name(i)})")
if mps and mps.is_available(): print("mps")
"""
_TEX = "draws training pictures as TeX does, many times faster and with every font"
_INSTALL = {
    "latex": (
        "apt install texlive-latex-base",
        "dnf install texlive-latex texlive-amsmath texlive-collection-fontsrecommended",
        "brew install --cask basictex",
    ),
    "dvipng": (
        "apt install dvipng",
        "dnf install texlive-dvipng",
        "sudo tlmgr install dvipng",
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that the tool can use.

    Attributes:
        name: what it is.
        version: its version, None where it is absent.
        gives: what it is good for.
        install: where it is absent, the commands that bring it: apt, dnf, brew, pip.
    """

    name: str
    version: str | None
    gives: str
    install: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """The state of this installation."""

    im2latex: str
    python: str
    platform: str
    devices: tuple[str, ...]
    settings_file: str
    cache: Path
    cache_bytes: int
    parts: tuple[Part, ...]
    exit_code: int = 0


def run(settings: Settings) -> DoctorResult:  # noqa: ARG001 - every service takes them
    """Look around; nothing missing is an error."""
    user = paths.user_settings()
    return DoctorResult(
        im2latex=version("im2latex-cli"),
        python=f"{platform.python_version()} ({sys.executable})",
        platform=platform.platform(),
        devices=_devices(),
        settings_file=f"{user} ({'read' if user.is_file() else 'absent'})",
        cache=paths.cache_folder(),
        cache_bytes=paths.folder_size(paths.cache_folder()),
        parts=tuple(_parts()),
    )


def _parts() -> Iterator[Part]:
    yield _package("torch", "trains and recognises")
    yield _program("latex", _TEX)
    yield _program("dvipng", "turns TeX's pages into pixels")
    yield _package("mathra", "the embedded renderer: draws formulas without TeX")
    yield _package("resvg-py", "the embedded renderer's way to pixels")
    yield _package("tensorboard", "shows a training run in the browser")
    yield _bundled()


def _program(name: str, gives: str) -> Part:
    """Look for a program on PATH and ask it for its version."""
    path = shutil.which(name)
    if path is None:
        return Part(name, None, gives, _INSTALL[name])
    try:
        asked = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        first = asked.stdout.splitlines()[:1]
    except (OSError, subprocess.TimeoutExpired):
        first = []
    return Part(name, first[0] if first else f"{path}, version unknown", gives)


def _package(name: str, gives: str) -> Part:
    try:
        return Part(name, version(name), gives)
    except PackageNotFoundError:
        return Part(name, None, gives, (f"pip install {name}",))


def _devices() -> tuple[str, ...]:
    """Ask a process of its own for torch's devices, because loading torch takes seconds."""
    if find_spec("torch") is None:
        return ()
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _DEVICES],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(asked.stdout.split("\n")[:-1])


def _bundled() -> Part:
    """Read the name and version of the bundled model from its header."""
    gives = "recognises pictures without training first"
    for path in sorted(PRETRAINED.glob("*.safetensors")):
        return Part("pretrained model", _model_version(path), gives)
    return Part("pretrained model", None, gives, ("im2latex run trains a small one",))


def _model_version(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > path.stat().st_size:
                return f"{path.name}, damaged"
            header = json.loads(file.read(size)).get("__metadata__", {})
    except (OSError, ValueError):
        return f"{path.name}, damaged"
    told = [str(header[key]) for key in ("name", "version") if key in header]
    return " ".join(told) or path.stem
