"""Formulas to finished results over all cores, in order, in constant memory.

An executor gets one chunk after another; of a chunk that kills its workers the halves are tried,
and theirs, until the one formula to blame is alone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, overload

from im2latex_cli.render.choose import choose
from im2latex_cli.render.renderer import Page, RenderFailure
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
    from im2latex_cli.render.workers.dask import DaskExecutor

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
