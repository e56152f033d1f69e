"""The routes of documents: upload one, look at its pages, read what is on them.

Documents are kept until they are deleted, unused for long, or too many.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Generic, Self, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from im2latex_cli.errors import InputError
from im2latex_cli.pages.regions import RegionKind
from im2latex_cli.serve import schemas
from im2latex_cli.serve.batching import (
    Batcher,
    BusyError,
    Open,
    PageFormulas,
    Part,
    ReadRequest,
    UploadedDocument,
)
from im2latex_cli.serve.requests import (
    DOCUMENT,
    AnsweredRoute,
    CountedRoute,
    Intake,
    RefusedError,
    failure,
)
from im2latex_cli.settings.sections import ServeSettings

Item = TypeVar("Item")
_KEY_BYTES = 16


class Uploads(Generic[Item]):
    """Keeps items under keys that nobody can guess, those used last at the end.

    Args:
        limit: number of items; one more replaces the least recently used.
        seconds: time after its last use until an item is deleted.
        clock: tells the time in seconds.
    """

    def __init__(
        self, *, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._items: OrderedDict[str, tuple[float, Item]] = OrderedDict()

    def __len__(self) -> int:
        """Number of items that are kept."""
        return len(self._items)

    def add(self, item: Item) -> str:
        """Keep an item, and return its key."""
        self.delete_expired()
        while len(self._items) >= self._limit:
            self._items.popitem(last=False)
        key = secrets.token_urlsafe(_KEY_BYTES)
        self._items[key] = self._clock(), item
        return key

    def get(self, key: str) -> Item:
        """The item of a key; its time begins anew.

        Raises:
            RefusedError: there is none, or it was deleted.
        """
        self.delete_expired()
        if key not in self._items:
            raise RefusedError(
                404,
                "no-document",
                "There is no such document, or no longer.",
                hint="Upload it again.",
            )
        _, item = self._items.pop(key)
        self._items[key] = self._clock(), item
        return item

    def delete(self, key: str) -> None:
        """Delete an item, if it is there."""
        self._items.pop(key, None)

    def delete_expired(self) -> None:
        """Delete the items that were not used for long."""
        oldest = self._clock() - self._seconds
        while self._items and next(iter(self._items.values()))[0] <= oldest:
            self._items.popitem(last=False)


UPLOADS_AT_ONCE = 2
"""Further ones wait, so that few bodies are in memory."""
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Pages of documents are not for a disk."""

Result = TypeVar("Result")
Key = Annotated[str, Path(description="The document's id.")]
Number = Annotated[int, Path(ge=1, description="Counts from 1.")]
Options = Annotated[schemas.ReadOptions, Query()]


Respond = Callable[[ReadRequest], Awaitable[Response]]
"""Reads a part of a page and answers with its reading."""


class DocumentRoutes:
    """Uploaded documents and the one thread that opens, draws and searches them.

    Args:
        opener: opens an upload.
        respond: answers with the reading of a part of a page.
        settings: limits.
    """

    def __init__(self, opener: Open, respond: Respond, settings: ServeSettings) -> None:
        self._open, self._respond, self._settings = opener, respond, settings
        self._uploads: Uploads[UploadedDocument] = Uploads(
            limit=settings.documents, seconds=settings.document_seconds
        )
        self._uploading = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._batcher: Batcher[Callable[[], Any], Any] = Batcher(
            lambda tasks: [task() for task in tasks],
            limit=1,
            room=settings.queue,
            seconds=settings.timeout,
        )
        self._cleaner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start working."""
        await self._batcher.__aenter__()
        self._cleaner = asyncio.create_task(self._clean())
        return self

    async def __aexit__(self, *reason: object) -> None:
        """Stop, and delete all documents."""
        if self._cleaner:
            self._cleaner.cancel()
            with suppress(asyncio.CancelledError):
                await self._cleaner
        await self._batcher.__aexit__(*reason)

    async def _clean(self) -> None:
        """Delete documents in time even if nobody uses the server any more."""
        while True:
            await asyncio.sleep(self._settings.document_seconds / 2)
            self._uploads.delete_expired()

    def routes(self) -> tuple[APIRouter, APIRouter]:
        """The routes whose requests are not counted, and those that read a formula."""
        router, counted = APIRouter(route_class=AnsweredRoute), APIRouter(route_class=CountedRoute)
        router.add_api_route(
            "/documents",
            self.upload,
            methods=["POST"],
            status_code=201,
            response_model=schemas.DocumentBody,
            responses=schemas.FAILURES_OF_DOCUMENTS,
            openapi_extra=schemas.DOCUMENT_BODY,
            summary="Upload a PDF or a picture to look at page by page",
            operation_id="upload",
        )
        router.add_api_route(
            "/documents/{document}",
            self.delete,
            methods=["DELETE"],
            status_code=204,
            responses={422: schemas.FAILURES[422]},
            summary="Delete a document",
            operation_id="delete",
        )
        at_page = "/documents/{document}/pages/{page}"
        router.add_api_route(
            at_page,
            self.page,
            response_model=schemas.PageBody,
            responses=schemas.FAILURES_OF_PAGES,
            summary="The formulas of a page",
            operation_id="page",
        )
        router.add_api_route(
            f"{at_page}/picture",
            self.picture,
            responses=schemas.FAILURES_OF_PAGES
            | {200: {"content": {"image/png": {}}, "description": "A PNG file."}},
            response_class=Response,
            summary="A page as a picture",
            operation_id="picture",
        )
        for path, handler, summary in (
            (f"{at_page}/formulas/{{formula}}", self.formula, "Read a formula of a page"),
            (f"{at_page}/part", self.part, "Read a part of a page"),
        ):
            counted.add_api_route(
                path,
                handler,
                response_model=schemas.PartReadingBody,
                responses=schemas.FAILURES_OF_PAGES,
                summary=summary,
                operation_id=handler.__name__,
            )
        return router, counted

    async def upload(self, request: Request) -> Response:
        """Keep a PDF or a picture, and say how many pages it has."""
        limits = self._settings
        intake = Intake(
            request, max_bytes=limits.max_document_bytes, seconds=limits.timeout, kind=DOCUMENT
        )
        try:
            with self._batcher.place():
                async with self._uploading:
                    data = await intake.file()
                opened: UploadedDocument = await self._batcher.submit(
                    partial(self._open, data, intake.content_type)
                )
                self._check_pages(opened)
        except (RefusedError, InputError, BusyError) as error:
            await intake.drain()
            return failure(error)
        body = schemas.DocumentBody(
            id=self._uploads.add(opened),
            pages=opened.pages,
            unit=opened.unit,
            one_formula=opened.one_formula,
            seconds=limits.document_seconds,
        )
        return JSONResponse(body.model_dump(), 201, PRIVATE)

    async def delete(self, document: Key) -> Response:
        """Delete a document now; one that is not there is no error."""
        self._uploads.delete(document)
        return Response(status_code=204)

    async def page(self, document: Key, page: Number) -> Response:
        """Say where the formulas of a page are."""
        opened = self._upload(document, page)
        content = await self._submit(lambda: opened.find(page))
        return JSONResponse(_page(page, opened, content).model_dump(), headers=PRIVATE)

    async def picture(self, document: Key, page: Number) -> Response:
        """Draw a page."""
        opened = self._upload(document, page)
        png = await self._submit(lambda: opened.picture(page))
        return Response(png, media_type="image/png", headers=PRIVATE)

    async def formula(
        self, document: Key, page: Number, formula: Number, options: Options
    ) -> Response:
        """Read a formula that was found."""
        opened = self._upload(document, page)

        def cut() -> Part:
            count = len(opened.find(page).formulas)
            if formula > count:
                raise _absent(f"Page {page} has no formula {formula}; {count} were found.")
            return opened.formula(page, formula)

        return await self._read(cut, options)

    async def part(
        self,
        document: Key,
        page: Number,
        box: Annotated[
            str,
            Query(
                description="Left, top, right and bottom in the document's unit, as in "
                "`10,20,200.5,60`."
            ),
        ],
        options: Options,
    ) -> Response:
        """Read a rectangle of a page."""
        opened = self._upload(document, page)
        return await self._read(lambda: opened.part(page, box), options)

    async def _read(self, cut: Callable[[], Part], options: schemas.ReadOptions) -> Response:
        part = await self._submit(cut)
        return await self._respond(ReadRequest(part, **options.model_dump()))

    async def _submit(self, task: Callable[[], Result]) -> Result:
        with self._batcher.place():
            result: Result = await self._batcher.submit(task)
            return result

    def _upload(self, key: str, page: int) -> UploadedDocument:
        opened = self._uploads.get(key)
        if page > opened.pages:
            raise _absent(f"There is no page {page}; the last is {opened.pages}.")
        return opened

    def _check_pages(self, opened: UploadedDocument) -> None:
        limit = self._settings.max_pages
        if opened.pages > limit:
            raise RefusedError(
                413,
                "too-many-pages",
                f"The document has {opened.pages:,} pages; {limit:,} are the most.",
                hint="Split it, or read it with `im2latex predict`.",
            )


def _absent(message: str) -> RefusedError:
    return RefusedError(404, "not-found", message)


def _page(number: int, opened: UploadedDocument, content: PageFormulas) -> schemas.PageBody:
    return schemas.PageBody(
        page=number,
        width=content.width,
        height=content.height,
        unit=opened.unit,
        formulas=[
            schemas.PageFormulaBody(
                box=list(one.box),
                kind="inline" if one.kind is RegionKind.INLINE else "display",
                score=one.score,
                numbers=[list(box) for box in one.numbers],
            )
            for one in content.formulas
        ],
    )
