"""The routes: the page, `POST /predict`, and what watches over a server."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from im2latex_cli._version import __version__
from im2latex_cli.errors import Im2LatexError, InputError
from im2latex_cli.reading_warning import ReadingWarning
from im2latex_cli.serve import metrics, schemas
from im2latex_cli.serve.batching import Batcher, BusyError
from im2latex_cli.serve.intake import Intake, RefusedError
from im2latex_cli.serve.metrics import Metrics
from im2latex_cli.serve.reading import Answer, Asked, Read
from im2latex_cli.settings.sections import ServeSettings

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

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


class CountedRoute(APIRoute):
    """A route whose requests the server counts, those that validation refuses too."""

    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def counted(request: Request) -> Response:
            server: Server = request.app.state.server
            return await server.counted(handle, request)

        return counted


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
            told=self.metrics.sizes.observe,
        )
        self.metrics.waiting.set_function(lambda: self._batcher.waiting)

    def app(self) -> FastAPI:
        """The ASGI application."""
        app = FastAPI(
            title="im2latex",
            version=__version__,
            description="Reads pictures of formulas as LaTeX.",
            docs_url=None,  # it would load scripts from elsewhere
            redoc_url=None,
            exception_handlers={HTTPException: _http_error, Exception: _bug},
            lifespan=self._lifespan,
        )
        app.state.server = self
        for path, (name, kind) in FILES.items():
            _add_file(app, path, (PAGE / name).read_bytes(), kind)
        _add_file(app, "/warnings.js", _warnings(), "text/javascript")
        app.include_router(self._predict_route())
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
        self,
        request: Request,
        *,
        alternatives: Annotated[
            int,
            Query(
                ge=0,
                le=schemas.MOST_ALTERNATIVES,
                description="Readings to give beside the best, as far as the beam has them.",
            ),
        ] = 4,
        svg: Annotated[bool, Query(description="Draw every reading.")] = False,
        attention: Annotated[bool, Query(description="Say where the model looked.")] = False,
        formats: Annotated[
            bool, Query(description="Write every reading in Typst, MathML and Office MathML too.")
        ] = False,
    ) -> Response:
        """Read one picture."""
        intake = self._intake(request)
        try:
            with self._batcher.place():
                picture = await intake.picture()
                asked = Asked(picture, alternatives, svg, attention, formats)
                answer = await self._batcher.submit(asked)
        except (RefusedError, InputError, BusyError) as error:
            await intake.drain()
            return _failure(error)
        return _failure(answer) if isinstance(answer, Im2LatexError) else JSONResponse(answer)

    async def counted(self, handle: Handler, request: Request) -> Response:
        """Answer a request for a picture, and count it."""
        start, status = time.perf_counter(), GONE
        try:
            response = await handle(request)
            status = response.status_code
        except RequestValidationError as error:
            await self._intake(request).drain()
            status = 422
            return _failure(_invalid(error))
        except ClientDisconnect:
            return Response(status_code=GONE)
        except Exception:
            status = 500
            raise
        finally:
            self.metrics.count(status, time.perf_counter() - start)
        return response

    def _intake(self, request: Request) -> Intake:
        limits = self._settings
        return Intake(request, most=limits.max_bytes, seconds=limits.timeout)

    async def _health(self) -> Response:
        return JSONResponse(
            {"status": "ok", "model": self._model, "waiting": self._batcher.waiting}
        )

    async def _counts(self) -> Response:
        return Response(self.metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._batcher:
            yield


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


def _invalid(error: RequestValidationError) -> InputError:
    """What to say of a parameter that validation refused."""
    problem = error.errors()[0]
    return InputError(f"{problem['loc'][-1]}: {problem['msg']}.")


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
