"""The real executable with a real, untrained model: pipes, broken files, the prompt."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes of POSIX")

FAST = ("--beam", "1", "--set", "decode.max_tokens=6", "--device", "cpu", "--threads", "1")
WAIT = 60


@pytest.fixture
def folder(tmp_path: Path, strokes: Image.Image) -> Path:
    for name in ("a.png", "b.png", "c.png"):
        strokes.save(tmp_path / name)
    return tmp_path


@pytest.fixture
def start(tiny_model: Path, folder: Path) -> Callable[..., subprocess.Popen[bytes]]:
    def run(*args: str, **options) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "im2latex_cli",
            "predict",
            "--model",
            str(tiny_model),
            *FAST,
            *args,
        ]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, cwd=folder, **{**streams, **options})

    return run


def line(stream) -> bytes:
    """Read a line, or fail where none comes."""
    assert select.select([stream], [], [], WAIT)[0], "nothing came"
    return stream.readline()


def test_a_list_streams_and_rows_come_before_the_next_path_is_known(start) -> None:
    with start("--files-from", "-", "--format", "jsonl") as process:
        for name in ("b.png", "missing.png", "a.png"):
            process.stdin.write(f"{name}\n".encode())
            process.stdin.flush()
            row = json.loads(line(process.stdout))
            assert row["path"] == name
            assert ("error" in row) == (name == "missing.png")
        process.stdin.close()
        assert process.wait(WAIT) == 7
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("listed", [False, True])
def test_a_closed_pipe_ends_quietly(start, folder, listed) -> None:
    names = ["a.png", "b.png", "c.png"] * 50
    args = ("--files-from", "-") if listed else names
    with start(*args) as process:
        if listed:
            process.stdin.write(("\n".join(names) + "\n").encode())
            process.stdin.flush()  # and it stays open: nobody is left to close it
        line(process.stdout)
        process.stdout.close()
        assert process.wait(WAIT) == 141
        told = process.stderr.read()
    assert b"Traceback" not in told
    assert b"error" not in told


@pytest.mark.slow
def test_nbest_box_and_nul_ended_paths(start) -> None:
    """Flags that docs/how-to/pipelines.md, whose commands run too, does not show in this form."""
    flags = ("--beam", "3", "--nbest", "2", "--box", "0,0,70,40", "--seed", "1", "--null")
    with start("--files-from", "-", "--format", "jsonl", *flags) as process:
        stdout, stderr = process.communicate(b"a.png\0b.png\0", timeout=WAIT)
    rows = [json.loads(one) for one in stdout.splitlines()]
    assert process.returncode == 0, stderr
    assert [row["path"] for row in rows] == ["a.png", "b.png"]
    assert all(len(row["alternatives"]) == 1 for row in rows)


@pytest.mark.slow
def test_several_pictures_need_a_place_for_their_names(start) -> None:
    for flag in ("--render", "--attention"):
        with start("a.png", "b.png", flag, "out.png") as process:
            stdout, stderr = process.communicate(timeout=WAIT)
        assert (process.returncode, stdout) == (2, b"")
        assert b"{stem}" in stderr


@pytest.mark.slow
def test_broken_things_cost_only_themselves(start, folder, strokes) -> None:
    bomb = Image.new("1", (30_000, 30_000))
    bomb.save(folder / "bomb.png")
    strip = Image.new("L", (40_000, 40), 255)
    for left in range(0, 39_000, 150):
        strip.paste(strokes.crop((0, 0, 100, 40)), (left, 0))
    strip.save(folder / "strip.png")
    (folder / "empty.png").touch()
    (folder / "folder.png").mkdir()
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "secret.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "secret.png").chmod(0)
    os.mkfifo(folder / "never.png")
    bad = ["bomb.png", "empty.png", "folder.png", "loop.png", "never.png", "absent.png"]
    bad += [] if os.geteuid() == 0 else ["secret.png"]
    names = ["a.png", *bad, "strip.png", "b.png"]
    with start("--format", "jsonl", "--timeout", "0.5", *names) as process:
        stdout, stderr = process.communicate(timeout=WAIT)
    rows = [json.loads(one) for one in stdout.splitlines()]
    assert [row["path"] for row in rows] == names
    assert [row["path"] for row in rows if "error" in row] == bad
    assert process.returncode == 7
    assert b"Traceback" not in stderr


@pytest.mark.slow
def test_ten_thousand_files_with_some_broken(start, folder, strokes) -> None:
    many = folder / "many"
    many.mkdir()
    strokes.save(many / "0.png")
    content = (many / "0.png").read_bytes()
    for number in range(10_000):
        (many / f"{number:05}.png").write_bytes(content[: 60 if number % 100 == 7 else None])
    (many / "0.png").unlink()
    held = []
    with start("many", "--format", "jsonl", "-q", stderr=subprocess.DEVNULL) as process:
        failed = 0
        for number, one in enumerate(process.stdout):
            row = json.loads(one)
            assert row["path"] == f"many/{number:05}.png"
            failed += "error" in row
            if number % 1000 == 999:
                held.append(resident(process.pid))
        assert process.wait(WAIT) == 7
    assert (number, failed) == (9999, 100)
    assert held[-1] < held[1] + 30


def resident(pid: int) -> float:
    """Return the memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("needs /proc")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) / 1024


class Terminal:
    """The executable on a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master, self._seen = process, master, ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def expect(self, pattern: str) -> str:
        """Wait for text that matches; what came before it is done with."""
        until = time.monotonic() + WAIT
        while not (found := re.search(pattern, self._seen)):
            assert time.monotonic() < until, f"no {pattern!r} in {self._seen!r}"
            if select.select([self._master], [], [], 0.2)[0]:
                try:
                    self._seen += os.read(self._master, 4096).decode()
                except OSError:
                    pytest.fail(f"ended before {pattern!r}: {self._seen!r}")
        self._seen = self._seen[found.end() :]
        return found[0]


@contextmanager
def terminal(start, environment: dict[str, str]) -> Iterator[Terminal]:
    master, slave = os.openpty()
    environment = {**environment, "TERM": "dumb"}
    process = start(stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.slow
def test_the_prompt_reads_paths_and_commands(start, folder, strokes, environment) -> None:
    strokes.save(folder / "with space.png")
    with terminal(start, environment) as prompt:
        for typed in ("a.png", r"with\ space.png", "'with space.png'", "with space.png"):
            prompt.expect("im2latex> ")
            prompt.type(f"{typed}\n")
            prompt.expect(r"\n[xy+2]+\r?\n")
        prompt.expect("im2latex> ")
        prompt.type((folder / "with space.png").as_uri() + "\n")
        prompt.expect(r"\n[xy+2]+\r?\n")
        prompt.type("absent.png\n")
        prompt.expect(r"absent.png\r?\nerror: absent.png: no such file")
        prompt.type("help\n")
        prompt.expect("set the beam width")
        prompt.type(":beam 2\n")
        prompt.expect("beam: 2")
        prompt.type(":beam none\n")
        prompt.expect(":beam none: not a number")
        prompt.type(f":render {folder}/drawn.png\n\na.png\n")
        prompt.expect(r"\n[xy+2]+\r?\n")
        prompt.type(":bean\n")
        prompt.expect("Unknown command :bean")
        prompt.type("exit\n")
        assert prompt.process.wait(WAIT) == 0
    with Image.open(folder / "drawn.png") as sheet:
        assert sheet.height > 60
    history = Path(environment["XDG_STATE_HOME"]) / "im2latex" / "history"
    assert ":beam 2" in history.read_text().splitlines()


@pytest.mark.slow
def test_new_pictures_of_a_watched_folder_are_read(start, folder, strokes) -> None:
    (folder / "shots").mkdir()
    strokes.save(folder / "shots" / "old.png")
    process = start(
        *("a.png", "--watch", "shots", "--format", "jsonl"),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in background
    )
    try:
        assert json.loads(line(process.stdout))["path"] == "a.png"
        time.sleep(1)
        for name in ("one.png", "two.png"):
            strokes.save(folder / "shots" / name)
            row = json.loads(line(process.stdout))
            assert (row["path"], "latex" in row) == (f"shots/{name}", True)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT) == 130
    finally:
        process.kill()
        _, stderr = process.communicate()
    assert b"Traceback" not in stderr
