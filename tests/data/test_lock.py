"""The lock of a folder is one process's, and vanishes with it, whoever else lives on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from im2latex_cli.errors import UsageError
from im2latex_cli.files import LOCK, locked

HOLD = """
import multiprocessing, subprocess, sys, time
from pathlib import Path
from im2latex_cli.files import locked

if __name__ == "__main__":
    with locked(Path(sys.argv[1]), busy="busy"):
        worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(30,))
        worker.start()
        program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
        print(worker.pid, program.pid, flush=True)
        sys.stdin.read()
"""


@contextmanager
def holder(tmp_path: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    script = tmp_path / "hold.py"
    script.write_text(HOLD)
    command = [sys.executable, str(script), str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        children = [int(pid) for pid in process.stdout.readline().split()]
        try:
            yield process, children
        finally:
            process.kill()
            for child in children:
                _kill(child)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_workers_do_not_keep_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with holder(tmp_path, folder) as (process, children):
        with pytest.raises(UsageError, match="is building"), locked(folder, busy="It is building."):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(children) == 2
        with locked(folder, busy="still held"):
            pass


def test_the_holder_may_delete_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    for _ in range(2):
        with locked(folder, busy="busy"):
            assert (folder / LOCK).is_file()
            if sys.platform != "win32":
                shutil.rmtree(folder)
    with locked(folder, busy="busy"):
        assert (folder / LOCK).is_file()


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path, busy="busy"):
        raise ZeroDivisionError
    with locked(tmp_path, busy="busy"):
        pass
