"""What predict is asked for beside its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Asked:
    """The model and the drawings.

    Attributes:
        model: pretrained, a results folder or a model file; None takes the default.
        attention: .png, .gif or .html to draw where the model looked, or None.
        render: PNG to draw the formula under its picture, or None.
    """

    model: str | None
    attention: Path | None
    render: Path | None
