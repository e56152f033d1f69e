import shutil
import tempfile

import pytest

from im2latex_cli.render.tex.sandbox import run_latex

pytestmark = pytest.mark.tex
HEAD = "\\documentclass{article}\\begin{document}\n"


def run(body, timeout=1.0):
    return run_latex(shutil.which("latex") or "", HEAD + body, mark="MARK", timeout=timeout)


def test_a_run_gives_marks_and_pages():
    transcript = run("\\typeout{MARK 1} x \\end{document}")
    assert transcript.lines[0] == "MARK 1"
    assert transcript.pages[:2] == bytes([247, 2])
    assert (transcript.hung, transcript.status) == (False, 0)


def test_a_hang_is_killed_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    transcript = run("\\typeout{MARK 1}\\message{}\\def\\x{\\x}\\x", timeout=0.3)
    assert transcript.hung
    assert transcript.status == -9
    assert transcript.lines == ("MARK 1",)
    assert list(tmp_path.iterdir()) == []


def test_chatter_is_not_progress_and_fills_no_memory():
    transcript = run("\\typeout{MARK 1}\\message{}\\def\\x{\\typeout{no mark}\\x}\\x", timeout=0.3)
    assert transcript.hung
    assert len(transcript.lines) < 100


def test_no_shell_and_no_reading_outside(tmp_path):
    target = tmp_path / "owned"
    secret = tmp_path / "secret.tex"
    secret.write_text("stolen")
    transcript = run(
        f"\\typeout{{MARK 1}}\\immediate\\write18{{touch {target}}}"
        f"\\newread\\r\\openin\\r={secret} \\ifeof\\r\\typeout{{MARK closed}}\\fi\\end{{document}}"
    )
    assert "MARK closed" in transcript.lines
    assert not target.exists()


def test_no_writing_outside(tmp_path):
    target = tmp_path / "owned.tex"
    transcript = run(f"\\typeout{{MARK 1}}\\newwrite\\w\\immediate\\openout\\w={target} x")
    assert any("can't write" in line for line in transcript.lines)
    assert not target.exists()
