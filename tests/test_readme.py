"""What the README tells people to type works, and prints what it says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
QUICK = {
    "IM2LATEX_TRAIN__EPOCHS": "1",
    "IM2LATEX_DECODE__BEAM": "2",
    "IM2LATEX_DECODE__MAX_TOKENS": "20",
}


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(README) if found == language]


def console() -> Iterator[tuple[str, list[str]]]:
    """Each command of the console blocks with the lines that it is said to print."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, [line for line in lines if line.strip()]


def run(command: str, folder: Path, *, quick: bool = True) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    assert words[0] == "im2latex"
    return subprocess.run(
        [sys.executable, "-m", "im2latex_cli", *words[1:]],
        cwd=folder,
        env=os.environ | (QUICK if quick else {}),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def labels(lines: list[str]) -> set[str]:
    """The words before the first wide gap of each line."""
    return {re.split(r"  +", line.strip())[0] for line in lines} - {"…"}


def test_the_commands_run_in_order(folder: Path) -> None:
    for command, lines in console():
        plain = command.partition(" | ")[0]
        done = run(plain, folder)
        assert done.returncode == 0, f"{plain}\n{done.stdout}\n{done.stderr}"
        if "predict" not in plain and "train" not in plain.split():
            assert labels(lines) <= labels(done.stdout.splitlines()), plain
    python = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-c", python],
        cwd=folder,
        env=os.environ | QUICK,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1


def test_every_command_is_shown() -> None:
    shown = {command.split()[1] for command, _ in console()}
    assert {"build", "vocab", "train", "eval-text", "eval-image", "predict"} <= shown


def test_ci_runs_the_second_line() -> None:
    first, second, *_ = blocks("sh")
    assert first.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install -c ")
    assert second.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on PATH")
def test_shell_lines_parse() -> None:
    for block in blocks("sh"):
        subprocess.run(["bash", "-n", "-c", block], check=True)


def test_the_first_line_reads_what_the_readme_says() -> None:
    first, *_ = blocks("sh")
    command = first.strip().rpartition(" && ")[2]
    done = run(command.replace("docs/", f"{ROOT}/docs/"), ROOT, quick=False)
    assert done.returncode == 0, done.stderr
    assert f"`{done.stdout.strip()}`" in README
