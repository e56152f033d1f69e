"""How work reports its progress. Knows no terminal: `cli.session` draws bars, tests stay silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One piece of work under way."""

    def advance(self, count: int = 1) -> None:
        """Count `count` more items done."""

    def note(self, text: str) -> None:
        """Show a short live text beside the bar: a loss, a rate."""

    def resize(self, total: int) -> None:
        """Change how many items there are in all."""


class Reporter(Protocol):
    """Where a service sends what people may want to see while it runs; never results."""

    def step(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        """Begin a piece of work of `total` items; a bar on a terminal, one line elsewhere."""

    def info(self, message: str) -> None:
        """Say something useful once; hidden by -q."""

    def detail(self, message: str) -> None:
        """Say something shown only with -v."""

    def warn(self, message: str) -> None:
        """Say something that the user should act on."""

    def metrics(self, row: Mapping[str, float | int | str]) -> None:
        """Show one row of a running table, such as a training evaluation."""


class SilentStep:
    """A step that nobody watches."""

    def advance(self, count: int = 1) -> None:
        """Count nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def resize(self, total: int) -> None:
        """Change nothing."""


class SilentReporter:
    """A reporter for libraries and tests; keeps its warnings for whoever asks."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Begin a step that nobody watches."""
        yield SilentStep()

    def info(self, message: str) -> None:
        """Say nothing."""

    def detail(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Keep the warning."""
        self.warnings.append(message)

    def metrics(self, row: Mapping[str, float | int | str]) -> None:
        """Show nothing."""
