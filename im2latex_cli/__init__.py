"""Read pictures of formulas as LaTeX.

The names of this package are its public interface, under semantic versioning; its modules are
not. None of them is imported before it is used: `import im2latex_cli` loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from im2latex_cli._version import __version__
    from im2latex_cli.data.predictions import Hypothesis
    from im2latex_cli.decoding.calibration import calibration_error
    from im2latex_cli.errors import (
        CheckpointError,
        Im2LatexError,
        InputError,
        UsageError,
    )
    from im2latex_cli.evaluate.text import TextScores, text_scores
    from im2latex_cli.formats import Conversion
    from im2latex_cli.formats.convert import convert
    from im2latex_cli.latex.normalize import Normalized, normalize
    from im2latex_cli.latex.tokenizer import join, tokenize
    from im2latex_cli.reading_warning import ReadingWarning
    from im2latex_cli.recognition.reader import Picture
    from im2latex_cli.recognition.recognizer import Recognizer, load
    from im2latex_cli.recombination.maker import recombine
    from im2latex_cli.results import Score
    from im2latex_cli.settings.sections import DecodeSettings

__all__ = [
    "CheckpointError",
    "Conversion",
    "DecodeSettings",
    "Hypothesis",
    "Im2LatexError",
    "InputError",
    "Normalized",
    "Picture",
    "ReadingWarning",
    "Recognizer",
    "Score",
    "TextScores",
    "UsageError",
    "__version__",
    "calibration_error",
    "convert",
    "join",
    "load",
    "normalize",
    "recombine",
    "text_scores",
    "tokenize",
]

_MODULES = {
    "__version__": "_version",
    "CheckpointError": "errors",
    "Conversion": "formats",
    "DecodeSettings": "settings.sections",
    "Hypothesis": "data.predictions",
    "Im2LatexError": "errors",
    "InputError": "errors",
    "Normalized": "latex.normalize",
    "Picture": "recognition.reader",
    "ReadingWarning": "reading_warning",
    "Recognizer": "recognition.recognizer",
    "Score": "results",
    "TextScores": "evaluate.text",
    "UsageError": "errors",
    "calibration_error": "decoding.calibration",
    "convert": "formats.convert",
    "join": "latex.tokenizer",
    "load": "recognition.recognizer",
    "normalize": "latex.normalize",
    "recombine": "recombination.maker",
    "text_scores": "evaluate.text",
    "tokenize": "latex.tokenizer",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
