"""The two streams: results on stdout, all else on stderr. rich is imported when first written to.

rich itself respects NO_COLOR and drops colours if the stream is no terminal.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from im2latex_cli.cli.flags import with_flags

if TYPE_CHECKING:
    from rich.console import Console


@cache
def stderr() -> Console:
    """Return the console for progress, warnings and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def out(text: str) -> None:
    """Write one result to stdout as it is, and flush, so that a reader downstream sees it now."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str, style: str | None = None) -> None:
    """Write one line to stderr; a plain one needs no rich, which takes 40 ms to import."""
    if style is None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    else:
        stderr().print(text, style=style)


def error(message: str, hint: str | None = None) -> None:
    """Write an error and its hint to stderr."""
    console = stderr()
    console.print("error: ", style="bold red", end="")
    console.print(with_flags(message))
    if hint:
        console.print("hint: ", style="bold", end="")
        console.print(with_flags(hint))
