"""Dynamic batching: what arrives while one batch is read makes up the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from im2latex_cli.errors import Im2LatexError

Item = TypeVar("Item")
Result = TypeVar("Result")
_STOPPING = "The server is stopping."


class BusyError(Im2LatexError):
    """No room, or no time, for one more picture."""

    code = "busy"


class Batcher(Generic[Item, Result]):
    """Hands items that wait to `work`, several at a time, in one thread of its own.

    An idle batcher starts at once, so a lone item waits for nothing. Items whose caller has gone
    or whose time is up never reach `work`.

    Args:
        work: gives a result for each item, in order; runs in the thread.
        most: most items in one call.
        room: places for requests.
        seconds: longest time from `submit` to the result.
        observe: called with the size of each batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        most: int,
        room: int,
        seconds: float,
        observe: Callable[[int], None] = lambda size: None,  # noqa: ARG005
    ) -> None:
        self._work, self._most, self._room, self._seconds = work, most, room, seconds
        self._observe = observe
        self._taken = 0
        self._line: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Items that wait now."""
        return len(self._line)

    async def __aenter__(self) -> Batcher[Item, Result]:
        """Start working."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *reason: object) -> None:
        """Stop; what still waits is turned away."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for _, result in self._line:
            if not result.done():
                result.set_exception(BusyError(_STOPPING))
        self._line.clear()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places for as long as a request takes, its receiving included.

        Raises:
            BusyError: all places are taken.
        """
        if self._taken >= self._room:
            raise BusyError(
                f"{self._room} pictures are under way already.",
                hint="Try again in a few seconds.",
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def submit(self, item: Item) -> Result:
        """Wait for an item's result.

        Raises:
            BusyError: it took too long, or the batcher stops.
            Exception: whatever `work` raised.
        """
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._line.append((item, result))
        self._arrived.set()
        try:
            return await asyncio.wait_for(result, self._seconds)
        except TimeoutError:
            raise BusyError(
                f"It took longer than {self._seconds:g} seconds.",
                hint="Try again, with a smaller picture or when less is going on.",
            ) from None

    async def _run(self) -> None:
        with ThreadPoolExecutor(1, "read") as thread:
            while True:
                self._drop_gone()
                if self._line:
                    await self._work_on_batch(thread)
                else:
                    self._arrived.clear()
                    await self._arrived.wait()

    async def _work_on_batch(self, thread: ThreadPoolExecutor) -> None:
        """Work on what waits; a function of its own, so that nothing of it stays in memory."""
        batch = [self._line.popleft() for _ in range(min(self._most, len(self._line)))]
        self._observe(len(batch))
        items = [item for item, _ in batch]
        try:
            done = await asyncio.get_running_loop().run_in_executor(thread, self._work, items)
        except asyncio.CancelledError:
            _settle(batch, [BusyError(_STOPPING)] * len(batch))
            raise
        except Exception as error:  # noqa: BLE001 - the callers get it; the others go on
            _settle(batch, [error] * len(batch))
        else:
            _settle(batch, done)

    def _drop_gone(self) -> None:
        if any(result.done() for _, result in self._line):
            self._line = deque(pair for pair in self._line if not pair[1].done())


def _settle(
    batch: Sequence[tuple[Item, asyncio.Future[Result]]], done: Sequence[Result | Exception]
) -> None:
    for (_, result), outcome in zip(batch, done, strict=True):
        if result.done():
            continue
        if isinstance(outcome, Exception):
            result.set_exception(outcome)
        else:
            result.set_result(outcome)
