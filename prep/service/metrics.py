"""Counts for /metrics, in Prometheus' text form."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600)
UNKNOWN = "other"  # addresses that no route has: their number has no bound


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = {"registry": self.registry}
        self.requests = Counter("prep_requests", "Answered requests", ["route", "status"], **own)
        self.seconds = Histogram("prep_request_seconds", "How long they took", ["route"], buckets=SECONDS, **own)
        self.read = Gauge("prep_pictures_read_total", "Pictures read", **own)
        self.batches = Gauge("prep_batches_read_total", "Batches that they were read in", **own)
        self.to_read = Gauge("prep_reading_waiting", "Pictures that wait to be read", **own)
        self.to_draw = Gauge("prep_drawing_waiting", "Requests that wait to be drawn", **own)
        self.drawing = Gauge("prep_drawing_at_work", "Whether something is being drawn", **own)

    def asked(self, scope: dict[str, Any], status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN)
        self.requests.labels(route, status or 499).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self, desk: Any) -> bytes:
        self.read.set(desk.reading.pictures)
        self.batches.set(desk.reading.batches)
        self.to_read.set(len(desk.reading.waiting))
        now = desk.now()
        self.to_draw.set(now.waiting)
        self.drawing.set(bool(now.id))
        return generate_latest(self.registry)
