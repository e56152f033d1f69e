"""The commands and settings of docs/how-to/recipes.md, as far as they run without the programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "recipes.md"
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
NEEDS = ("jq", "curl", "sh")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in NEEDS), reason=f"needs {', '.join(NEEDS)}"
    ),
]


def blocks(language: str, mark: str = "") -> list[str]:
    found = [text for kind, text in BLOCKS if kind == language and mark in text]
    assert found
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, strokes: Image.Image) -> Path:
    """A folder with pictures, an untrained model, and programs; a picture is on the clipboard."""
    folder = tmp_path_factory.mktemp("recipes")
    for name in ("figures/a.png", "figures/b c.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        strokes.save(folder / name)
    (folder / "results" / "small").mkdir(parents=True)
    shutil.copy(tiny_model, folder / "results" / "small")
    programs = folder / "bin"
    programs.mkdir()
    scripts = {
        "im2latex": f'exec "{sys.executable}" -m im2latex_cli "$@"',
        "wl-paste": f'cat "{folder / "figures" / "a.png"}"',
        "wl-copy": f'cat > "{folder / "copied"}"',
    }
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    return folder


def environment(place: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[2]),
        "IM2LATEX_DECODE__MAX_TOKENS": "4",
        "IM2LATEX_DECODE__BEAM": "1",
        "IM2LATEX_RUNTIME__THREADS": "1",
    }


def run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        check=False,
        cwd=place,
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def server(place: Path) -> Iterator[str]:
    """The service that systemd would start, on a free port."""
    (unit,) = blocks("ini")
    line = re.search(r"^ExecStart=%h/.local/bin/(im2latex serve) --port 8000$", unit, re.MULTILINE)
    assert line is not None
    command = [*line[1].split(), "--port", "0"]
    command[0] = str(place / "bin" / "im2latex")
    with subprocess.Popen(
        command, cwd=place, env=environment(place), stderr=subprocess.PIPE, text=True
    ) as service:
        try:
            assert service.stderr is not None
            found = (re.search(r"127\.0\.0\.1:\d+", line) for line in service.stderr)
            yield next(match[0] for match in found if match)
        finally:
            service.terminate()


@pytest.fixture
def anki() -> Iterator[tuple[str, list[dict]]]:
    """An AnkiConnect that keeps what it is asked."""
    asked: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"result": 1, "error": null}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{served.server_address[1]}", asked
        served.shutdown()
        thread.join()


def test_the_server_answers_curl(place: Path, server: str) -> None:
    (command,) = blocks("sh", "127.0.0.1:8000")
    done = run(["sh", "-c", command.replace("127.0.0.1:8000", server)], place)
    assert done.stdout.strip() not in ("", "null")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    (unit,) = blocks("ini")
    path = tmp_path / "im2latex.service"
    path.write_text(unit.replace("%h/.local/bin/im2latex", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", path],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_clipboard_commands_copy_or_print(place: Path) -> None:
    commands = blocks("sh", "--clipboard")
    assert len(commands) == 2
    for command in commands:
        (place / "copied").unlink(missing_ok=True)
        printed = run(["sh", "-c", command], place).stdout.strip()
        assert printed.startswith("$$") is ("markdown" in command)
        assert (place / "copied").exists() is ("--copy" in command)


def test_formulas_are_appended_to_a_note(place: Path) -> None:
    (command,) = blocks("sh", ">> formulas.md")
    for _ in range(2):
        run(["sh", "-c", command], place)
    assert (place / "formulas.md").read_text().count("$$") == 8


def test_the_task_of_vs_code(place: Path) -> None:
    tasks, keys = (json.loads(text) for text in blocks("json"))
    (task,) = tasks["tasks"]
    assert keys[0]["args"] == task["label"]
    (place / "copied").unlink(missing_ok=True)
    done = run([str(place / "bin" / task["command"]), *task["args"]], place)
    assert (place / "copied").read_text() == done.stdout.strip() != ""


@pytest.mark.skipif(shutil.which("emacs") is None, reason="needs emacs")
def test_emacs_inserts_formulas(place: Path) -> None:
    (lisp,) = blocks("elisp")
    (place / "im2latex.el").write_text(lisp)
    tries = """(with-temp-buffer
      (im2latex-yank) (insert "\\n") (im2latex-insert-file "figures/b c.png")
      (princ (buffer-string))
      (condition-case error (im2latex-insert-file "nowhere.png")
        (user-error (princ (concat "\\n" (error-message-string error))))))"""
    script = ["emacs", "-Q", "--batch", "--load", "im2latex.el", "--eval", tries]
    compiled = ["emacs", "-Q", "--batch", "--eval", "(setq byte-compile-error-on-warn t)"]
    run([*compiled, "--funcall", "batch-byte-compile", "im2latex.el"], place)
    first, second, message = run(script, place).stdout.splitlines()
    assert first == second != ""
    assert message.endswith("nowhere.png (exit code 3)")


def test_cards_to_import_are_html(place: Path) -> None:
    (command,) = blocks("sh", "cards.tsv")
    run(["sh", "-c", command], place)
    rows = [line.split("\t") for line in (place / "cards.tsv").read_text().splitlines()]
    assert [row[0] for row in rows] == ["figures/a.png", "figures/b c.png"]
    assert all(re.fullmatch(r"\\\[[^<>]+\\\]", row[1]) for row in rows)


def test_a_card_is_added(place: Path, anki: tuple[str, list[dict]]) -> None:
    address, asked = anki
    (command,) = blocks("sh", "127.0.0.1:8765")
    run(["sh", "-c", command.replace("127.0.0.1:8765", address)], place)
    (card,) = asked
    assert (card["action"], card["version"]) == ("addNote", 6)
    assert re.fullmatch(r"\\\[.+\\\]", card["params"]["note"]["fields"]["Back"])
