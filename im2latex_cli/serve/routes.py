"""Routes whose failures are answered as JSON, and those whose requests are counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from im2latex_cli.errors import Im2LatexError
from im2latex_cli.serve.intake import Intake
from im2latex_cli.serve.metrics import Metrics
from im2latex_cli.serve.responses import failure, invalid
from im2latex_cli.settings.sections import ServeSettings

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
