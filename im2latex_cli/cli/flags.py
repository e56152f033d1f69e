"""Flags in place of the names that services give to settings and arguments.

A service writes the name of a setting or of an argument in backquotes, as in "Lower
`train.learning_rate`, or set `force`.". Here such names become what a user types.
"""

from __future__ import annotations

import re

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
