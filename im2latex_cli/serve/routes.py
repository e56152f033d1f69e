"""Routes that are counted for Prometheus, and whose failures are answered as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.serve.batching import BusyError
from im2latex_cli.serve.intake import Intake, RefusedError
from im2latex_cli.settings.sections import ServeSettings

__all__ = ["CONTENT_TYPE", "Metrics"]

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counts of one server, apart from those of the process.

    Attributes:
        seconds: time from a request for a picture to its answer.
        sizes: pictures read together.
        waiting: pictures that wait now.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "im2latex_requests",
            "Pictures asked for, by status.",
            ["status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "im2latex_request_seconds",
            "Seconds from a request for a picture to its answer.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self.sizes = Histogram(
            "im2latex_batch_pictures",
            "Pictures read together.",
            buckets=SIZES,
            registry=self._registry,
        )
        self.waiting = Gauge(
            "im2latex_waiting_pictures", "Pictures that wait now.", registry=self._registry
        )

    def count(self, status: int, seconds: float) -> None:
        """Count a request for a picture by its status, and how long it took."""
        self._requests.labels(status=str(status)).inc()
        self.seconds.observe(seconds)

    def requests(self, status: int | None = None) -> int:
        """Return how many pictures were asked for, of one status or of all."""
        return sum(
            int(sample.value)
            for metric in self._requests.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and status in {None, int(sample.labels["status"])}
        )

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


RETRY_SECONDS = 2


def failure(error: Im2LatexError) -> JSONResponse:
    """The answer that tells of an error."""
    match error:
        case RefusedError():
            status = error.status
        case BusyError():
            status = 503
        case InputError() | UsageError():
            status = 422
        case _:
            status = 500
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return _error(status, error.code, str(error.args[0]), error.hint, headers)


def invalid(error: RequestValidationError) -> InputError:
    """What to say of a parameter that validation refused."""
    problem = error.errors()[0]
    return InputError(f"{problem['loc'][-1]}: {problem['msg']}.")


async def http_error(_: Request, error: Exception) -> JSONResponse:
    """The answer to a request that no route takes."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    phrase = HTTPStatus(status).phrase
    return _error(status, phrase.lower().replace(" ", "-"), f"{phrase}.", None, headers)


async def bug(_: Request, error: Exception) -> JSONResponse:
    """The answer to a request that met a bug."""
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


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
GONE = 499
"""Status that is counted if nobody waited for the answer."""


class AnsweredRoute(APIRoute):
    """A route that answers errors of ours and of validation as JSON."""

    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                limits: ServeSettings = request.app.state.limits
                await Intake(request, most=limits.max_bytes, seconds=limits.timeout).drain()
                return failure(invalid(error))
            except Im2LatexError as error:
                return failure(error)
            except ClientDisconnect:
                return Response(status_code=GONE)

        return answered


class CountedRoute(AnsweredRoute):
    """A route whose requests the server counts, those that validation refuses too."""

    def get_route_handler(self) -> Handler:
        """Return what answers a request, and counts it."""
        answered = super().get_route_handler()

        async def counted(request: Request) -> Response:
            metrics: Metrics = request.app.state.metrics
            start, status = time.perf_counter(), GONE
            try:
                response = await answered(request)
                status = response.status_code
            except Exception:
                status = 500
                raise
            finally:
                metrics.count(status, time.perf_counter() - start)
            return response

        return counted
