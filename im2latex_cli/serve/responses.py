"""What a request that fails is answered."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from im2latex_cli.errors import Im2LatexError, InputError, UsageError
from im2latex_cli.serve.batching import BusyError
from im2latex_cli.serve.intake import RefusedError

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
