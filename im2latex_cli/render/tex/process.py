"""One LaTeX run in a cage: no shell, no files outside its folder, bounded memory, watched."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from im2latex_cli.errors import RendererError

# No core; seconds of CPU; blocks of 512 bytes a file; KiB of memory (macOS knows no such limit).
_CAGE = """
ulimit -c 0; ulimit -t "$1"; ulimit -f 262144; ulimit -v 1048576 2>/dev/null
export openin_any=p openout_any=p MKTEXTFM=0 MKTEXPK=0 MKTEXMF=0 max_print_line=10000 LC_ALL=C
exec "$0" -no-shell-escape -interaction=nonstopmode batch.tex
"""
_LINES_PER_MARK = 40


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run left.

    Attributes:
        lines: from the first mark on, marks and TeX's messages after each (shortened).
        pages: the DVI or PDF file; incomplete if the run was killed.
        hung: the watchdog killed the run.
        status: exit status; negative if a signal ended the run.
    """

    lines: tuple[str, ...]
    pages: bytes
    hung: bool
    status: int


def run_latex(
    program: str, source: str, *, mark: str, timeout: float, output: str = "batch.dvi"
) -> RunOutput:
    """Run LaTeX once over `source`.

    Args:
        program: path of `latex` or `pdflatex`.
        source: the whole document.
        mark: text that begins each line by which the document reports its progress.
        timeout: seconds without a new mark after which the run is killed.
        output: name of the file that the program writes its pages to.
    """
    with tempfile.TemporaryDirectory(prefix="im2latex-") as name:
        folder = Path(name)
        (folder / "batch.tex").write_text(source, encoding="utf-8", newline="\n")
        with _start(program, folder, timeout) as process:
            lines, hung = _listen(process, mark.encode(), timeout)
        path = folder / output
        pages = path.read_bytes() if path.is_file() else b""
    return RunOutput(tuple(lines), pages, hung, process.returncode)


@contextmanager
def _start(program: str, folder: Path, timeout: float) -> Iterator[subprocess.Popen[bytes]]:
    """Start TeX in its own process group, and leave nothing of the group behind."""
    if sys.platform == "win32":  # no POSIX shell, process groups or select on pipes
        raise RendererError(
            "LaTeX cannot be confined on Windows.", hint="Set `render.renderer` to embedded."
        )
    process = subprocess.Popen(
        ["/bin/sh", "-c", _CAGE, program, str(int(60 + 10 * timeout))],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _listen(
    process: subprocess.Popen[bytes], mark: bytes, timeout: float
) -> tuple[list[str], bool]:
    """Collect marks and the first lines after each until TeX ends or stays silent too long."""
    if process.stdout is None:
        raise AssertionError
    pipe = process.stdout.fileno()
    lines: list[str] = []
    since_mark, rest = _LINES_PER_MARK, b""
    deadline = time.monotonic() + timeout + 60  # the first mark waits for a cold disk
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return lines, True
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return lines, not _ends_in_time(process, timeout)
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[-(1 << 16) :]
        for line in whole:
            if line.startswith(mark):
                since_mark = 0
                deadline = time.monotonic() + timeout
            elif since_mark >= _LINES_PER_MARK or not line:
                continue
            since_mark += 1
            lines.append(line[:400].decode("utf-8", "replace"))
        if time.monotonic() > deadline:
            return lines, True


def _ends_in_time(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process ends in time after closing its output."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
