"""A socket, and uvicorn on it."""

from __future__ import annotations

import logging
import socket

import uvicorn
from starlette.applications import Starlette

from im2latex_cli.errors import UsageError

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
