"""The application: the page, `POST /predict`, documents, what watches over it, and its socket."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from im2latex_cli._version import __version__
from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.serve import schemas
from im2latex_cli.serve.batching import Answer, Batcher, BusyError, Open, Read, ReadRequest
from im2latex_cli.serve.documents import DocumentRoutes
from im2latex_cli.serve.requests import (
    CountedRoute,
    Intake,
    Metrics,
    RefusedError,
    bug,
    failure,
    http_error,
)
from im2latex_cli.settings.sections import ServeSettings

BACKLOG = 512
SECONDS_TO_FINISH = 5


def open_socket(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Raises:
        UsageError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}.",
            hint="Name another `serve.port`; 0 takes a free one.",
        ) from None


def address(listening: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(app: Starlette, listening: socket.socket) -> None:
    """Answer requests until interrupted; log bugs, but no client's mistakes."""
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        return


PAGE = Path(__file__).parent / "page"
SCRIPT = "text/javascript"
FILES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    **{
        f"/{name}": (name, SCRIPT)
        for name in (
            *("script.js", "page.js", "server.js", "reading.js"),
            *("viewer.js", "rectangle.js", "formulas.js"),
        )
    },
}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Server:
    """The application's parts.

    Args:
        read: reads pictures; called from one thread.
        documents: opens documents; called from one other thread.
        settings: limits.
        model: the model's name.

    Attributes:
        metrics: what was counted.
    """

    def __init__(self, read: Read, documents: Open, settings: ServeSettings, *, model: str) -> None:
        self.metrics = Metrics()
        self._settings, self._model = settings, model
        self._batcher: Batcher[ReadRequest, Answer | Im2LatexError] = Batcher(
            read,
            limit=settings.batch,
            room=settings.queue,
            seconds=settings.timeout,
            observe=self.metrics.sizes.observe,
        )
        self._documents = DocumentRoutes(documents, self._respond, settings)
        self.metrics.waiting.set_function(lambda: self._batcher.waiting)

    def app(self) -> FastAPI:
        """The ASGI application."""
        app = FastAPI(
            title="im2latex",
            version=__version__,
            description="Reads pictures of formulas as LaTeX.",
            docs_url=None,  # it would load scripts from elsewhere
            redoc_url=None,
            exception_handlers={HTTPException: http_error, Exception: bug},
            lifespan=self._lifespan,
        )
        app.state.metrics, app.state.limits = self.metrics, self._settings
        for path, (name, kind) in FILES.items():
            _add_file(app, path, (PAGE / name).read_bytes(), kind)
        _add_file(app, "/warnings.js", _warnings(), SCRIPT)
        app.include_router(self._predict_route())
        for router in self._documents.routes():
            app.include_router(router)
        app.add_api_route(
            "/healthz",
            self._health,
            response_model=schemas.Health,
            summary="Whether the server works",
            operation_id="healthz",
        )
        app.add_api_route(
            "/metrics",
            self._counts,
            response_class=PlainTextResponse,
            summary="Counts for Prometheus",
            operation_id="metrics",
        )
        return app

    def _predict_route(self) -> APIRouter:
        router = APIRouter(route_class=CountedRoute)
        router.add_api_route(
            "/predict",
            self.predict,
            methods=["POST"],
            response_model=schemas.ReadingBody,
            responses=schemas.FAILURES,
            openapi_extra=schemas.BODY,
            summary="Read one picture",
            operation_id="predict",
        )
        return router

    async def predict(
        self, request: Request, options: Annotated[schemas.ReadOptions, Query()]
    ) -> Response:
        """Read one picture."""
        limits = self._settings
        intake = Intake(request, max_bytes=limits.max_bytes, seconds=limits.timeout)
        try:
            with self._batcher.place():
                picture = await intake.file()
                answer = await self._batcher.submit(ReadRequest(picture, **options.model_dump()))
        except (RefusedError, InputError, BusyError) as error:
            await intake.drain()
            return failure(error)
        return _answered(answer)

    async def _respond(self, request: ReadRequest) -> Response:
        """Answer with the reading of a part of a page."""
        with self._batcher.place():
            return _answered(await self._batcher.submit(request))

    async def _health(self) -> Response:
        return JSONResponse(
            {"status": "ok", "model": self._model, "waiting": self._batcher.waiting}
        )

    async def _counts(self) -> Response:
        return Response(self.metrics.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._batcher, self._documents:
            yield


def _answered(answer: Answer | Im2LatexError) -> Response:
    return failure(answer) if isinstance(answer, Im2LatexError) else JSONResponse(answer)


def _add_file(app: FastAPI, path: str, content: bytes, kind: str) -> None:
    async def give() -> Response:
        return Response(content, media_type=kind, headers=SAFE)

    app.add_api_route(path, give, include_in_schema=False)


def _warnings() -> bytes:
    """The advice of each warning, for the page's script."""
    advice = {
        warning.value: f"{warning.advice[:1].upper()}{warning.advice[1:]}."
        for warning in ReadingWarning
    }
    return f"const ADVICE = {json.dumps(advice, indent=2)};\n".encode()
