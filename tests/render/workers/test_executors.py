import functools
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import page_jobs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from im2latex_cli.errors import RendererError, UsageError
from im2latex_cli.progress import SilentReporter
from im2latex_cli.render.renderer import RenderFailure
from im2latex_cli.render.workers import pool
from im2latex_cli.render.workers import pool as cluster
from im2latex_cli.render.workers.executors import WorkerDiedError
from im2latex_cli.render.workers.pool import render_all
from im2latex_cli.services.building import build
from im2latex_cli.settings.sections import RenderSettings, Settings

EMBEDDED = RenderSettings(renderer="embedded")
FORMULAS = ["x" * (n % 20 + 1) if n % 7 != 3 else r"\nosuch" for n in range(40)]
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed"
)


class Deadly:
    """An executor whose workers die of some formulas."""

    capacity = 3

    def __init__(self, deadly: set[str]) -> None:
        self.deadly = deadly
        self.under_way = 0

    def submit(self, formulas: list[str]) -> "Deadly.Answer":
        self.under_way += 1
        assert self.under_way <= self.capacity
        return self.Answer(self, formulas)

    def close(self) -> None:
        """Nothing is open."""

    class Answer:
        def __init__(self, executor: "Deadly", formulas: list[str]) -> None:
            self.executor, self.formulas = executor, formulas

        def result(self) -> list[str]:
            self.executor.under_way -= 1
            if self.executor.deadly & set(self.formulas):
                raise WorkerDiedError("struck by lightning")
            return [formula.upper() for formula in self.formulas]


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(1, 60), st.integers(1, 9))
def test_only_what_is_deadly_fails_and_all_keep_their_places(deadly, count, size):
    formulas = [f"f{n}" for n in range(count)]
    chunks = [formulas[start : start + size] for start in range(0, count, size)]
    executor = Deadly({f"f{n}" for n in deadly})
    results = list(pool._through(executor, iter(chunks)))
    wanted = [
        RenderFailure("crash", "struck by lightning") if n in deadly else f"F{n}"
        for n in range(count)
    ]
    assert results == wanted


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pip install 'im2latex-cli\[dask\]'"):
        list(render_all(EMBEDDED, ["x"], scheduler="tcp://127.0.0.1:8786"))


@pytest.mark.parametrize(
    ("scheduler", "message"), [(None, "needs `build.scheduler`"), ("x", "is no")]
)
@needs_dask
def test_a_build_checks_the_address_before_it_touches_anything(tmp_path, scheduler, message):
    wanted = {"output": str(tmp_path / "set"), "executor": "dask", "scheduler": scheduler}
    with pytest.raises(UsageError, match=message):
        build.run(Settings.model_validate({"build": wanted}), SilentReporter())
    assert not (tmp_path / "set").exists()


def test_a_scheduler_that_nothing_will_use_is_told(tmp_path):
    wanted = {"output": str(tmp_path / "set"), "scheduler": "tcp://x:1", "limit": 2}
    reporter = SilentReporter()
    tree = {"build": wanted, "render": {"renderer": "embedded"}}
    build.run(Settings.model_validate(tree), reporter)
    assert ["`build.executor` dask" in warning for warning in reporter.warnings] == [True]


@needs_dask
@pytest.mark.parametrize("address", ["", "here", "tcp:/x", "tcp://x", "tcp://x:y", "ftp://x:1"])
def test_an_address_that_is_none(address):
    with pytest.raises(UsageError, match="is no address"):
        list(render_all(EMBEDDED, ["x"], scheduler=address))


@needs_dask
def test_an_unreachable_scheduler_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RendererError, match=rf"tcp://127\.0\.0\.1:{port} cannot") as caught:
        list(render_all(EMBEDDED, ["x"], scheduler=f"tcp://127.0.0.1:{port}"))
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)


@needs_dask
def test_something_else_at_the_address(monkeypatch):
    monkeypatch.setattr(cluster, "_REACH", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(RendererError, match="cannot be reached"),
    ):
        cluster._connect(f"tcp://127.0.0.1:{server.getsockname()[1]}")


class Cluster:
    """A real scheduler and real workers on this machine's loopback."""

    def __init__(self, folder: Path, stack: ExitStack, *, allowed_failures: int) -> None:
        self._file = folder / "scheduler.json"
        self._stack = stack
        self._environment = os.environ | {
            "PYTHONPATH": str(Path(page_jobs.__file__).parent),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures),
        }
        self.scheduler = self._start("scheduler", "--port=0")
        deadline = time.monotonic() + 60
        while not (self._file.exists() and self._file.read_text().endswith("}")):
            assert self.scheduler.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.address = str(json.loads(self._file.read_text())["address"])

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        return self._start("worker", "--nthreads=1", *options)

    def wait_for(self, workers: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)

    def _start(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", role, "--host=127.0.0.1", "--no-dashboard"]
        command += [f"--scheduler-file={self._file}", *options]
        process = subprocess.Popen(
            command,
            cwd=self._file.parent,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._stack.callback(end, process)
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def started(folder: Path, *, allowed_failures: int = 3) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with ExitStack() as stack:
        yield Cluster(folder, stack, allowed_failures=allowed_failures)


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler; the test starts the workers that it wants."""
    with started(tmp_path) as running:
        yield running


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(pool, "CHUNK", 8)
    monkeypatch.setattr(pool, "_AT_HOME", 4)
    return page_jobs


@pytest.mark.slow
def test_a_cluster_does_what_this_machine_does(dask, dying, tmp_path):
    dask.worker("--nworkers=2")
    here = list(render_all(EMBEDDED, FORMULAS, jobs=1, finish=dying.shape))
    there = functools.partial(render_all, EMBEDDED, FORMULAS, scheduler=dask.address)
    assert list(there(finish=dying.shape)) == here
    assert list(there(finish=functools.partial(dying.die_once, tmp_path / "flag"))) == here
    assert (tmp_path / "flag").exists()
    with pytest.raises(TimeoutError, match="the worker's own"):
        list(there(finish=dying.complain))


@pytest.mark.slow
def test_formulas_that_kill_the_workers_of_a_cluster_fail_alone(dying, tmp_path):
    here = list(render_all(EMBEDDED, FORMULAS, jobs=1, finish=dying.shape))
    culprits = [n for n, made in enumerate(here) if made == here[19]]
    finish = functools.partial(dying.die_of, here[19][1])
    with started(tmp_path, allowed_failures=0) as dask:
        dask.worker("--nworkers=1")
        crashed = list(render_all(EMBEDDED, FORMULAS, scheduler=dask.address, finish=finish))
    assert culprits
    assert [n for n, made in enumerate(crashed) if made != here[n]] == culprits
    assert {crashed[n].reason for n in culprits} == {"crash"}


@pytest.mark.slow
def test_a_cluster_without_workers(dask):
    executor = functools.partial(cluster.DaskExecutor, EMBEDDED, None, scheduler=dask.address)
    with pytest.raises(RendererError, match="has no workers"):
        executor(patience=0.5)


@pytest.mark.slow
def test_a_worker_with_other_versions_is_refused(dask, dying, monkeypatch):
    dask.worker("--no-nanny")
    monkeypatch.setattr(cluster, "versions", lambda _renderer: {"embedded": "of tomorrow"})
    with pytest.raises(RendererError, match="instead of of tomorrow"):
        list(render_all(EMBEDDED, ["x"], scheduler=dask.address, finish=dying.shape))


@pytest.mark.slow
def test_a_cluster_that_lacks_a_package(dask, tmp_path, monkeypatch):
    folder = tmp_path / "only_here"
    folder.mkdir()
    (folder / "rare_finisher.py").write_text("def finish(page):\n    return 1\n")
    monkeypatch.syspath_prepend(str(folder))
    finish_here = importlib.import_module("rare_finisher").finish
    dask.worker("--no-nanny")
    with pytest.raises(RendererError, match="cannot load im2latex-cli"):
        list(render_all(EMBEDDED, ["x"], scheduler=dask.address, finish=finish_here))


class Striker(SilentReporter):
    """Ends a process when so many pictures are there."""

    def __init__(self, victim: subprocess.Popen[bytes], after: int) -> None:
        super().__init__()
        self.victim, self.after = victim, after
        self.rendered = 0

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Any]:
        with super().step(title, total) as inner:
            yield self if title == "Rendering" else inner

    def advance(self, count: int = 1) -> None:
        self.rendered += count
        if self.rendered >= self.after:
            end(self.victim)


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(root.rglob("*"))
    }


@pytest.mark.slow
@pytest.mark.tex
def test_a_build_loses_nothing_when_a_worker_or_the_scheduler_is_killed(
    dask, tmp_path, monkeypatch
):
    monkeypatch.setattr(pool, "CHUNK", 50)
    source = tmp_path / "formulas.txt"
    lines = [rf"\nosuch{{{n}}}" if n % 50 == 7 else rf"\frac{{{n}}}{{x}} + y" for n in range(900)]
    source.write_text("\n".join(lines) + "\n")

    def make(name: str, reporter: SilentReporter, **more: Any) -> dict[str, bytes]:
        wanted = {"dataset": str(source), "output": str(tmp_path / name), "max_failures": 0.5}
        tree = Settings.model_validate({"build": wanted | more, "render": {"renderer": "tex"}})
        assert build.run(tree, reporter).failed == 18
        return snapshot(tmp_path / name)

    there = {"executor": "dask", "scheduler": dask.address}
    local = make("local", SilentReporter(), jobs=2)
    victim, _other = dask.worker("--no-nanny"), dask.worker("--no-nanny")
    dask.wait_for(2)
    striker = Striker(victim, after=60)
    assert make("one", striker, **there) == local
    assert victim.returncode == -signal.SIGKILL
    assert striker.rendered == 882
    with pytest.raises(RendererError, match="is gone"):
        make("two", Striker(dask.scheduler, after=60), **there)
    assert (tmp_path / "two" / ".build" / "journal.jsonl").stat().st_size > 0
    assert make("two", SilentReporter(), jobs=1) == local
