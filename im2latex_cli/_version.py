"""The version of the installed package, apart from the package so that any module may import it."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("im2latex-cli")
