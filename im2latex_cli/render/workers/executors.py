"""What a worker does with a chunk of formulas, in processes of this machine.

`pool.py` has the same for a cluster.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn, Protocol, TypeVar

from im2latex_cli.errors import RendererError
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure, TokenRenderer
from im2latex_cli.settings.sections import RenderSettings

R = TypeVar("R")
Formula = str | tuple[str, ...]
"""LaTeX without dollars; or the tokens of a normal form, whose glyphs then name their tokens."""
Finish = Callable[[Page], R]


def work(renderer: Renderer, formulas: Sequence[Formula], finish: Finish[Any]) -> list[Any]:
    """Render and finish a chunk: what `finish` makes of each page, or why there is none."""
    return [
        page if isinstance(page, RenderFailure) else finish(page)
        for page in _pages(renderer, formulas)
    ]


def _pages(renderer: Renderer, formulas: Sequence[Formula]) -> Iterator[Page | RenderFailure]:
    """Pages of formulas or of normal forms; a renderer without tokens leaves them out."""
    forms = [formula for formula in formulas if not isinstance(formula, str)]
    if len(forms) == len(formulas) and isinstance(renderer, TokenRenderer):
        return renderer.render_tokens(forms)
    return renderer.render([f if isinstance(f, str) else join(f) for f in formulas])


if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as Connection
else:
    from multiprocessing.connection import Connection

_AHEAD = 3
_TRIES = 2


class WorkerDiedError(Exception):
    """Workers died over this chunk, again and again; the message is what is known of the end."""


class Pending(Protocol):
    """A chunk on its way."""

    def result(self) -> list[Any]:
        """Wait for the results, one for each formula, in order.

        Raises:
            WorkerDiedError: the chunk was tried again, and its workers die of it.
            RendererError: no worker can do anything.
            Exception: whatever finishing a page raised.
        """
        ...


class Executor(Protocol):
    """Works on chunks, several at once."""

    @property
    def capacity(self) -> int:
        """How many chunks to hand in before waiting for the first."""
        ...

    def submit(self, formulas: list[Formula]) -> Pending:
        """Take a chunk; never blocks for long."""
        ...

    def close(self) -> None:
        """Drop what is under way and let go of the workers."""
        ...


@dataclass(slots=True, eq=False)
class _Piece:
    """A chunk and what became of it; waiting for it drives all workers."""

    formulas: list[Formula]
    drive: Callable[[], None]
    deaths: int = 0
    death: str = ""
    results: list[Any] | None = field(default=None)

    def result(self) -> list[Any]:
        while self.results is None:
            if self.deaths >= _TRIES:
                raise WorkerDiedError(self.death)
            self.drive()
        return self.results


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    piece: _Piece | None = None
    ready: bool = False


class LocalExecutor:
    """Worker processes of this machine, each with a renderer of its own and one chunk at a time."""

    def __init__(self, settings: RenderSettings, finish: Finish[Any], *, jobs: int) -> None:
        """Prepare; workers start when there is work for them.

        Args:
            settings: which renderer, and how.
            finish: turns a page into a result; travels by pickle.
            jobs: worker processes at most.
        """
        self._arguments = (settings, finish)
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._queue: deque[_Piece] = deque()

    @property
    def capacity(self) -> int:
        """Enough for no worker to wait while an earlier chunk takes long."""
        return self._jobs * _AHEAD

    def submit(self, formulas: list[Formula]) -> Pending:
        """Queue a chunk and give it to a worker as soon as one is free."""
        piece = _Piece(formulas, self._drive)
        self._queue.append(piece)
        self._listen(0)
        self._feed()
        return piece

    def close(self) -> None:
        """End every worker, busy or not; each ends its own TeX and removes its folder."""
        for worker in self._workers:
            worker.connection.close()
            if worker.piece is not None or not worker.ready:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(timeout=5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _drive(self) -> None:
        self._feed()
        self._listen(None)

    def _feed(self) -> None:
        """Give every idle worker a piece, starting workers while there is work for them."""
        for worker in self._workers:
            if self._queue and worker.piece is None and worker.ready:
                piece = self._queue.popleft()
                try:
                    worker.connection.send(piece.formulas)
                except (BrokenPipeError, ConnectionResetError):
                    worker.ready = False  # its death is noticed by _listen
                    self._queue.appendleft(piece)
                    continue
                worker.piece = piece
        starting = sum(worker.piece is None for worker in self._workers)
        while len(self._workers) < self._jobs and starting < len(self._queue):
            self._workers.append(self._start())
            starting += 1

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(there, *self._arguments), name="im2latex-render", daemon=True
        )
        process.start()
        there.close()
        return _Worker(process, here)

    def _listen(self, timeout: float | None) -> None:
        """Wait until a worker has something to say, or has died."""
        for connection in wait([worker.connection for worker in self._workers], timeout):
            worker = next(w for w in self._workers if w.connection is connection)
            try:
                answer = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                self._bury(worker)
                continue
            if isinstance(answer, BaseException):
                raise answer
            worker.ready = True
            if worker.piece is not None:
                worker.piece.results = answer
                worker.piece = None

    def _bury(self, worker: _Worker) -> None:
        """Take a dead worker out; its piece is tried once more."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join()
        status, piece = worker.process.exitcode, worker.piece
        if piece is not None:
            piece.deaths += 1
            piece.death = f"the render worker ended with status {status}"
            if piece.deaths < _TRIES:
                self._queue.appendleft(piece)
        elif not worker.ready:
            raise RendererError(
                f"A render worker ended at its start with status {status}.",
                hint="Try `build.jobs` 1 to see why.",
            )


def _serve(connection: Connection, settings: RenderSettings, finish: Finish[Any]) -> None:
    """The life of a worker: one chunk after another until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, _leave)
    try:
        try:
            renderer = choose(settings)
            connection.send("ready")
            while True:
                connection.send(work(renderer, connection.recv(), finish))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # noqa: BLE001 - the parent raises it again
            connection.send(error)
    finally:
        connection.close()


def _leave(_signal: int, _frame: object) -> NoReturn:
    """End through every `finally`, so that TeX and its folder go too."""
    sys.exit(1)
