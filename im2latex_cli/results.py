"""What the fields of a service's result may be beside plain values.

JSON output has every field. For people, a field marked with `DETAIL`
(`groups: tuple[Group, ...] = field(metadata=DETAIL)`) is shown with --verbose only. A `Score` named
`x` is written as `x` and `x_interval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Self

DETAIL: Mapping[str, bool] = {"detail": True}
INTERVAL = "_interval"
"""Ends the name under which the interval of a score is written."""


class Score(float):
    """A figure with its 95 % interval; it compares, computes and formats as the figure alone.

    Attributes:
        low: the interval's lower end; None if there is no interval.
        high: its upper end.
    """

    __slots__ = ("high", "low")
    low: float | None
    high: float | None

    def __new__(cls, value: float, low: float | None = None, high: float | None = None) -> Self:
        """Make a score."""
        score = super().__new__(cls, value)
        score.low, score.high = low, high
        return score

    @property
    def value(self) -> float:
        """The figure alone."""
        return float(self)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end of the interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def __repr__(self) -> str:
        return f"Score({self.value!r}, {self.low!r}, {self.high!r})"

    def __reduce__(self) -> tuple[type, tuple[float, float | None, float | None]]:
        """What `copy` and `pickle` make the score of again."""
        return type(self), (self.value, self.low, self.high)


def items(result: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each field as it is written; a score as two."""
    for item in fields(result):
        value = getattr(result, item.name)
        if isinstance(value, Score):
            yield item.name, value.value
            yield item.name + INTERVAL, value.interval
        elif value is None and item.type == "Score | None":
            yield item.name, None
            yield item.name + INTERVAL, None
        else:
            yield item.name, value


def is_detail(result: Any, name: str) -> bool:
    """Whether the field of that name is a detail; mappings have none."""
    if not is_dataclass(result):
        return False
    name = name.removesuffix(INTERVAL)
    return any(item.name == name and item.metadata.get("detail", False) for item in fields(result))
