"""Counts for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Histogram:
    """How often values fell below each bound.

    Args:
        bounds: rising upper bounds; one more bucket holds the rest.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str) -> Iterator[str]:
        """The samples, under the metric's name."""
        totals = list(accumulate(self._counts))
        for bound, total in zip((*map(str, self._bounds), "+Inf"), totals, strict=True):
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum:.6f}"
        yield f"{name}_count {totals[-1]}"


class Metrics:
    """What the server counts.

    Attributes:
        requests: pictures asked for, by HTTP status.
        seconds: time from a request for a picture to its answer.
        sizes: pictures read together.
    """

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()
        self.seconds = Histogram(SECONDS)
        self.sizes = Histogram(SIZES)

    def text(self, *, waiting: int) -> str:
        """Everything in Prometheus' text format."""
        requests = (
            f'im2latex_requests_total{{status="{status}"}} {count}'
            for status, count in sorted(self.requests.items())
        )
        blocks = [
            ("im2latex_requests_total", "counter", "Pictures asked for, by status.", requests),
            (
                "im2latex_request_seconds",
                "histogram",
                "Seconds from a request for a picture to its answer.",
                self.seconds.lines("im2latex_request_seconds"),
            ),
            (
                "im2latex_batch_pictures",
                "histogram",
                "Pictures read together.",
                self.sizes.lines("im2latex_batch_pictures"),
            ),
            (
                "im2latex_waiting_pictures",
                "gauge",
                "Pictures that wait now.",
                iter([f"im2latex_waiting_pictures {waiting}"]),
            ),
        ]
        lines = []
        for name, kind, meaning, samples in blocks:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *samples]
        return "\n".join(lines) + "\n"
