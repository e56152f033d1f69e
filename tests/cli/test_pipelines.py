"""The commands of docs/how-to/pipelines.md run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "pipelines.md"
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]
ENDLESS = "--watch"
HOTKEYS = [text for language, text in BLOCKS if language == "console" and ENDLESS not in text]
WRITTEN = {
    "> formulas.tsv": "formulas.tsv",
    "> formulas.jsonl": "formulas.jsonl",
    "printf": "figures/b c.tex",
    "--render": "seen/b c.png",
}
"""What commands write that send nothing to standard output."""
NEEDS = ("jq", "make", "find", "xargs", "sort", "sh")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in NEEDS), reason=f"needs {', '.join(NEEDS)}"
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, strokes: Image.Image) -> Path:
    """A folder with all that the page names, an untrained model as results/small among it."""
    folder = tmp_path_factory.mktemp("pipelines")
    for name in ("figures/a.png", "figures/b c.png", "scans/d.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        strokes.save(folder / name)
    (folder / "results" / "small").mkdir(parents=True)
    shutil.copy(tiny_model, folder / "results" / "small")
    (folder / "broken.png").touch()
    strokes.save(folder / "paper.pdf", resolution=72)
    return folder


def run(command: str, place: Path) -> subprocess.CompletedProcess[str]:
    programs = place / "bin"
    programs.mkdir(exist_ok=True)
    im2latex = programs / "im2latex"
    im2latex.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m im2latex_cli "$@"\n')
    im2latex.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[2]),
        "IM2LATEX_DECODE__MAX_TOKENS": "4",
        "IM2LATEX_DECODE__BEAM": "1",
        "IM2LATEX_RUNTIME__THREADS": "1",
    }
    return subprocess.run(
        ["sh", "-c", command],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, place: Path) -> None:
    if "paper.pdf" in command:
        pytest.importorskip("pypdfium2")
    done = run(command, place)
    meets_broken = command.startswith("find . ")
    assert done.returncode == (7 if meets_broken else 0), done.stderr
    assert "Traceback" not in done.stderr
    if "broken.png" in command:
        assert done.stdout == "broken.png: broken.png: the file is empty (0 bytes).\n"
    elif written := next((path for mark, path in WRITTEN.items() if mark in command), None):
        assert (place / written).stat().st_size > 0
    else:
        assert done.stdout or "warnings" in command  # an untrained model is never sure


@pytest.mark.parametrize("command", HOTKEYS)
def test_hotkeys_run_with_the_programs_that_they_name(command: str, place: Path) -> None:
    picture, copied = place / "figures" / "a.png", place / "copied"
    fakes = dict.fromkeys(("grim", "maim", "pngpaste"), f'cat "{picture}"')
    fakes |= dict.fromkeys(("wl-copy", "xclip", "pbcopy"), f'cat > "{copied}"')
    fakes |= {"slurp": "echo 0,0 10x10", "screencapture": ":", "inotifywait": f'echo "{picture}"'}
    programs = place / "fakes"
    programs.mkdir(exist_ok=True)
    for name, script in fakes.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    copied.unlink(missing_ok=True)
    done = run(f'PATH="{programs}:$PATH"; {command}', place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if "--copy" in command:
        assert copied.read_text() == done.stdout.rstrip("\n")


def test_the_rule_for_make(place: Path) -> None:
    (rule,) = [text for language, text in BLOCKS if language == "make"]
    (place / "work" / "figures").mkdir(parents=True)
    shutil.copy(place / "figures" / "a.png", place / "work" / "figures")
    shutil.copytree(place / "results", place / "work" / "results")
    (place / "work" / "Makefile").write_text(rule)
    assert run("make -C work && make -q -C work", place).returncode == 0
    assert (place / "work" / "figures" / "a.tex").read_text().strip()


def test_the_page_names_every_warning() -> None:
    from im2latex_cli.cli.rows import ADVICE

    named = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert named == set(ADVICE)
