"""The Dockerfile: its rules, and its steps run one after the other without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORMULA = ROOT / "docs" / "formula.png"
WITHOUT = ("torch", "tensorboard")
EXTRAS = ("onnx", "pdf", "serve")
MEGABYTES = 600
"""Limit for what is installed: python:3.13-slim has 120 MB, and the image must stay below 1 GB."""


def instructions() -> list[tuple[str, str]]:
    """Keyword and arguments of each instruction, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def last(keyword: str) -> str:
    return [rest for word, rest in instructions() if word == keyword][-1]


def test_it_installs_all_but_pytorch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        requirement
        for requirement in project["project"]["dependencies"]
        if not requirement.startswith(WITHOUT)
    ]
    for extra in EXTRAS:
        wanted += project["project"]["optional-dependencies"][extra]
    assert sorted(project["dependency-groups"]["container"]) == sorted(wanted)


def test_it_runs_as_a_user_without_rights() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))


def test_what_it_copies_is_in_its_context() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    copied = {
        name
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint")
def test_it_is_lint_free() -> None:
    subprocess.run(["hadolint", str(ROOT / "Dockerfile")], check=True)


@dataclass(frozen=True)
class Image:
    """What the steps of the Dockerfile leave: the folder that stands for /, and the variables."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, **options) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, check=True, **options
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Run the steps in a folder; where Docker would unpack Python, this one's is taken."""
    root = tmp_path_factory.mktemp("image")
    programs = root / "usr" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys._base_executable)
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(root)}
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        environment.pop(name, None)
    here = root
    for word, rest in instructions():
        moved = re.sub(r"(?<![\w.:/])/(?=opt/|source|work)", f"{root}/", rest)
        if word == "WORKDIR":
            here = Path(moved)
            here.mkdir(parents=True, exist_ok=True)
        elif word == "COPY" and not rest.startswith("--from"):
            *names, target = moved.split()
            copy(names, here / target)
        elif word == "RUN":
            subprocess.run(["sh", "-c", moved], check=True, cwd=here, env=environment)
        elif word == "ENV":
            pairs = (pair.split("=", 1) for pair in shlex.split(moved))
            environment |= {name: value.replace("$PATH", "/usr/bin:/bin") for name, value in pairs}
    return Image(root, environment)


def copy(names: list[str], target: Path) -> None:
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


@pytest.mark.slow
def test_it_is_small_and_without_pytorch(image: Image) -> None:
    files = [path for path in (image.root / "opt").rglob("*") if path.is_file()]
    size = sum(path.lstat().st_size for path in files) / 1e6
    print(f"installed: {size:.0f} MB")
    assert size < MEGABYTES
    assert not any("torch" in path.parts for path in files)


@pytest.mark.slow
def test_it_predicts(image: Image) -> None:
    (program,) = json.loads(last("ENTRYPOINT"))
    with FORMULA.open("rb") as picture:
        result = image.run(program, "predict", "--format", "jsonl", stdin=picture, text=True)
    assert "\\frac" in json.loads(result.stdout)["latex"]


@pytest.fixture
def address(image: Image) -> Iterator[str]:
    command = [*json.loads(last("ENTRYPOINT")), *json.loads(last("CMD")), "--port", "0"]
    with subprocess.Popen(
        command, env=image.environment, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "http://" in line)
            yield re.sub(r".*?(http://\S+).*", r"\1", line.strip(), flags=re.DOTALL)
        finally:
            server.terminate()


@pytest.mark.slow
def test_it_serves_and_says_that_it_is_healthy(image: Image, address: str) -> None:
    port = address.rstrip("/").rpartition(":")[2]
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    command = [part.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for part in check]
    for _ in range(50):
        if (
            subprocess.run(
                command, env=image.environment, check=False, capture_output=True
            ).returncode
            == 0
        ):
            break
        time.sleep(0.2)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict", FORMULA.read_bytes(), {"Content-Type": "image/png"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert "\\frac" in json.load(answer)["latex"]


@pytest.mark.slow
def test_a_command_that_needs_pytorch_says_so(image: Image) -> None:
    with pytest.raises(subprocess.CalledProcessError) as info:
        image.run("im2latex", "predict", "--backend", "torch", str(FORMULA), text=True)
    assert info.value.returncode == 2
    assert "needs PyTorch" in info.value.stderr
