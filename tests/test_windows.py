"""What differs on Windows, as far as other systems can check it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from im2latex_cli import files
from im2latex_cli.cli.commands.predict import split_paths
from im2latex_cli.services.reading import clipboard

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="simulates Windows")


@POSIX
def test_files_are_synced_through_a_writable_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def fsync(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(9, "Bad file descriptor")  # what Windows says

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text(tmp_path / "a.txt", "a")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "a"


@pytest.mark.parametrize(
    ("platform", "line", "paths"),
    [
        ("win32", r"C:\Users\me\a.png C:\b.png", [r"C:\Users\me\a.png", r"C:\b.png"]),
        ("win32", r'"C:\my pictures\a.png"', [r"C:\my pictures\a.png"]),
        ("linux", r"/home/me/my\ a.png '/b c.png'", ["/home/me/my a.png", "/b c.png"]),
        ("linux", "file:///home/me/my%20a.png#1", ["/home/me/my a.png"]),
    ],
)
def test_paths_dropped_on_the_prompt(
    platform: str, line: str, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert split_paths(line) == paths


@POSIX
@pytest.mark.parametrize(("text", "encoding"), [(r"\alpha", "ascii"), ("<mi>α</mi>", "utf-16-le")])
def test_clip_exe_gets_utf_16_for_what_is_not_ascii(
    text: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "clip.exe"
    program.write_text(f'#!/bin/sh\n/bin/cat > "{tmp_path}/copied"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    clipboard.copy(text)
    assert (tmp_path / "copied").read_bytes() == text.encode(encoding)
