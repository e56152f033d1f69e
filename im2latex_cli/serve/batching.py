"""Dynamic batching: what arrives while one batch is read makes up the next.

Whoever reads the pictures and opens the documents is asked through the types here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from im2latex_cli.errors import Im2LatexError
from im2latex_cli.pages.regions import FoundFormula

Grey = NDArray[np.uint8]
Unit = Literal["pt", "px"]
"""Of boxes: points of a PDF page, pixels of a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a page.

    Attributes:
        picture: (H, W).
        numbers: pictures (H, W) of the equation numbers beside it.
        is_formula: it is a formula that was found, not a rectangle that somebody drew.
    """

    picture: Grey
    numbers: tuple[Grey, ...] = ()
    is_formula: bool = False


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One picture and what to tell about it.

    Attributes:
        data: the picture file, or a part of a page.
        alternatives: how many readings to give beside the best.
        svg: draw every reading.
        attention: say where the model looked.
        formats: write every reading in the other formats too.
    """

    data: bytes | Part
    alternatives: int = 4
    svg: bool = False
    attention: bool = False
    formats: bool = False


Answer = dict[str, Any]
"""The JSON object of one picture, as `schemas.ReadingBody` describes it; for a part of a page
`schemas.PartReadingBody`."""

Read = Callable[[Sequence[ReadRequest]], Sequence[Answer | Im2LatexError]]
"""Reads pictures together; an answer or an error for each, in order. Called from one thread."""


@dataclass(frozen=True, slots=True)
class PageFormulas:
    """What was found on one page.

    Attributes:
        width, height: of the page, in the document's unit.
        formulas: in reading order; their boxes are in the document's unit.
    """

    width: float
    height: float
    formulas: tuple[FoundFormula, ...]


class UploadedDocument(Protocol):
    """A PDF, or a picture as a document of one page. Pages and formulas count from 1.

    Its methods are called from one thread, and raise InputError if the page cannot be drawn.
    """

    @property
    def pages(self) -> int:
        """Number of pages."""

    @property
    def unit(self) -> Unit:
        """Of all boxes and sizes."""

    @property
    def one_formula(self) -> bool:
        """Whether it is a picture on which nothing but one formula stands."""

    def picture(self, page: int) -> bytes:
        """The page as a PNG file."""

    def find(self, page: int) -> PageFormulas:
        """Look for formulas on the page."""

    def formula(self, page: int, number: int) -> Part:
        """The formula of this number among those that `find` gives."""

    def part(self, page: int, box: str) -> Part:
        """A part of the page.

        Args:
            page: its number.
            box: left, top, right and bottom in the document's unit, separated by commas.

        Raises:
            UsageError: `box` is no box.
            InputError: it lies outside of the page.
        """


Open = Callable[[bytes, str], UploadedDocument]
"""Opens an upload of this Content-Type; raises InputError. Called from one thread."""


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
        limit: most items in one call.
        room: places for requests.
        seconds: longest time from `submit` to the result.
        observe: called with the size of each batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        limit: int,
        room: int,
        seconds: float,
        observe: Callable[[int], None] = lambda size: None,  # noqa: ARG005
    ) -> None:
        self._work, self._limit, self._room, self._seconds = work, limit, room, seconds
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
        batch = [self._line.popleft() for _ in range(min(self._limit, len(self._line)))]
        self._observe(len(batch))
        items = [item for item, _ in batch]
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(thread, self._work, items)
        except asyncio.CancelledError:
            _settle(batch, [BusyError(_STOPPING)] * len(batch))
            raise
        except Exception as error:  # noqa: BLE001 - the callers get it; the others go on
            _settle(batch, [error] * len(batch))
        else:
            _settle(batch, outcomes)

    def _drop_gone(self) -> None:
        if any(result.done() for _, result in self._line):
            self._line = deque(pair for pair in self._line if not pair[1].done())


def _settle(
    batch: Sequence[tuple[Item, asyncio.Future[Result]]], outcomes: Sequence[Result | Exception]
) -> None:
    for (_, result), outcome in zip(batch, outcomes, strict=True):
        if result.done():
            continue
        if isinstance(outcome, Exception):
            result.set_exception(outcome)
        else:
            result.set_result(outcome)
