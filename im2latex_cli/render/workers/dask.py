"""Chunks to the workers of a Dask cluster; all that knows dask.distributed.

Workers render and finish; the results come back here, so only this process writes files and a
worker that dies leaves nothing half done: its chunks go to the others.
"""

from __future__ import annotations

import logging
import platform
import socket
import threading
import zlib
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from im2latex_cli.errors import RendererError, UsageError
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Renderer
from im2latex_cli.render.workers.executors import Finish, Formula, Pending, WorkerDiedError, work
from im2latex_cli.settings.sections import RenderSettings

_AHEAD = 3
_REACH = 10.0
_WORKERLESS = 30.0
_PAINTERS = ("im2latex-cli", "numpy", "pillow", "freetype-py", "mathra", "resvg-py")
"""Packages whose version may show in a picture."""
_GO_ON = "What is done is kept: put that right and run the same command again."
_own = threading.local()


def check(scheduler: str) -> tuple[str, int]:
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
    host, port = check(scheduler)
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
    if getattr(_own, "settings", None) != settings:
        _own.settings, _own.renderer = settings, choose(settings)
        _own.versions = versions(_own.renderer)
    differing = [
        f"{name} {_own.versions.get(name)} instead of {value}"
        for name, value in expected.items()
        if _own.versions.get(name) != value
    ]
    if differing:
        raise RendererError(
            f"Pictures could differ: the worker on {platform.node()} has {', '.join(differing)}.",
            hint=f"Install the same on all machines. {_GO_ON}",
        )
    return work(_own.renderer, formulas, finish)
