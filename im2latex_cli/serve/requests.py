"""HTTP requests: bodies read within limits, routes counted, failures answered as JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.serve.batching import BusyError
from im2latex_cli.serve.schemas import DOCUMENTS, MULTIPART, PICTURES
from im2latex_cli.settings.sections import ServeSettings

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)

PATIENCE = 4
"""So many times the limit of size is read and forgotten, for the client to hear why it failed."""
FIELD = "image"


class UploadKind(NamedTuple):
    """What a request may hold.

    Attributes:
        name: how messages call it.
        types: Content-Types of a body that is the file itself.
        unsupported: ends the sentence about another Content-Type.
        supported: what to send instead.
        too_large: what to do about a file that is too large.
    """

    name: str
    types: tuple[str, ...]
    unsupported: str
    supported: str
    too_large: str


PICTURE = UploadKind(
    "picture",
    PICTURES,
    "is no picture's Content-Type",
    "Send PNG, JPEG, WebP, TIFF, BMP or GIF as image/... or multipart/form-data.",
    "Crop the formula.",
)
DOCUMENT = UploadKind(
    "document",
    DOCUMENTS,
    "is no picture's or PDF's Content-Type",
    "Send PDF, PNG, JPEG, WebP, TIFF, BMP or GIF.",
    "Split it, or read it with `im2latex predict`.",
)


class RefusedError(Im2LatexError):
    """A request that is not even looked into.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, status: int, code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status, self.code = status, code


class Intake:
    """One request's body.

    Args:
        request: the request.
        max_bytes: largest body in bytes.
        seconds: longest time for it to come.
        kind: what it may hold.
    """

    def __init__(
        self, request: Request, *, max_bytes: int, seconds: float, kind: UploadKind = PICTURE
    ) -> None:
        self._request, self._max_bytes, self._seconds = request, max_bytes, seconds
        self._kind = kind
        self._chunks = _chunks(request)

    @property
    def content_type(self) -> str:
        """The request's Content-Type without parameters; empty if there is none."""
        return self._request.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def file(self) -> bytes:
        """Read the request's picture or document.

        Raises:
            RefusedError: it is too large, too slow, or of another type.
            InputError: its form cannot be read.
        """
        content_type = self.content_type
        if content_type not in {"", MULTIPART, *self._kind.types}:
            raise RefusedError(
                415,
                "unsupported-type",
                f"{content_type[:80]} {self._kind.unsupported}.",
                hint=self._kind.supported,
            )
        body = await self._body()
        return await self._part(body) if content_type == MULTIPART else body

    async def drain(self) -> None:
        """Take what still comes, within reason, and forget it."""
        received = 0
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in self._chunks:
                    received += len(chunk)
                    if received > PATIENCE * self._max_bytes:
                        return
        except (TimeoutError, ClientDisconnect):
            return

    async def _body(self) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in self._chunks:
                    body += chunk
                    if len(body) > self._max_bytes:
                        raise RefusedError(
                            413,
                            "too-large",
                            f"The {self._kind.name} is larger than {self._max_bytes / 1e6:g} MB.",
                            hint=self._kind.too_large,
                        )
        except TimeoutError:
            raise RefusedError(
                408,
                "too-slow",
                f"The {self._kind.name} did not come within {self._seconds:g} seconds.",
            ) from None
        return bytes(body)

    async def _part(self, body: bytes) -> bytes:
        async def once() -> AsyncGenerator[bytes, None]:
            yield body

        try:
            parser = MultiPartParser(
                self._request.headers,
                once(),
                max_files=2,
                max_fields=20,
                max_part_size=self._max_bytes,
            )
            form = await parser.parse()
        except (MultiPartException, KeyError, ValueError) as error:
            reason = getattr(error, "message", None) or "no boundary, or a wrong one"
            raise InputError(f"The form cannot be read: {str(reason).rstrip('.')}.") from None
        parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        upload = form.get(FIELD)
        data = await parts[0].read() if len(parts) == 1 else None
        if not parts and isinstance(upload, str):
            data = upload.encode()
        await form.close()
        if data is not None:
            return data
        raise InputError(
            f"The form holds {len(parts)} files.", hint=f"Send one, such as {FIELD}=@formula.png."
        )


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


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
CLIENT_GONE = 499
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
                await Intake(request, max_bytes=limits.max_bytes, seconds=limits.timeout).drain()
                return failure(invalid(error))
            except Im2LatexError as error:
                return failure(error)
            except ClientDisconnect:
                return Response(status_code=CLIENT_GONE)

        return answered


class CountedRoute(AnsweredRoute):
    """A route whose requests the server counts, those that validation refuses too."""

    def get_route_handler(self) -> Handler:
        """Return what answers a request, and counts it."""
        answered = super().get_route_handler()

        async def counted(request: Request) -> Response:
            metrics: Metrics = request.app.state.metrics
            start, status = time.perf_counter(), CLIENT_GONE
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
