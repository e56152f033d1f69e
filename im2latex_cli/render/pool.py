"""Formulas to finished results over all cores, in order, in constant memory.

Each worker process owns a renderer and gets one chunk at a time, so a worker that dies names its
culprits: they are tried again and then halved until the one formula to blame stands alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn, TypeVar, overload

from im2latex_cli.errors import RendererError
from im2latex_cli.latex.tokenizer import join
from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, Renderer, RenderFailure, TokenRenderer
from im2latex_cli.settings.sections import RenderSettings

CHUNK = 1000
_AT_HOME = 500
_AHEAD = 3

R = TypeVar("R")
Formula = str | tuple[str, ...]
"""LaTeX without dollars; or the tokens of a normal form, whose glyphs then name their tokens."""
Finish = Callable[[Page], R]


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
    finish: Finish[R],
) -> Iterator[R | RenderFailure]: ...


def render_all(
    settings: RenderSettings,
    formulas: Iterable[Formula],
    *,
    jobs: int | None = None,
    finish: Finish[Any] = _keep,
) -> Iterator[Any]:
    """Yield what `finish` makes of each page, or why there is none, in the order of `formulas`.

    Args:
        settings: which renderer, and how.
        formulas: all of one kind; read as workers get free, never all at once.
        jobs: worker processes, None for one per core; with 1, or few formulas, all is done in
            this process.
        finish: turns a page into a result; runs in the worker, so pixels stay there. It travels
            by pickle: a function of a module, or an object with `__call__`.

    Raises:
        RendererError: the renderer is absent or cannot run.
        Exception: whatever `finish` raises.
    """
    rest = iter(formulas)
    first = list(islice(rest, _AT_HOME + 1))
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or len(first) <= _AT_HOME:
        renderer = choose(settings) if first else None
        while renderer and first:
            yield from _work(renderer, first, finish)
            first = list(islice(rest, CHUNK))
        return
    pool = _Pool(settings, jobs, finish)
    try:
        yield from pool.run(_chunks(first, rest))
    finally:
        pool.close()


def _chunks(first: list[Formula], rest: Iterator[Formula]) -> Iterator[list[Formula]]:
    """Cut the formulas into chunks, beginning with those already read."""
    chunk = first + list(islice(rest, CHUNK - len(first)))
    while chunk:
        yield chunk
        chunk = list(islice(rest, CHUNK))


def _work(renderer: Renderer, formulas: Sequence[Formula], finish: Finish[Any]) -> list[Any]:
    """Render and finish a chunk."""
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


@dataclass(slots=True)
class _Piece:
    """A chunk or a part of one, on its way through the workers."""

    chunk: int
    offset: int
    formulas: list[Formula]
    deaths: int = 0


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    piece: _Piece | None = None
    ready: bool = False


@dataclass(slots=True)
class _Slots:
    """The results of one chunk, filled piece by piece."""

    results: list[Any]
    missing: int = field(default=0)


class _Pool:
    """Worker processes, what each is busy with, and results waiting for their turn."""

    def __init__(self, settings: RenderSettings, jobs: int, finish: Finish[Any]) -> None:
        self._arguments = (settings, finish)
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._queue: deque[_Piece] = deque()
        self._slots: dict[int, _Slots] = {}

    def run(self, chunks: Iterator[list[Formula]]) -> Iterator[Any]:
        """Feed the workers and yield results in order."""
        opened = given_out = 0
        while True:
            while len(self._slots) < self._jobs * _AHEAD:
                chunk = next(chunks, None)
                if chunk is None:
                    break
                self._slots[opened] = _Slots([None] * len(chunk), len(chunk))
                self._queue.append(_Piece(opened, 0, chunk))
                opened += 1
            if not self._slots:
                return
            self._feed()
            self._listen()
            while given_out in self._slots and not self._slots[given_out].missing:
                yield from self._slots.pop(given_out).results
                given_out += 1

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

    def _listen(self) -> None:
        """Wait until a worker has something to say, or has died."""
        for connection in wait([worker.connection for worker in self._workers]):
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
                self._store(worker.piece, answer)
                worker.piece = None

    def _store(self, piece: _Piece, results: Sequence[Any]) -> None:
        slots = self._slots[piece.chunk]
        slots.results[piece.offset : piece.offset + len(results)] = results
        slots.missing -= len(results)

    def _bury(self, worker: _Worker) -> None:
        """Take a dead worker out; its piece is tried once more, then halved, then failed."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join()
        piece = worker.piece
        if piece is None:
            if not worker.ready:
                raise RendererError(
                    f"A render worker ended at its start with status {worker.process.exitcode}.",
                    hint="Try --jobs 1 to see why.",
                )
            return
        piece.deaths += 1
        if piece.deaths == 1:
            self._queue.appendleft(piece)
        elif len(piece.formulas) == 1:
            message = f"the render worker ended with status {worker.process.exitcode}"
            self._store(piece, [RenderFailure("crash", message)])
        else:
            half = len(piece.formulas) // 2
            for start, part in ((half, piece.formulas[half:]), (0, piece.formulas[:half])):
                self._queue.appendleft(_Piece(piece.chunk, piece.offset + start, part, 1))


def _serve(connection: Connection, settings: RenderSettings, finish: Finish[Any]) -> None:
    """The life of a worker: one chunk after another until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, _leave)
    try:
        try:
            renderer = choose(settings)
            connection.send("ready")
            while True:
                connection.send(_work(renderer, connection.recv(), finish))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # noqa: BLE001 - the parent raises it again
            connection.send(error)
    finally:
        connection.close()


def _leave(_signal: int, _frame: object) -> NoReturn:
    """End through every `finally`, so that TeX and its folder go too."""
    sys.exit(1)
