"""What is installed, and what each missing part would add. Never imports torch itself."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from im2latex_cli import paths
from im2latex_cli.errors import CheckpointError, Im2LatexError
from im2latex_cli.headers import read_any_header
from im2latex_cli.recognition.models import bundled_model, choose_backend, default_model, find_model
from im2latex_cli.render.choose import INSTALL_LINES, tex_is_usable
from im2latex_cli.settings.sections import Settings

TEX_PROGRAMS = ("latex", "kpsewhich", "dvipng")
GHOSTSCRIPT = "gs"
BUNDLED = "bundled model"
HEADER_FIELDS = ("version", "training_data", "measured")
_TIMEOUT = 60.0
_DEVICES = """\
import torch
mps = getattr(torch.backends, "mps", None)
print("cpu")
for i in range(torch.cuda.device_count()): print(f"cuda:{i} ({torch.cuda.get_device_name(i)})")
if mps and mps.is_available(): print("mps")
"""


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that the tool can use.

    Attributes:
        name: its name.
        here: whether it is.
        version: its version, if it is installed.
        gives: its purpose.
    """

    name: str
    here: bool
    version: str | None
    gives: str


@dataclass(frozen=True, slots=True)
class Install:
    """How to get missing parts: the command for one package manager."""

    parts: str
    manager: str
    command: str


@dataclass(frozen=True, slots=True)
class BundledModel:
    """The header of the model in the package; None for fields that it lacks.

    Attributes:
        name: its name.
        version: its version.
        file: its file.
        file_bytes: the size of that.
        training_data: the data that it was trained on.
        measured: its scores.
    """

    name: str
    version: str | None
    file: Path
    file_bytes: int
    training_data: str | None
    measured: str | None


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """The state of this installation.

    Attributes:
        im2latex: version of this package.
        python: version and path of the interpreter.
        platform: operating system and processor.
        devices: the devices that torch can use; empty if torch does not load.
        backend: the backend that predict takes for the default model, and why.
        renderer: the renderer that `auto` takes on this machine.
        settings_file: the user's settings file, which need not exist.
        settings_file_here: whether it exists.
        cache: the cache folder.
        cache_bytes: size of its content.
        bundled_model: the model in the package; None if there is none or it is damaged.
        parts: everything the tool can use, here or not.
        install: how to install the missing parts.
        exit_code: 0; a missing part is no error.
    """

    im2latex: str
    python: str
    platform: str
    devices: tuple[str, ...]
    backend: str
    renderer: str
    settings_file: Path
    settings_file_here: bool
    cache: Path
    cache_bytes: int
    bundled_model: BundledModel | None
    parts: tuple[Component, ...]
    install: tuple[Install, ...]
    exit_code: int = 0


def run(settings: Settings) -> DoctorResult:
    """Look around; nothing missing is an error."""
    model = _read_bundled_model()
    parts = (*_parts(), _model_part(model))
    return DoctorResult(
        im2latex=version("im2latex-cli"),
        python=f"{platform.python_version()} ({sys.executable})",
        platform=platform.platform(),
        devices=_devices(),
        backend=_backend(settings),
        renderer="tex" if tex_is_usable() else "embedded",
        settings_file=paths.user_settings(),
        settings_file_here=paths.user_settings().is_file(),
        cache=paths.cache_folder(),
        cache_bytes=paths.folder_size(paths.cache_folder()),
        bundled_model=model if isinstance(model, BundledModel) else None,
        parts=parts,
        install=tuple(_install([part.name for part in parts if not part.here])),
    )


def _parts() -> Iterator[Component]:
    yield _package("torch", "training and recognising")
    yield _package("onnxruntime", "predict starts in a third of the time, on CPUs")
    yield _program("latex", "training pictures as TeX draws them, with glyph positions")
    yield _program("kpsewhich", "TeX's fonts; comes with latex")
    yield _program("dvipng", "nothing needs it: pictures to compare the TeX renderer's with")
    yield _program(GHOSTSCRIPT, "render.exact: pictures to the pixel as pdflatex and gs paint them")
    yield _package("mathra", "the embedded renderer: pictures without TeX")
    yield _package("resvg-py", "the embedded renderer's way to pixels")
    yield _package("tensorboard", "training curves and pictures in the browser")


def _install(missing: Sequence[str]) -> Iterator[Install]:
    tex = [name for name in missing if name in TEX_PROGRAMS]
    for manager, command in INSTALL_LINES.items() if tex else ():
        yield Install(", ".join(tex), manager, command)
    for manager, command in INSTALL_LINES.items() if GHOSTSCRIPT in missing else ():
        installs = command.partition(" install ")[0]
        yield Install(GHOSTSCRIPT, manager, f"{installs} install ghostscript")
    for name in missing:
        if name == BUNDLED:
            yield Install(name, "im2latex", "im2latex run")
        elif name not in (*TEX_PROGRAMS, GHOSTSCRIPT):
            yield Install(name, "pip", f"pip install {name}")


def _program(name: str, gives: str) -> Component:
    """Look for a program on PATH and ask it for its version."""
    path = shutil.which(name)
    if path is None:
        return Component(name, here=False, version=None, gives=gives)
    try:
        result = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        first = result.stdout.splitlines()[:1]
    except (OSError, subprocess.TimeoutExpired):
        first = []
    return Component(name, here=True, version=first[0] if first else None, gives=gives)


def _package(name: str, gives: str) -> Component:
    try:
        return Component(name, here=True, version=version(name), gives=gives)
    except PackageNotFoundError:
        return Component(name, here=False, version=None, gives=gives)


def _devices() -> tuple[str, ...]:
    """Ask a process of its own for torch's devices, because loading torch takes seconds."""
    if find_spec("torch") is None:
        return ()
    try:
        result = subprocess.run(
            [sys.executable, "-c", _DEVICES],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(result.stdout.split("\n")[:-1])


def _backend(settings: Settings) -> str:
    try:
        model = find_model(default_model())
        runtime = settings.runtime
        choice = choose_backend(model, device=runtime.device, backend=runtime.backend)
    except Im2LatexError as error:
        return f"none: {error}"
    return f"{choice.backend} ({choice.reason})"


def _read_bundled_model() -> BundledModel | str | None:
    """Read the header of the bundled model; a text says what is wrong with its file."""
    path = bundled_model()
    if path is None:
        return None
    try:
        info = (read_any_header(path) or {}).get("info", {})
        values = {key: str(info[key]) for key in HEADER_FIELDS if key in info}
    except (CheckpointError, OSError):
        return f"{path.name}, damaged"
    return BundledModel(
        name=str(info.get("name", path.stem)),
        version=values.get("version"),
        file=path,
        file_bytes=path.stat().st_size,
        training_data=values.get("training_data"),
        measured=values.get("measured"),
    )


def _model_part(model: BundledModel | str | None) -> Component:
    if isinstance(model, BundledModel):
        label: str | None = f"{model.name} {model.version or ''}".strip()
    else:
        label = model
    return Component(
        BUNDLED, here=model is not None, version=label, gives="predict without training"
    )
