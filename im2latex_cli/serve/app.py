"""The routes: the page, `POST /predict`, and what watches over a server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.serve import metrics, openapi
from im2latex_cli.serve.batching import Batcher, BusyError
from im2latex_cli.serve.intake import Intake, RefusedError
from im2latex_cli.serve.metrics import Metrics
from im2latex_cli.serve.reading import Answer, Asked, Read
from im2latex_cli.settings.sections import ServeSettings

PAGE = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/script.js": ("script.js", "text/javascript"),
}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
RETRY_SECONDS = 2
GONE = 499
"""Status that is counted where nobody waited for the answer."""


class Server:
    """The application's parts.

    Args:
        read: reads pictures; called from one thread.
        settings: limits.
        model: the model's name.

    Attributes:
        metrics: what was counted.
    """

    def __init__(self, read: Read, settings: ServeSettings, *, model: str) -> None:
        self.metrics = Metrics()
        self._settings, self._model = settings, model
        self._batcher: Batcher[Asked, Answer | Im2LatexError] = Batcher(
            read,
            most=settings.batch,
            room=settings.queue,
            seconds=settings.timeout,
            told=self.metrics.sizes.add,
        )

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                *(_file(path, *what) for path, what in FILES.items()),
                Route("/predict", self.predict, methods=["POST"]),
                Route("/healthz", self._health),
                Route("/metrics", self._counts),
                Route("/openapi.json", _described),
            ],
            exception_handlers={HTTPException: _http_error, Exception: _bug},
            lifespan=self._lifespan,
        )

    async def predict(self, request: Request) -> Response:
        """Read one picture."""
        begun, status = time.perf_counter(), GONE
        try:
            response = await self._answer(request)
            status = response.status_code
        except ClientDisconnect:
            return Response(status_code=GONE)
        except Exception:
            status = 500
            raise
        finally:
            self.metrics.requests[status] += 1
            self.metrics.seconds.add(time.perf_counter() - begun)
        return response

    async def _answer(self, request: Request) -> Response:
        limits = self._settings
        intake = Intake(request, most=limits.max_bytes, seconds=limits.timeout)
        try:
            with self._batcher.place():
                answer = await self._batcher.submit(await intake.asked())
        except (RefusedError, InputError, BusyError) as error:
            await intake.drain()
            return _failure(error)
        return _failure(answer) if isinstance(answer, Im2LatexError) else JSONResponse(answer)

    async def _health(self, _: Request) -> Response:
        return JSONResponse(
            {"status": "ok", "model": self._model, "waiting": self._batcher.waiting}
        )

    async def _counts(self, _: Request) -> Response:
        text = self.metrics.text(waiting=self._batcher.waiting)
        return Response(text, headers={"Content-Type": metrics.CONTENT_TYPE})

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._batcher:
            yield


def _file(path: str, name: str, kind: str) -> Route:
    content = (PAGE / name).read_bytes()

    async def give(_: Request) -> Response:
        return Response(content, media_type=kind, headers=SAFE)

    return Route(path, give)


async def _described(_: Request) -> Response:
    return JSONResponse(openapi.describe())


def _failure(error: Im2LatexError) -> JSONResponse:
    match error:
        case RefusedError():
            status = error.status
        case BusyError():
            status = 503
        case InputError():
            status = 422
        case _:
            status = 500
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return _error(status, error.code, str(error.args[0]), error.hint, headers)


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    phrase = HTTPStatus(status).phrase
    return _error(status, phrase.lower().replace(" ", "-"), f"{phrase}.", None, headers)


async def _bug(_: Request, error: Exception) -> Response:
    message = f"This is a bug in im2latex: {type(error).__name__}: {error}"
    return _error(500, "bug", message, "Please report it.")


def _error(
    status: int,
    code: str,
    message: str,
    hint: str | None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    fault = {"code": code, "message": message, "hint": hint}
    return JSONResponse({"error": fault}, status, headers)
