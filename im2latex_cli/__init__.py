"""Turn pictures of formulas into LaTeX, and build, train and measure such a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from im2latex_cli._version import __version__

if TYPE_CHECKING:
    from im2latex_cli.recognizer import Recognizer

__all__ = ["Recognizer", "__version__"]


def __getattr__(name: str) -> Any:
    """Import torch only when the recogniser is asked for."""
    if name == "Recognizer":
        from im2latex_cli.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
