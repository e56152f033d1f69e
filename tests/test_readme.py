"""What README and tutorial tell people to type works, and prints what they say."""

from __future__ import annotations

import base64
import html
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
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
QUICK = {
    "IM2LATEX_BUILD__LIMIT": "60",
    "IM2LATEX_TRAIN__EPOCHS": "1",
    "IM2LATEX_TRAIN__EVALUATE_LIMIT": "1",
    "IM2LATEX_EVALUATE__LIMIT": "3",
    "IM2LATEX_DECODE__BEAM": "1",
    "IM2LATEX_DECODE__MAX_TOKENS": "20",
    "IM2LATEX_RUNTIME__THREADS": "1",
    "IM2LATEX_BUILD__JOBS": "1",
}


def blocks(text: str, language: str) -> list[str]:
    return [content for name, content in BLOCK.findall(text) if name == language]


def console() -> Iterator[tuple[str, list[str]]]:
    """Each command of the tutorial with the lines that it is said to print."""
    for block in blocks(TUTORIAL, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, [line for line in lines if line.strip()]


def run(words: list[str], folder: Path, *, quick: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ | (QUICK if quick else {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )


def im2latex(command: str, folder: Path, *, quick: bool = True) -> str:
    program, *words = shlex.split(command)
    assert program == "im2latex"
    done = run(["-m", "im2latex_cli", *words], folder, quick=quick)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def labels(lines: list[str]) -> set[str]:
    """The words before the first wide gap of each line."""
    return {re.split(r"  +", line.strip())[0] for line in lines} - {"…"}


def test_the_tutorial_runs_in_order(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "formula.png", tmp_path / "docs")
    for command, lines in console():
        printed = im2latex(command, tmp_path)
        if command.split()[1] not in {"predict", "train"}:
            assert labels(lines) <= labels(printed.splitlines()), command
    (python,) = blocks(TUTORIAL, "python")
    done = run(["-c", python], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1


def test_the_tutorial_shows_all_six_commands() -> None:
    shown = {command.split()[1] for command, _ in console()}
    assert {"build", "vocab", "train", "eval-text", "eval-image", "predict"} <= shown


def test_the_first_prediction_is_what_the_readme_and_the_tutorial_say() -> None:
    install, *_ = blocks(README, "sh")
    *_, command = install.strip().splitlines()
    printed = im2latex(command, ROOT, quick=False)
    assert blocks(README, "latex") == [printed]
    assert (command, [printed.strip()]) in list(console())


def test_the_three_lines_of_python_run() -> None:
    (python,) = blocks(README, "python")
    done = run(["-c", python], ROOT, quick=False)
    assert done.returncode == 0, done.stderr
    assert blocks(README, "latex") == [done.stdout]


def test_the_picture_shows_what_predict_prints(tmp_path: Path) -> None:
    svg = (ROOT / "docs" / "result.svg").read_text(encoding="utf-8")
    shown = [
        html.unescape("".join(re.findall(r"<tspan[^>]*>(.*?)</tspan>", text)))
        for text in re.findall(r"<text.*?</text>", svg, re.DOTALL)
    ]
    names = []
    for number, data in enumerate(re.findall(r"base64,([^\"]+)", svg)):
        names.append(f"{number}.png")
        (tmp_path / names[-1]).write_bytes(base64.b64decode(data))
    printed = im2latex(f"im2latex predict {' '.join(names)}", tmp_path, quick=False)
    assert printed.splitlines() == shown
    assert len(shown) == 3


def test_ci_runs_the_tests_as_the_readme_does() -> None:
    *_, tests = blocks(README, "sh")
    assert tests.strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not on PATH")
@pytest.mark.parametrize("block", blocks(README + TUTORIAL, "sh"))
def test_shell_lines_parse(block: str) -> None:
    subprocess.run(["bash", "-n", "-c", block], check=True)
