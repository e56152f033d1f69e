"""What the tests do with a page; worker processes import this file by its name."""

import os
import signal
from pathlib import Path

from im2latex_cli.render.renderer import Page


def shape(page: Page) -> tuple[int, ...]:
    return page.ink.shape


def identity(page: Page) -> int:
    return os.getpid()


def die_once(flag: Path, page: Page) -> tuple[int, ...]:
    """End the first worker that comes here."""
    try:
        flag.touch(exist_ok=False)
    except FileExistsError:
        return page.ink.shape
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def die_of(width: int, page: Page) -> tuple[int, ...]:
    """End each worker that meets a page of this width."""
    if page.ink.shape[1] == width:
        os.kill(os.getpid(), signal.SIGKILL)
    return page.ink.shape


def complain(page: Page) -> None:
    raise TimeoutError("the worker's own")
