"""What a server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

__all__ = ["CONTENT_TYPE", "Metrics"]

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counts of one server, apart from those of the process.

    Attributes:
        seconds: time from a request for a picture to its answer.
        sizes: pictures read together.
        waiting: pictures that wait now.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "im2latex_requests",
            "Pictures asked for, by status.",
            ["status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "im2latex_request_seconds",
            "Seconds from a request for a picture to its answer.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self.sizes = Histogram(
            "im2latex_batch_pictures",
            "Pictures read together.",
            buckets=SIZES,
            registry=self._registry,
        )
        self.waiting = Gauge(
            "im2latex_waiting_pictures", "Pictures that wait now.", registry=self._registry
        )

    def count(self, status: int, seconds: float) -> None:
        """Count a request for a picture by its status, and how long it took."""
        self._requests.labels(status=str(status)).inc()
        self.seconds.observe(seconds)

    def requests(self, status: int | None = None) -> int:
        """Return how many pictures were asked for, of one status or of all."""
        return sum(
            int(sample.value)
            for metric in self._requests.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and status in {None, int(sample.labels["status"])}
        )

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
