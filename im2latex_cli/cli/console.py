"""The two streams, results on stdout and all else on stderr, and what is written to them.

rich is imported when first written to. It respects NO_COLOR and drops colours if the stream is no
terminal.

A service writes the name of a setting or of an argument in backquotes, as in "Lower
`train.learning_rate`, or set `force`.". On the way to a stream such names become the flags that a
user types.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


_NAME = re.compile(r"`([a-z_]+(?:\.[a-z_]+)?)`")
_FLAGS: dict[str, str] = {}


def register(name: str, flag: str) -> None:
    """Say which flag sets a setting or an argument; a setting's last word may replace its name."""
    _FLAGS[name] = flag
    last = name.rpartition(".")[2]
    if flag == f"--{last.replace('_', '-')}":
        _FLAGS.setdefault(last, flag)


def with_flags(text: str) -> str:
    """Replace names in backquotes by flags; settings that have none lose the backquotes."""
    return _NAME.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    name = match[1]
    return _FLAGS.get(name, name if "." in name else match[0])


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
