"""Builds that are killed, interrupted, out of space or two at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stub_build as stub
from stub_build import run, small

from im2latex_cli.errors import InputError, Interrupted, RendererError, UsageError
from im2latex_cli.services.building import build, pictures

STUB = Path(stub.__file__)


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("mode", ["anew", "over", "several"])
def test_killed_at_any_change_the_next_build_ends_the_same(
    source: Path, tmp_path: Path, mode: str
) -> None:
    scratch = tmp_path / "scratch"
    command = [sys.executable, str(STUB), str(source), str(scratch), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


@pytest.mark.usefixtures("boxes")
@pytest.mark.parametrize(
    "case",
    [
        (KeyboardInterrupt(), Interrupted),
        (RendererError("LaTeX is not on PATH."), RendererError),
        (OSError(28, "No space left on device"), InputError),
    ],
    ids=["ctrl-c", "renderer gone", "disk full"],
)
def test_trouble_half_way_keeps_what_is_done(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[BaseException, type[Exception]],
) -> None:
    trouble, seen = case
    root = tmp_path / "set"
    asked: list[Any] = []

    def faulty(settings: Any, formulas: Iterator[Any], **more: Any) -> Iterator[Any]:
        for number, formula in enumerate(formulas):
            if number == 3:
                raise trouble
            asked.append(formula)
            yield from stub.render_all(settings, [formula], **more)

    run(stub.settings(source, tmp_path / "undisturbed"))
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "render_all", faulty)
        for _ in range(2):
            with pytest.raises(seen) as caught:
                run(stub.settings(source, root))
            assert "\n" not in str(caught.value)
    assert len(asked) == len(set(asked)) == 6
    assert run(stub.settings(source, root)).built
    assert stub.snapshot(root) == stub.snapshot(tmp_path / "undisturbed")


@pytest.mark.usefixtures("boxes")
def test_full_disk(source: Path, root: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    run(stub.settings(source, tmp_path / "undisturbed"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(InputError, match=r"cannot be written.*What is done is kept"):
            run(stub.settings(source, root))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run(stub.settings(source, root))
    assert stub.snapshot(root) == stub.snapshot(tmp_path / "undisturbed")


@pytest.mark.usefixtures("boxes")
def test_unfinished_build_keeps_its_settings(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(build, "draw", lambda *_args, **_more: (_ for _ in [1 / 0]))
        with pytest.raises(ZeroDivisionError):
            run(stub.settings(source, root))
    with pytest.raises(UsageError, match=r"unfinished .* build\.limit was None, now 5.*`force`"):
        run(stub.settings(source, root, limit=5))
    assert run(stub.settings(source, root, limit=5), force=True).built


@pytest.mark.usefixtures("boxes")
def test_two_builds_at_once(source: Path, root: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from im2latex_cli.files import locked\n"
        f"with locked(pathlib.Path({str(root / '.build')!r}), busy=''):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match="Another process is building"):
            run(stub.settings(source, root))
        other.kill()
    assert run(stub.settings(source, root)).built
    assert not (root / ".build").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
@pytest.mark.parametrize("renderer", [pytest.param("tex", marks=pytest.mark.tex), "embedded"])
def test_real_kills(tmp_path: Path, renderer: str) -> None:
    def command(root: Path, jobs: int) -> list[str]:
        tree = small(root, renderer, dataset="synthetic", size=2500, jobs=jobs)
        code = (
            "from im2latex_cli.progress import SilentReporter\n"
            "from im2latex_cli.services.building import build\n"
            "from im2latex_cli.settings.sections import Settings\n"
            "if __name__ == '__main__':\n"
            f"    tree = Settings.model_validate_json({tree.model_dump_json()!r})\n"
            "    build.run(tree, SilentReporter())\n"
        )
        script = root.with_suffix(".py")
        script.write_text(code)
        return [sys.executable, str(script)]

    subprocess.run(command(tmp_path / "undisturbed", jobs=1), check=True)
    rng = np.random.default_rng(os.getpid())
    killed = tmp_path / "killed"
    deaths = 0
    for _ in range(8):
        with subprocess.Popen(command(killed, jobs=2)) as child:
            try:
                child.wait(rng.uniform(0.3, 2.5))
            except subprocess.TimeoutExpired:
                child.kill()
                deaths += 1
    subprocess.run(command(killed, jobs=2), check=True)
    assert deaths >= 2
    assert stub.snapshot(killed) == stub.snapshot(tmp_path / "undisturbed")
