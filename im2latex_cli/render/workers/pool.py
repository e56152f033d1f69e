"""Formulas to finished results over all cores or a Dask cluster, in order, in constant memory.

An executor gets one chunk after another; of a chunk that kills its workers the halves are tried,
and theirs, until the one formula to blame is alone. The workers of a cluster render and finish; the
results come back here, so only this process writes files, and what a dead worker had to do goes to
the others.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import chain, islice
from typing import Any, overload
from urllib.parse import urlsplit

from im2latex_cli.errors import RendererError, UsageError
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure
from im2latex_cli.render.workers.executors import (
    Executor,
    Finish,
    Formula,
    LocalExecutor,
    Pending,
    R,
    WorkerDiedError,
    work,
)
from im2latex_cli.settings.sections import RenderSettings

CHUNK = 1000
MIXED = 8
"""Times as many formulas in a chunk of several typefaces, each of which needs a LaTeX run."""
_AT_HOME = 500

_AHEAD = 3
_REACH = 10.0
_WORKERLESS = 30.0
_PAINTERS = ("im2latex-cli", "numpy", "pillow", "freetype-py", "mathra", "resvg-py")
"""Packages whose version may show in a picture."""
_GO_ON = "What is done is kept: put that right and run the same command again."
_local = threading.local()


def _keep(page: Page) -> Page:
    """Finish nothing."""
    return page


@overload
def render_all(
    settings: RenderSettings, formulas: Iterable[Formula], *, jobs: int | None = None
) -> Iterator[Page | RenderFailure]: ...


@overload
def render_all(
    settings: RenderSettings,
    formulas: Iterable[Formula],
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    finish: Finish[R],
) -> Iterator[R | RenderFailure]: ...


def render_all(
    settings: RenderSettings,
    formulas: Iterable[Formula],
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    finish: Finish[Any] = _keep,
) -> Iterator[Any]:
    """Yield what `finish` makes of each page, or why there is none, in the order of `formulas`.

    Args:
        settings: which renderer, and how.
        formulas: all of one kind; read as workers get free, never all at once.
        jobs: worker processes, None for one per core; with 1, or few formulas, all is done in
            this process.
        scheduler: address of a Dask scheduler whose workers do it all instead; None for here.
        finish: turns a page into a result; runs in the worker, so pixels stay there. It travels
            by pickle: a function of a module, or an object with `__call__`.

    Raises:
        RendererError: the renderer is absent or cannot run, or the scheduler is out of reach.
        UsageError: the scheduler needs a package that is not installed.
        Exception: whatever `finish` raises.
    """
    rest = iter(formulas)
    first = list(islice(rest, _AT_HOME + 1))
    jobs = jobs or os.cpu_count() or 1
    if not first:
        return
    if scheduler is None and (jobs == 1 or len(first) <= _AT_HOME):
        renderer = choose(settings)
        while first:
            yield from work(renderer, first, finish)
            first = list(islice(rest, CHUNK))
        return
    executor = _executor(settings, finish, jobs=jobs, scheduler=scheduler)
    try:
        size = CHUNK * MIXED if settings.fonts else CHUNK
        yield from _through(executor, _chunks(chain(first, rest), size))
    finally:
        executor.close()


def _executor(
    settings: RenderSettings, finish: Finish[Any], *, jobs: int, scheduler: str | None
) -> Executor:
    if scheduler is None:
        return LocalExecutor(settings, finish, jobs=jobs)
    return DaskExecutor(settings, finish, scheduler=scheduler)


def _chunks(formulas: Iterator[Formula], size: int) -> Iterator[list[Formula]]:
    """Cut the formulas into chunks."""
    while chunk := list(islice(formulas, size)):
        yield chunk


def _through(executor: Executor, chunks: Iterator[list[Formula]]) -> Iterator[Any]:
    """Keep the executor busy and yield results in order."""
    waiting: deque[tuple[list[Formula], Pending]] = deque()
    for chunk in chunks:
        waiting.append((chunk, executor.submit(chunk)))
        while len(waiting) >= executor.capacity:
            yield from _collect(executor, *waiting.popleft())
    while waiting:
        yield from _collect(executor, *waiting.popleft())


def _collect(executor: Executor, formulas: list[Formula], pending: Pending) -> list[Any]:
    """Wait for the results of a chunk; of its halves, if it kills its workers."""
    try:
        return pending.result()
    except WorkerDiedError as death:
        if len(formulas) == 1:
            return [RenderFailure("crash", str(death))]
    middle = len(formulas) // 2
    results: list[Any] = []
    for half in (formulas[:middle], formulas[middle:]):  # in turn: no half dies of the other
        results += _collect(executor, half, executor.submit(half))
    return results


def check_scheduler(scheduler: str) -> tuple[str, int]:
    """Return host and port of a scheduler's address, before anything is done with it.

    Raises:
        UsageError: the address is none, or dask.distributed is not installed.
    """
    if find_spec("distributed") is None:
        raise UsageError(
            "`build.executor` dask needs dask.distributed, which is not installed.",
            hint="pip install 'im2latex-cli[dask]'",
        )
    try:
        address = urlsplit(scheduler)
        host, port = address.hostname, address.port
    except ValueError:
        host = port = None
    if not host or not port or address.scheme not in {"tcp", "tls"}:
        raise UsageError(
            f"{scheduler!r} is no address of a scheduler.", hint="It looks like tcp://HOST:8786."
        )
    return host, port


class DaskExecutor:
    """The workers of a running Dask cluster, which may come and go."""

    def __init__(
        self, settings: RenderSettings, finish: Finish[Any], *, scheduler: str, patience: float = 0
    ) -> None:
        """Connect, and wait a while for the first worker.

        Args:
            settings: which renderer, and how.
            finish: turns a page into a result; travels by pickle, so workers must have its module.
            scheduler: its address, tcp://HOST:PORT, or tls:// with Dask's own settings for TLS.
            patience: seconds that the cluster may be without any worker; 0 for 30.

        Raises:
            UsageError: dask.distributed is not installed, or the address is none.
            RendererError: the scheduler is out of reach or has no workers.
        """
        self.scheduler = scheduler
        self._patience = patience or _WORKERLESS
        self._task = (settings, finish, versions(choose(settings)))
        self._client = _connect(scheduler)
        try:
            self.demand_workers()
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        """Enough for every thread of every worker that is there now."""
        try:
            threads = int(sum(self._client.nthreads().values()))
        except OSError:
            threads = 0  # waiting for a result says what is wrong
        return max(1, threads) * _AHEAD

    def submit(self, formulas: list[Formula]) -> Pending:
        """Hand a chunk to the scheduler; it keeps the chunk until a worker has done it."""
        return _PendingChunk(
            self, self._client.submit(_on_worker, *self._task, formulas, pure=False)
        )

    def close(self) -> None:
        """Withdraw what is under way and leave the cluster as it was."""
        try:
            self._client.close(timeout=5)
        except (TimeoutError, OSError):
            return

    def demand_workers(self) -> None:
        """Wait until there is a worker.

        Raises:
            RendererError: none comes in time, or the scheduler is gone.
        """
        try:
            self._client.wait_for_workers(1, timeout=self._patience)
        except TimeoutError as error:
            raise RendererError(
                f"The scheduler at {self.scheduler} has no workers.",
                hint=f"Start some (`dask worker {self.scheduler}`). {_GO_ON}",
            ) from error
        except OSError as error:
            raise no_scheduler(self.scheduler) from error


class _PendingChunk:
    """A chunk in the cluster."""

    def __init__(self, executor: DaskExecutor, future: Any) -> None:
        self._executor, self._future = executor, future

    def result(self) -> list[Any]:
        from distributed import CancelledError, KilledWorker

        while True:
            try:
                results: list[Any] = self._future.result(timeout=5)
            except KilledWorker as death:
                raise WorkerDiedError("the render workers of the cluster died of it") from death
            except CancelledError as error:
                raise no_scheduler(self._executor.scheduler) from error
            except TimeoutError:
                if self._future.status == "error":
                    raise  # the worker's own
                self._executor.demand_workers()
            except (ImportError, RuntimeError) as error:
                if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                    raise
                raise RendererError(
                    f"The cluster of {self._executor.scheduler} cannot load im2latex-cli.",
                    hint=f"Install it on the scheduler's machine and on the workers'. {_GO_ON}",
                ) from error
            else:
                return results


def _connect(scheduler: str) -> Any:
    """Connect to a scheduler.

    Raises:
        UsageError: the address is none.
        RendererError: nobody answers.
    """
    host, port = check_scheduler(scheduler)
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised
    try:
        with socket.create_connection((host, port), timeout=_REACH) as line:
            # Dask greets first, and its client would wait for that without end.
            if scheduler.startswith("tcp:") and not line.recv(1):
                raise ConnectionError("what answers there is no Dask scheduler")
        client = Client.__new__(Client)
        try:
            client.__init__(scheduler, timeout=_REACH, set_as_default=False)
        except BaseException:
            client.status = "closed"  # else its __del__ waits and complains
            raise
    except (OSError, TypeError, ValueError) as error:
        raise RendererError(
            f"The scheduler at {scheduler} cannot be reached: {error}.",
            hint="Start one with `dask scheduler` and take the address that it prints.",
        ) from error
    return client


def no_scheduler(scheduler: str) -> RendererError:
    """The error of a scheduler that went away."""
    return RendererError(f"The scheduler at {scheduler} is gone.", hint=_GO_ON)


def versions(renderer: Renderer) -> dict[str, str]:
    """What pictures depend on, by name: the renderer's version and those of some packages."""
    packages = {name: _version(name) for name in _PAINTERS}
    return {renderer.name: renderer.version, "zlib": zlib.ZLIB_RUNTIME_VERSION, **packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _on_worker(
    settings: RenderSettings, finish: Finish[Any], expected: dict[str, str], formulas: list[Formula]
) -> list[Any]:
    """Work on a chunk in a worker, which keeps one renderer in each of its threads.

    Raises:
        RendererError: this worker's pictures could differ from those of the others.
    """
    if getattr(_local, "settings", None) != settings:
        _local.settings, _local.renderer = settings, choose(settings)
        _local.versions = versions(_local.renderer)
    differing = [
        f"{name} {_local.versions.get(name)} instead of {value}"
        for name, value in expected.items()
        if _local.versions.get(name) != value
    ]
    if differing:
        raise RendererError(
            f"Pictures could differ: the worker on {platform.node()} has {', '.join(differing)}.",
            hint=f"Install the same on all machines. {_GO_ON}",
        )
    return work(_local.renderer, formulas, finish)
